//! Serverless VPC Access connectors, and the CPUs that they use.
//! <https://cloud.google.com/vpc/docs/reference/vpcaccess/rest/v1/projects.locations.connectors>

use serde_json::Value;

use crate::sim::{
    api::{
        fields::{Field, choice, int, message, text},
        service::Service,
    },
    http::call::Call,
    services::shared::address_space::CONNECTORS,
    state::State,
    store::kind::{Audited, Kind, Plain},
};

pub static KIND: Kind = Kind {
    collection: CONNECTORS,
    service: Service::VpcAccess,
    segment: "connectors",
    regional: true,
    methods: "vpcaccess.projects.locations.connectors",
    permissions: "vpcaccess.connectors",
    message: "google.cloud.vpcaccess.v1.Connector",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("network"),
    text("ipCidrRange"),
    message("subnet", &[text("name"), text("projectId")]),
    text("machineType"),
    int("minInstances"),
    int("maxInstances"),
    int("minThroughput"),
    int("maxThroughput"),
    choice("state", &["READY", "CREATING", "DELETING", "ERROR", "UPDATING"]).output(),
    text("connectedProjects").repeated().output(),
];

/// The default limit of CPUs in a region.
const CPUS: u64 = 2400;

/// The vCPUs of one instance, as quotas count them.
pub fn cpus_of(machine: &Value) -> u64 {
    match machine.as_str() {
        Some("e2-standard-4") => 4,
        Some("f1-micro") => 1,
        _ => 2,
    }
}

/// The limit and the usage of CPUs in a region: a connector runs its minimum number of instances, one in ERROR none.
pub fn cpus(state: &State, call: &Call, region: &str) -> (u64, u64) {
    let given = state.projects.get(&call.project).and_then(|project| project.region_quotas.get(region));
    let limit = given.and_then(|quotas| quotas.get("CPUS")).map_or(CPUS, |limit| (*limit).into());
    let under = format!("projects/{}/locations/{region}/connectors/", call.project);
    let connectors = state.accepted(call).all(CONNECTORS).filter(|(path, _)| path.starts_with(&under));
    let running = connectors.filter(|(_, connector)| connector["state"] != "ERROR");
    let used = running
        .map(|(_, connector)| connector["minInstances"].as_u64().unwrap_or(2) * cpus_of(&connector["machineType"]));
    (limit, used.sum())
}
