//! Serverless VPC Access connectors: what they are, and the address space they hold.
//! <https://cloud.google.com/vpc/docs/reference/vpcaccess/rest/v1/projects.locations.connectors>

use ipnet::Ipv4Net;
use jiff::SignedDuration;
use serde_json::Value;

use crate::sim::{
    api::{
        cidr,
        fields::{Field, choice, int, message, text},
        links,
        service::Service,
    },
    http::call::Call,
    services::compute::networks::network_of,
    state::State,
    store::{
        documents::Standing,
        kind::{Audited, Kind, Plain},
    },
};

pub static KIND: Kind = Kind {
    collection: "vpcaccess.connectors",
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

/// Google's own resources of a connector are named after it: `aet-uscentral1-my--name-sbnt`. No list shows them.
fn hidden(path: &str, suffix: &str) -> String {
    let region = path.split('/').nth(3).unwrap_or_default().replace('-', "");
    format!("aet-{region}-{}-{suffix}", links::last(path).replace('-', "--"))
}

/// The path of the subnetwork a connector stands on, if it has that form.
pub fn subnetwork_of(path: &str, connector: &Value) -> Option<String> {
    let name = connector["subnet"]["name"].as_str()?;
    let project = connector["subnet"]["projectId"].as_str().unwrap_or_else(|| links::project(path));
    let region = path.split('/').nth(3)?;
    Some(format!("projects/{project}/regions/{region}/subnetworks/{name}"))
}

/// The path of the network a connector is in, in either form.
fn network_path(standing: Standing<'_>, path: &str, connector: &Value) -> Option<String> {
    match connector["network"].as_str() {
        Some(network) => Some(format!("projects/{}/global/networks/{network}", links::project(path))),
        None => Some(network_of(standing.get(&subnetwork_of(path, connector)?)?).to_owned()),
    }
}

/// A connector's hidden firewall rules are still there for a while when it is gone.
const LINGERING: SignedDuration = SignedDuration::from_secs(60);

/// What is in the way of a network's deletion is not a connector but a hidden firewall rule of it.
pub fn on_network(standing: Standing<'_>, network: &str) -> Option<String> {
    let standing = standing.and_before(LINGERING);
    let mut standing =
        standing.all(&KIND).filter(|(path, it)| network_path(standing, path, it).as_deref() == Some(network));
    standing
        .next()
        .map(|(path, _)| format!("projects/{}/global/firewalls/{}", links::project(path), hidden(path, "egrfw")))
}

/// A connector in the way of its subnetwork's deletion.
pub fn on_subnetwork(standing: Standing<'_>, subnetwork: &str) -> Option<String> {
    let mut standing = standing.all(&KIND).filter(|(path, it)| subnetwork_of(path, it).as_deref() == Some(subnetwork));
    standing.next().map(|(path, _)| path.to_owned())
}

/// The hidden subnetwork of a network that holds a part of a range. A connector that failed holds nothing.
pub fn holding(standing: Standing<'_>, network: &str, range: Ipv4Net) -> Option<String> {
    let holds = |path: &str, connector: &Value| {
        let held = connector["ipCidrRange"].as_str().and_then(cidr::range);
        let clashes = connector["state"] != "ERROR" && held.is_some_and(|held| cidr::overlap(held, range));
        clashes && network_path(standing, path, connector).as_deref() == Some(network)
    };
    standing.all(&KIND).find(|(path, connector)| holds(path, connector)).map(|(path, _)| hidden(path, "sbnt"))
}

/// The usual limit of CPUs in a region, far from what any world here needs.
const CPUS: u64 = 2400;

/// The vCPUs of one instance, as quotas count them.
pub fn cpus_of(machine: &Value) -> u64 {
    match machine.as_str() {
        Some("e2-standard-4") => 4,
        Some("f1-micro") => 1,
        _ => 2,
    }
}

/// The limit of CPUs of a region and what its connectors use: each has its fewest instances, one that failed has none.
pub fn cpus(state: &State, call: &Call, region: &str) -> (u64, u64) {
    let given = state.projects.get(&call.project).and_then(|project| project.region_quotas.get(region));
    let limit = given.and_then(|quotas| quotas.get("CPUS")).map_or(CPUS, |limit| (*limit).into());
    let under = format!("projects/{}/locations/{region}/connectors/", call.project);
    let connectors = state.standing(call).all(&KIND).filter(|(path, _)| path.starts_with(&under));
    let running = connectors.filter(|(_, connector)| connector["state"] != "ERROR");
    let used = running
        .map(|(_, connector)| connector["minInstances"].as_u64().unwrap_or(2) * cpus_of(&connector["machineType"]));
    (limit, used.sum())
}
