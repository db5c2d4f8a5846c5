//! A policy to start from, written for what a project already has. It reads and reports, and writes nothing.

use std::fmt::Write;

use ipnet::Ipv4Net;

use super::list;
use crate::domain::names::{ConnectorRef, NetworkRef, ProjectId, Region, short_hash};

/// What was found in a project.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub project: ProjectId,
    /// Regions with connectors or workloads; none = the policy is for all.
    pub regions: Vec<Region>,
    /// The most used first.
    pub networks: Vec<NetworkRef>,
    pub connectors: Vec<ConnectorRef>,
    /// A range of which no part is taken, as far as was read.
    pub pool: Option<Ipv4Net>,
    /// Deny rules for egress that apply to connectors.
    pub denies: Vec<String>,
    /// Routes that lead 0.0.0.0/0 elsewhere than to the internet gateway, with their next hops.
    pub routes: Vec<(String, String)>,
}

/// The policy as YAML; what a person has to decide is in comments.
pub fn policy(found: &Found) -> String {
    let mut page = String::new();
    // Writing to text does not fail.
    let _ = write(found, &mut page);
    page
}

fn write(found: &Found, page: &mut String) -> std::fmt::Result {
    let Found { project, regions, networks, connectors, pool, denies, routes } = found;
    writeln!(page, "# Written for {project} by `egress-reconciler init`. It reads and reports, and writes nothing.")?;
    writeln!(page, "version: 1")?;
    writeln!(
        page,
        "owner: egress-{}          # unique for each installation; stamped on all that is created",
        short_hash(project.as_str())
    )?;
    writeln!(page, "mode: report                    # off | report | create | enforce")?;
    writeln!(page, "scope:\n  projects: [{project}]")?;
    match regions.as_slice() {
        [] => writeln!(page, "  regions: all                  # no connector and no workload was found in any")?,
        regions => writeln!(page, "  regions: [{}]", list(regions.iter().map(ToString::to_string)))?,
    }
    let network = networks.first();
    let host = network.map(|network| &network.project).filter(|host| *host != project);
    if let Some(host) = host {
        writeln!(page, "  hosts: [{host}]   # the Shared VPC host of the network")?;
    }
    match network {
        Some(network) if host.is_some() => writeln!(page, "network:\n  name: {network}")?,
        Some(network) => writeln!(page, "network:\n  name: {}", network.name)?,
        None => writeln!(
            page,
            "network:\n  name: my-vpc                  # no network was found: name one, or set `create: true`"
        )?,
    }
    if networks.len() > 1 {
        let others = networks[1..]
            .iter()
            .map(|other| if other.project == *project { other.name.to_string() } else { other.to_string() });
        writeln!(page, "  # Other networks: {}. A policy is for one; see `overrides`.", list(others))?;
    }
    writeln!(page, "connector:")?;
    writeln!(page, "  ensure: never                 # for new connectors: `referenced`, and a range for them:")?;
    match pool {
        Some(pool) => {
            writeln!(page, "  # subnet_pools: [{pool}]   # free as far as this VPC shows; ask who plans addresses")?;
        }
        None if networks.is_empty() => {
            writeln!(page, "  # subnet_pools: [10.8.0.0/24]   # ask who plans addresses")?;
        }
        None => {
            writeln!(page, "  # subnet_pools: []   # no free /24 was found in 10.0.0.0/8; ask who plans addresses")?
        }
    }
    for (route, hop) in routes {
        writeln!(page, "# The route {route} leads 0.0.0.0/0 to {hop}: traffic through it does not use Cloud NAT.")?;
    }
    if !routes.is_empty() {
        writeln!(page, "# nat:\n#   ensure: never")?;
    }
    writeln!(page, "firewall:")?;
    writeln!(page, "  enforcement: observe          # allow-only | observe | enforce")?;
    writeln!(page, "  internal: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10]")?;
    writeln!(page, "  internet:\n    - {{to: [0.0.0.0/0], ports: [tcp:443, tcp:80]}}")?;
    if !connectors.is_empty() {
        writeln!(page, "  # Connectors that exist get rules only if they are adopted, best one at a time:")?;
        writeln!(page, "  # adopt:")?;
        for connector in connectors {
            writeln!(page, "  #   - {}    # {}", connector.name, connector.region)?;
        }
    }
    if !denies.is_empty() {
        writeln!(
            page,
            "  # Deny rules of others that apply to connectors; allow rules precede only those that are named here:"
        )?;
        writeln!(page, "  # override_denies: [{}]", list(denies))?;
    }
    writeln!(page, "# reports:                      # without a topic, reports go to stdout")?;
    writeln!(page, "#   topic: projects/PROJECT_ID/topics/egress-reports")
}
