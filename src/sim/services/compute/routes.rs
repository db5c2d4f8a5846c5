//! Routes. <https://cloud.google.com/compute/docs/reference/rest/v1/routes>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        cidr,
        errors::Refusal,
        fields::{self, Field, any, int, link, text},
        service::Service,
    },
    services::compute::change,
    store::kind::{Audited, Draft, Kind, Rules},
};

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
        change::reference(draft, document, "network")?;
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
        change::update_policy(document)
    }
}
