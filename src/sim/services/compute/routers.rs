//! Cloud Routers, and Cloud NAT inside them. <https://cloud.google.com/compute/docs/reference/rest/v1/routers>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{self, Field, any, flag, link, message, text},
        links,
        service::Service,
    },
    services::compute::{change, nats, networks::network_of, routing},
    store::{
        documents::Standing,
        kind::{Audited, Draft, Kind, Rules},
    },
};

pub static KIND: Kind = Kind {
    collection: "compute.routers",
    service: Service::Compute,
    segment: "routers",
    regional: true,
    methods: "compute.routers",
    permissions: "compute.routers",
    message: "compute#router",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_router", id: "router_id", region: Some("region") },
    rules: &Router,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description"),
    link("network").fixed(),
    link("region").fixed(),
    flag("encryptedInterconnectRouter").fixed(),
    message("nats", nats::FIELDS).repeated(),
    any("bgp"),
    any("bgpPeers").repeated(),
    any("interfaces").repeated(),
    any("md5AuthenticationKeys").repeated(),
    any("params"),
    link("nccGateway"),
    any("bestRoutes").repeated().output(),
    any("natStatus").repeated().output(),
];

/// <https://cloud.google.com/network-connectivity/docs/router/quotas>
const ROUTERS_IN_A_NETWORK_AND_REGION: usize = 5;

struct Router;

impl Rules for Router {
    fn complete(&self, _draft: &Draft<'_>, document: &mut Map<String, Value>) {
        document.entry("encryptedInterconnectRouter").or_insert_with(|| false.into());
        if let Some(Value::Array(list)) = document.get_mut("nats") {
            list.iter_mut().filter_map(Value::as_object_mut).for_each(nats::complete);
        }
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        let network = change::reference(draft, document, "network")?;
        if draft.before.is_none() {
            let here = beside(draft, &network).count();
            if here >= ROUTERS_IN_A_NETWORK_AND_REGION {
                let message =
                    format!("Quota 'ROUTERS' exceeded. Limit: {ROUTERS_IN_A_NETWORK_AND_REGION}.0 in region.");
                return Err(Refusal::new(Code::PERMISSION_DENIED, "quotaExceeded", message));
            }
        }
        let others: Vec<&Value> = beside(draft, &network).flat_map(|(_, router)| nats_of(router)).collect();
        nats::check(draft, &network, document, &others)
    }

    fn present(&self, _standing: Standing<'_>, document: &mut Value) {
        routing::hide(document, &routing::OF_ROUTER);
    }

    fn further_permissions(&self, document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        let mut wanted = change::update_policy(document);
        for nat in document.get("nats").and_then(Value::as_array).into_iter().flatten() {
            let subnets = nat["subnetworks"].as_array().into_iter().flatten().map(|one| &one["name"]);
            let addresses = nat["natIps"].as_array().into_iter().flatten();
            let path = |link: &Value| links::path(link.as_str().unwrap_or_default()).to_owned();
            wanted.extend(subnets.map(|link| ("compute.subnetworks.use", path(link))));
            wanted.extend(addresses.map(|link| ("compute.addresses.use", path(link))));
        }
        wanted
    }
}

/// The other routers of this network and region.
fn beside<'a>(draft: &'a Draft<'_>, network: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let region = draft.region.unwrap_or_default();
    draft.standing.all(&KIND).filter(move |(path, router)| {
        *path != draft.path
            && network_of(router) == network
            && links::last(router["region"].as_str().unwrap_or_default()) == region
    })
}

fn nats_of(router: &Value) -> impl Iterator<Item = &Value> {
    router["nats"].as_array().into_iter().flatten()
}

/// The routers whose NATs leave by an address.
pub fn leaving_by(standing: Standing<'_>, address: &str) -> Vec<String> {
    let names = |nat: &Value| {
        let used = ["natIps", "drainNatIps"].into_iter().flat_map(|field| nat[field].as_array().into_iter().flatten());
        used.map(|link| links::path(link.as_str().unwrap_or_default())).any(|path| path == address)
    };
    let using = standing.all(&KIND).filter(|(_, router)| nats_of(router).any(names));
    using.map(|(path, _)| path.to_owned()).collect()
}

/// The router whose NAT names a subnetwork.
pub fn serving(standing: Standing<'_>, subnetwork: &str) -> Option<String> {
    let names = |nat: &Value| {
        let listed = nat["subnetworks"].as_array().into_iter().flatten();
        listed.map(|one| links::path(one["name"].as_str().unwrap_or_default())).any(|path| path == subnetwork)
    };
    standing.all(&KIND).find(|(_, router)| nats_of(router).any(names)).map(|(path, _)| path.to_owned())
}
