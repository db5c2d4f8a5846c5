//! VPC networks. <https://cloud.google.com/compute/docs/reference/rest/v1/networks>

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use crate::sim::{
    answer::Refusal,
    clock::written,
    fields::{Field, any, choice, flag, int, link, long, message, text},
    kind::{Audited, Draft, Kind, Rules},
    kinds::{connectors, firewalls, routers, routes, subnetworks},
    links,
    route::Service,
    store::Standing,
};

pub static KIND: Kind = Kind {
    collection: "compute.networks",
    service: Service::Compute,
    segment: "networks",
    regional: false,
    methods: "compute.networks",
    permissions: "compute.networks",
    message: "compute#network",
    fields: FIELDS,
    audited: Audited { resource: "gce_network", id: "network_id", region: None },
    rules: &Network,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description").fixed(),
    flag("autoCreateSubnetworks"),
    int("mtu"),
    flag("enableUlaInternalIpv6"),
    text("internalIpv6Range").fixed(),
    choice("networkFirewallPolicyEnforcementOrder", &["AFTER_CLASSIC_FIREWALL", "BEFORE_CLASSIC_FIREWALL"]),
    link("networkProfile").fixed(),
    message(
        "routingConfig",
        &[
            choice("routingMode", &["GLOBAL", "REGIONAL"]),
            choice("bgpBestPathSelectionMode", &["LEGACY", "STANDARD"]),
            flag("bgpAlwaysCompareMed"),
            choice("bgpInterRegionCost", &["ADD_COST_TO_MED", "DEFAULT"]),
            flag("effectiveBgpAlwaysCompareMed").output(),
            text("effectiveBgpInterRegionCost").output(),
        ],
    ),
    any("params"),
    any("peerings").repeated().output(),
    text("subnetworks").repeated().output(),
    text("firewallPolicy").output(),
    text("IPv4Range").output(),
    text("gatewayIPv4").output(),
    text("kind").output(),
    long("id").output(),
    text("creationTimestamp").output(),
    text("selfLink").output(),
    text("selfLinkWithId").output(),
];

struct Network;

impl Rules for Network {
    fn complete(&self, draft: &Draft<'_>, document: &mut Map<String, Value>) {
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        let with_id = links::full(&format!("projects/{}/global/networks/{id}", draft.project));
        document.insert("selfLinkWithId".to_owned(), with_id.into());
        let order = || "AFTER_CLASSIC_FIREWALL".into();
        document.entry("networkFirewallPolicyEnforcementOrder").or_insert_with(order);
        let routing = document.entry("routingConfig").or_insert_with(|| json!({}));
        if routing["routingMode"].is_null() {
            routing["routingMode"] = "REGIONAL".into();
        }
        if routing["bgpBestPathSelectionMode"].is_null() {
            routing["bgpBestPathSelectionMode"] = "LEGACY".into();
        }
    }

    fn check(&self, _draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        // Neither set is a legacy network, which can no longer be created.
        if document.contains_key("autoCreateSubnetworks") {
            return Ok(());
        }
        Err(Refusal::invalid("Legacy networks are no longer supported. Please set autoCreateSubnetworks."))
    }

    /// The route to the internet, and the subnetworks of an auto mode network.
    fn companions(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Vec<(&'static Kind, String, Value)> {
        let path = default_route(draft.project, document);
        let base = json!({
            "creationTimestamp": written(draft.now),
            "id": draft.draw.and("default route").id(),
            "network": links::full(draft.path),
        });
        let mut route = base.clone();
        merge(
            &mut route,
            json!({
                "kind": "compute#route",
                "name": links::last(&path),
                "description": "Default route to the Internet.",
                "destRange": "0.0.0.0/0",
                "priority": 1000,
                "nextHopGateway": links::full(&format!("projects/{}/global/gateways/default-internet-gateway", draft.project)),
                "selfLink": links::full(&path),
            }),
        );
        let mut companions = vec![(&routes::KIND, path, route)];
        if document.get("autoCreateSubnetworks").and_then(Value::as_bool) == Some(true) {
            companions.extend(draft.regions.iter().enumerate().map(|(i, region)| automatic(draft, &base, i, region)));
        }
        companions
    }

    fn user(&self, standing: Standing<'_>, path: &str) -> Option<String> {
        let network = standing.get(path)?;
        let project = path.split('/').nth(1).unwrap_or_default();
        let own = network.as_object().map(|network| default_route(project, network)).unwrap_or_default();
        let automatic = network["autoCreateSubnetworks"] == true;
        let kinds = [&subnetworks::KIND, &routers::KIND, &firewalls::KIND, &routes::KIND];
        let stands_in = |kind: &'static Kind| {
            let name = links::last(path);
            standing
                .all(kind)
                .filter(|(_, document)| links::path(document["network"].as_str().unwrap_or_default()) == path)
                .map(|(other, _)| other.to_owned())
                .find(|other| *other != own && !(automatic && kind == &subnetworks::KIND && links::last(other) == name))
        };
        kinds.into_iter().find_map(stands_in).or_else(|| connectors::on_network(standing, path))
    }

    fn present(&self, standing: Standing<'_>, document: &mut Value) {
        let own = links::path(document["selfLink"].as_str().unwrap_or_default()).to_owned();
        let here = standing.all(&subnetworks::KIND).filter(|(_, subnet)| network_of(subnet) == own);
        let links: Vec<Value> = here.map(|(path, _)| links::full(path).into()).collect();
        if !links.is_empty() {
            document["subnetworks"] = links.into();
        }
    }
}

/// The path of the network that a document stands in.
pub fn network_of(document: &Value) -> &str {
    links::path(document["network"].as_str().unwrap_or_default())
}

fn default_route(project: &str, network: &Map<String, Value>) -> String {
    let id = network.get("id").and_then(Value::as_str).unwrap_or_default();
    let id: u64 = id.parse().unwrap_or(0);
    format!("projects/{project}/global/routes/default-route-{id:016x}")
}

/// One subnetwork of an auto mode network: a /20 of 10.128.0.0/9 for each region.
fn automatic(draft: &Draft<'_>, base: &Value, index: usize, region: &str) -> (&'static Kind, String, Value) {
    let first = u32::from(Ipv4Addr::new(10, 128, 0, 0));
    let start = Ipv4Addr::from(first + (u32::try_from(index % 2048).unwrap_or(0) << 12));
    let path = format!("projects/{}/regions/{region}/subnetworks/{}", draft.project, links::last(draft.path));
    let mut subnet = base.clone();
    merge(
        &mut subnet,
        json!({
            "kind": "compute#subnetwork",
            "id": draft.draw.and(region).id(),
            "name": links::last(draft.path),
            "ipCidrRange": format!("{start}/20"),
            "region": links::full(&format!("projects/{}/regions/{region}", draft.project)),
            "selfLink": links::full(&path),
        }),
    );
    let mut draft_of_subnet = Map::new();
    if let Value::Object(fields) = &subnet {
        draft_of_subnet = fields.clone();
    }
    subnetworks::filled_in(&mut draft_of_subnet);
    (&subnetworks::KIND, path, Value::Object(draft_of_subnet))
}

fn merge(document: &mut Value, more: Value) {
    if let (Value::Object(document), Value::Object(more)) = (document, more) {
        document.extend(more);
    }
}
