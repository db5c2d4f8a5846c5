//! What holds the addresses of a network: subnetworks, and connectors, which Compute and VPC Access both have to check.

use ipnet::Ipv4Net;
use jiff::SignedDuration;
use serde_json::Value;

use crate::sim::{
    api::{
        cidr,
        errors::Refusal,
        links::{self, network_of},
    },
    store::documents::Standing,
};

pub const CONNECTORS: &str = "vpcaccess.connectors";
pub const SUBNETWORKS: &str = "compute.subnetworks";

/// What already holds a part of a range in a network: a subnetwork of any region, or the hidden one of a connector.
pub fn holder(standing: Standing<'_>, network: &str, range: Ipv4Net, but: &str) -> Option<String> {
    let others = standing.all(SUBNETWORKS).filter(|(path, subnet)| *path != but && network_of(subnet) == network);
    let mut clashing =
        others.filter(|(_, subnet)| cidr::of_subnetwork(subnet).iter().any(|held| cidr::overlap(*held, range)));
    let name = |(path, subnet): (&str, &Value)| {
        let region = links::last(subnet["region"].as_str().unwrap_or_default());
        format!("subnetwork '{}' in region '{region}'", links::last(path))
    };
    clashing.next().map(name).or_else(|| {
        let hidden = hidden_subnetwork(standing, network, range)?;
        Some(format!("subnetwork '{hidden}'"))
    })
}

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
pub fn connector_on_network(standing: Standing<'_>, network: &str) -> Option<String> {
    let standing = standing.and_before(LINGERING);
    let mut standing =
        standing.all(CONNECTORS).filter(|(path, it)| network_path(standing, path, it).as_deref() == Some(network));
    standing
        .next()
        .map(|(path, _)| format!("projects/{}/global/firewalls/{}", links::project(path), hidden(path, "egrfw")))
}

/// A connector in the way of its subnetwork's deletion.
pub fn connector_on_subnetwork(standing: Standing<'_>, subnetwork: &str) -> Option<String> {
    let mut standing =
        standing.all(CONNECTORS).filter(|(path, it)| subnetwork_of(path, it).as_deref() == Some(subnetwork));
    standing.next().map(|(path, _)| path.to_owned())
}

/// The hidden subnetwork of a network that holds a part of a range. A connector that failed holds nothing.
fn hidden_subnetwork(standing: Standing<'_>, network: &str, range: Ipv4Net) -> Option<String> {
    let holds = |path: &str, connector: &Value| {
        let held = connector["ipCidrRange"].as_str().and_then(cidr::range);
        let clashes = connector["state"] != "ERROR" && held.is_some_and(|held| cidr::overlap(held, range));
        clashes && network_path(standing, path, connector).as_deref() == Some(network)
    };
    standing.all(CONNECTORS).find(|(path, connector)| holds(path, connector)).map(|(path, _)| hidden(path, "sbnt"))
}

/// Whether subnets and connectors can be made in a network at all.
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
