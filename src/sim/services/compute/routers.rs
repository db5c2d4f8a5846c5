//! Cloud Routers, and Cloud NAT inside them. <https://cloud.google.com/compute/docs/reference/rest/v1/routers>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{self, Field, any, flag, link, message, region, text},
        links::{self, network_of},
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, Draft, Kind, Rules},
    },
};

use super::{nats, references};

pub static KIND: Kind = Kind {
    collection: nats::ROUTERS,
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
    region("region").fixed(),
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

/// Fields of a router's document that only its status shows.
const STATUS_FIELDS: [&str; 2] = ["bestRoutes", "natStatus"];

/// <https://cloud.google.com/network-connectivity/docs/router/quotas>
const MAX_ROUTERS: usize = 5;

struct Router;

impl Rules for Router {
    fn complete(&self, _draft: &Draft<'_>, document: &mut Map<String, Value>) {
        document.entry("encryptedInterconnectRouter").or_insert_with(|| false.into());
        if let Some(Value::Array(list)) = document.get_mut("nats") {
            list.iter_mut().filter_map(Value::as_object_mut).for_each(nats::complete);
        }
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        let network = references::reference(draft, document, "network")?;
        if draft.before.is_none() {
            let here = beside(draft, &network).count();
            if here >= MAX_ROUTERS {
                let message = format!("Quota 'ROUTERS' exceeded. Limit: {MAX_ROUTERS}.0 in region.");
                return Err(Refusal::new(Code::PERMISSION_DENIED, "quotaExceeded", message));
            }
        }
        let others: Vec<&Value> = beside(draft, &network).flat_map(|(_, router)| nats::of_router(router)).collect();
        nats::check(draft, &network, document, &others)
    }

    fn present(&self, _standing: Accepted<'_>, document: &mut Value) {
        fields::hide(document, &STATUS_FIELDS);
    }

    fn further_permissions(&self, document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        let mut wanted = references::update_policy(document);
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
    draft.accepted.all(KIND.collection).filter(move |(path, router)| {
        *path != draft.path
            && network_of(router) == network
            && links::last(router["region"].as_str().unwrap_or_default()) == region
    })
}
