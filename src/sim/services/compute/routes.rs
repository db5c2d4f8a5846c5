//! Routes. <https://cloud.google.com/compute/docs/reference/rest/v1/routes>

use ipnet::Ipv4Net;
use serde_json::{Map, Value};

use crate::sim::{
    api::{
        cidr,
        errors::Refusal,
        fields::{self, Field, any, int, link, text},
        links::network_of,
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, Draft, Kind, Rules},
    },
};

use super::references;

pub static KIND: Kind = Kind {
    collection: "compute.routes",
    service: Service::Compute,
    segment: "routes",
    regional: false,
    methods: "compute.routes",
    permissions: "compute.routes",
    message: "compute#route",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_route", id: "route_id", region: None },
    rules: &Route,
};

const NEXT_HOPS: [&str; 5] = ["nextHopGateway", "nextHopIlb", "nextHopInstance", "nextHopIp", "nextHopVpnTunnel"];

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description").fixed(),
    link("network").fixed(),
    text("destRange").fixed(),
    int("priority").fixed(),
    text("tags").repeated().fixed(),
    link("nextHopGateway").fixed(),
    link("nextHopInstance").fixed(),
    link("nextHopVpnTunnel").fixed(),
    text("nextHopIlb").fixed(),
    text("nextHopIp").fixed(),
    link("nextHopNetwork").output(),
    text("nextHopPeering").output(),
    text("nextHopHub").output(),
    text("nextHopOrigin").output(),
    text("routeStatus").output(),
    text("routeType").output(),
    any("asPaths").repeated().output(),
    any("warnings").repeated().output(),
    any("params"),
];

struct Route;

impl Rules for Route {
    fn complete(&self, _draft: &Draft<'_>, document: &mut Map<String, Value>) {
        document.entry("priority").or_insert_with(|| 1000.into());
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        references::reference(draft, document, "network")?;
        let range =
            document.get("destRange").and_then(Value::as_str).ok_or_else(|| Refusal::required("resource.destRange"))?;
        if cidr::range(range).is_none() {
            let why = "Must be a CIDR address range.";
            return Err(Refusal::value("resource.destRange", range, why));
        }
        if NEXT_HOPS.into_iter().filter(|hop| document.contains_key(*hop)).count() != 1 {
            return Err(Refusal::invalid("Exactly one next hop must be specified."));
        }
        Ok(())
    }

    fn further_permissions(&self, document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        references::update_policy(document)
    }
}

/// A static route whose destination a new subnetwork would equal or contain.
/// <https://cloud.google.com/vpc/docs/routes#subnet-static-routes>
pub fn within<'a>(accepted: Accepted<'a>, network: &str, range: Ipv4Net) -> Option<(&'a str, Ipv4Net)> {
    let custom = accepted.all(KIND.collection).filter(|(_, route)| {
        network_of(route) == network && route["nextHopNetwork"].is_null() && route["nextHopPeering"].is_null()
    });
    let mut held = custom.filter_map(|(path, route)| Some((path, cidr::range(route["destRange"].as_str()?)?)));
    held.find(|(_, held)| range.contains(held))
}
