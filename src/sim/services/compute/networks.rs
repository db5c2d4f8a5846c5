//! VPC networks. <https://cloud.google.com/compute/docs/reference/rest/v1/networks>

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{self, Field, any, choice, flag, int, link, message, text},
        links::{self, network_of},
        service::Service,
    },
    services::shared::address_space,
    store::{
        clock::written,
        documents::Accepted,
        kind::{Audited, Draft, Kind, Rules},
    },
};

use super::{firewalls, routers, routes, subnetworks};

pub static KIND: Kind = Kind {
    collection: "compute.networks",
    service: Service::Compute,
    segment: "networks",
    regional: false,
    methods: "compute.networks",
    permissions: "compute.networks",
    message: "compute#network",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_network", id: "network_id", region: None },
    rules: &Network,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description").fixed(),
    flag("autoCreateSubnetworks"),
    int("mtu"),
    flag("enableUlaInternalIpv6"),
    text("internalIpv6Range"),
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
    any(PEERING_ROUTES).repeated().output(),
    text("IPv4Range").fixed(),
    text("gatewayIPv4").output(),
];

/// The field of a network's document that only the list of peering routes shows.
pub const PEERING_ROUTES: &str = "peeringRoutes";

struct Network;

impl Rules for Network {
    fn complete(&self, draft: &Draft<'_>, document: &mut Map<String, Value>) {
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        let with_id = links::full(&format!("projects/{}/global/networks/{id}", draft.project));
        document.insert("selfLinkWithId".to_owned(), with_id.into());
        let order = || "AFTER_CLASSIC_FIREWALL".into();
        document.entry("networkFirewallPolicyEnforcementOrder").or_insert_with(order);
        // False is not shown.
        if document.get("enableUlaInternalIpv6") == Some(&Value::Bool(false)) {
            document.remove("enableUlaInternalIpv6");
        }
        if document.contains_key("enableUlaInternalIpv6") {
            let draw = draft.draw.and("internalIpv6Range");
            let range = || format!("fd20:{}:{}:0:0:0:0:0/48", draw.hex(2), draw.and("second").hex(2)).into();
            document.entry("internalIpv6Range").or_insert_with(range);
        }
        let routing = document.entry("routingConfig").or_insert_with(|| json!({}));
        if routing["routingMode"].is_null() {
            routing["routingMode"] = "REGIONAL".into();
        }
        if routing["bgpBestPathSelectionMode"].is_null() {
            routing["bgpBestPathSelectionMode"] = "LEGACY".into();
        }
    }

    /// A network with a range of its own, or without the field that says who makes its subnetworks, is a legacy network:
    /// those that exist are kept, and none is made.
    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        let legacy = document.contains_key("IPv4Range") || !document.contains_key("autoCreateSubnetworks");
        if draft.before.is_some() || !legacy {
            return Ok(());
        }
        let message = "Creation of legacy mode networks is deprecated. Please create a subnet mode network instead by \
                       removing the IPv4Range field and adding the autoCreateSubnetworks field to your network insert \
                       request.";
        Err(Refusal::new(Code::INVALID_ARGUMENT, "badRequest", message))
    }

    /// The route to the internet, and the subnetworks of an auto mode network.
    fn companions(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Vec<(&'static Kind, String, Value)> {
        let base = json!({"creationTimestamp": written(draft.now), "network": links::full(draft.path)});
        let mut companions: Vec<_> = if draft.before.is_none() {
            vec![default_route(draft, &base)]
        } else {
            let accepted = draft.accepted.all(routes::KIND.collection).filter(|(path, _)| is_default(path));
            let own = accepted.filter(|(_, route)| network_of(route) == draft.path);
            own.map(|(path, route)| (&routes::KIND, path.to_owned(), route.clone())).collect()
        };
        if document.get("autoCreateSubnetworks").and_then(Value::as_bool) == Some(true) {
            companions.extend(draft.regions.iter().enumerate().map(|(i, region)| automatic(draft, &base, i, region)));
        }
        companions
    }

    fn user(&self, accepted: Accepted<'_>, path: &str) -> Option<String> {
        let automatic = accepted.get(path)?["autoCreateSubnetworks"] == true;
        let kinds = [&subnetworks::KIND, &routers::KIND, &firewalls::KIND, &routes::KIND];
        let goes_along = |kind: &Kind, other: &str| {
            *kind == routes::KIND && is_default(other)
                || *kind == subnetworks::KIND && automatic && links::last(other) == links::last(path)
        };
        let stands_in = |kind: &'static Kind| {
            let here = accepted.all(kind.collection).filter(|(_, document)| network_of(document) == path);
            here.map(|(other, _)| other.to_owned()).find(|other| !goes_along(kind, other))
        };
        kinds.into_iter().find_map(stands_in).or_else(|| address_space::connector_on_network(accepted, path))
    }

    fn present(&self, accepted: Accepted<'_>, document: &mut Value) {
        let own = links::path(document["selfLink"].as_str().unwrap_or_default()).to_owned();
        let here = accepted.all(subnetworks::KIND.collection).filter(|(_, subnet)| network_of(subnet) == own);
        let links: Vec<Value> = here.map(|(path, _)| links::full(path).into()).collect();
        if !links.is_empty() {
            document["subnetworks"] = links.into();
        }
        fields::hide(document, &[PEERING_ROUTES]);
    }
}

/// Whether a route was created with its network.
fn is_default(route: &str) -> bool {
    links::last(route).starts_with("default-route-")
}

fn default_route(draft: &Draft<'_>, base: &Value) -> (&'static Kind, String, Value) {
    let draw = draft.draw.and("default route");
    let path = format!("projects/{}/global/routes/default-route-{}", draft.project, draw.hex(8));
    let gateway = format!("projects/{}/global/gateways/default-internet-gateway", draft.project);
    let mut route = base.clone();
    merge(
        &mut route,
        json!({
            "kind": "compute#route",
            "id": draw.id(),
            "name": links::last(&path),
            "description": "Default route to the Internet.",
            "destRange": "0.0.0.0/0",
            "priority": 1000,
            "nextHopGateway": links::full(&gateway),
            "selfLink": links::full(&path),
        }),
    );
    (&routes::KIND, path, route)
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
    if let Value::Object(fields) = &mut subnet {
        subnetworks::filled_in(fields);
    }
    (&subnetworks::KIND, path, subnet)
}

fn merge(document: &mut Value, more: Value) {
    if let (Value::Object(document), Value::Object(more)) = (document, more) {
        document.extend(more);
    }
}
