//! Address ranges in use in a network, by subnetworks and by connectors. Compute and VPC Access both check them.

use ipnet::Ipv4Net;
use jiff::SignedDuration;
use serde_json::Value;

use crate::sim::{
    api::{
        cidr,
        errors::Refusal,
        links::{self, network_of},
    },
    store::documents::Accepted,
};

pub const CONNECTORS: &str = "vpcaccess.connectors";
pub const SUBNETWORKS: &str = "compute.subnetworks";

/// The subnetwork of a network that overlaps a range: one of any region, or the hidden one of a connector.
pub fn holder(accepted: Accepted<'_>, network: &str, range: Ipv4Net, but: &str) -> Option<String> {
    let others = accepted.all(SUBNETWORKS).filter(|(path, subnet)| *path != but && network_of(subnet) == network);
    let mut clashing =
        others.filter(|(_, subnet)| cidr::of_subnetwork(subnet).iter().any(|held| cidr::overlap(*held, range)));
    let name = |(path, subnet): (&str, &Value)| {
        let region = links::last(subnet["region"].as_str().unwrap_or_default());
        format!("subnetwork '{}' in region '{region}'", links::last(path))
    };
    clashing.next().map(name).or_else(|| {
        let hidden = hidden_subnetwork(accepted, network, range)?;
        Some(format!("subnetwork '{hidden}'"))
    })
}

/// The name of a resource that Google creates for a connector: `aet-uscentral1-my--name-sbnt`. Lists do not show it.
fn hidden(path: &str, suffix: &str) -> String {
    let region = path.split('/').nth(3).unwrap_or_default().replace('-', "");
    format!("aet-{region}-{}-{suffix}", links::last(path).replace('-', "--"))
}

/// The path of the subnetwork of a connector, if it is created on one.
pub fn subnetwork_of(path: &str, connector: &Value) -> Option<String> {
    let name = connector["subnet"]["name"].as_str()?;
    let project = connector["subnet"]["projectId"].as_str().unwrap_or_else(|| links::project(path));
    let region = path.split('/').nth(3)?;
    Some(format!("projects/{project}/regions/{region}/subnetworks/{name}"))
}

/// The path of the network of a connector, however it is created.
fn network_path(accepted: Accepted<'_>, path: &str, connector: &Value) -> Option<String> {
    match connector["network"].as_str() {
        Some(network) => Some(format!("projects/{}/global/networks/{network}", links::project(path))),
        None => Some(network_of(accepted.get(&subnetwork_of(path, connector)?)?).to_owned()),
    }
}

/// How long the hidden firewall rules of a connector remain after it is deleted.
const LINGERING: SignedDuration = SignedDuration::from_secs(60);

/// The hidden firewall rule of a connector, which blocks the deletion of its network.
pub fn connector_on_network(accepted: Accepted<'_>, network: &str) -> Option<String> {
    let accepted = accepted.and_before(LINGERING);
    let mut accepted =
        accepted.all(CONNECTORS).filter(|(path, it)| network_path(accepted, path, it).as_deref() == Some(network));
    accepted
        .next()
        .map(|(path, _)| format!("projects/{}/global/firewalls/{}", links::project(path), hidden(path, "egrfw")))
}

/// The connector that blocks the deletion of a subnetwork.
pub fn connector_on_subnetwork(accepted: Accepted<'_>, subnetwork: &str) -> Option<String> {
    let mut accepted =
        accepted.all(CONNECTORS).filter(|(path, it)| subnetwork_of(path, it).as_deref() == Some(subnetwork));
    accepted.next().map(|(path, _)| path.to_owned())
}

/// The hidden subnetwork in a network that overlaps a range. A connector in ERROR has none.
fn hidden_subnetwork(accepted: Accepted<'_>, network: &str, range: Ipv4Net) -> Option<String> {
    let holds = |path: &str, connector: &Value| {
        let held = connector["ipCidrRange"].as_str().and_then(cidr::range);
        let clashes = connector["state"] != "ERROR" && held.is_some_and(|held| cidr::overlap(held, range));
        clashes && network_path(accepted, path, connector).as_deref() == Some(network)
    };
    accepted.all(CONNECTORS).find(|(path, connector)| holds(path, connector)).map(|(path, _)| hidden(path, "sbnt"))
}

/// Refuses subnetworks and connectors in a legacy network.
pub fn check_not_legacy(network: Option<&Value>) -> Result<(), Refusal> {
    match network.and_then(|network| network["IPv4Range"].as_str()) {
        Some(range) if !range.is_empty() => {
            let name = network.and_then(|network| network["name"].as_str()).unwrap_or_default();
            let why = "A legacy network has no subnetworks. Use a network in auto or custom subnet mode.";
            Err(Refusal::value("resource.network", name, why))
        }
        _ => Ok(()),
    }
}
