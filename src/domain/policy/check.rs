//! What the types cannot say: each sentence names the key, what was found and what was expected.

use std::collections::BTreeSet;

use super::{
    document::{FARTHEST_PRIORITY, Policy},
    sections::{Ensure, FirewallSection, NatSection, NetworkName},
};
use crate::domain::{
    names::{ProjectId, Region, ResourceName},
    ports,
    target::Target,
};

/// Every contradiction in the policy; empty = it holds together.
pub fn policy(policy: &Policy) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, text: String| {
        if !holds {
            wrong.push(text);
        }
    };
    check(policy.version == 1, format!("version: found {}, expected 1", policy.version));
    check(
        (1..=40).contains(&policy.owner.len())
            && policy.owner.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
        format!("owner: found {:?}, expected 1 to 40 letters, digits, `-`, `_` or `.`", policy.owner),
    );
    check(
        !policy.scope.projects.is_empty(),
        "scope.projects: found an empty list, expected at least one project: an empty scope never means everything"
            .into(),
    );
    numbers(policy, &mut check);
    check(
        policy.scope.regions.list().is_none_or(|regions| !regions.is_empty()),
        "scope.regions: found an empty list, expected `all` or at least one region".into(),
    );
    connector(policy, &mut check);
    firewall(&policy.firewall, &mut check);
    for exemption in &policy.exemptions {
        check(
            exemption.connector.is_some() != exemption.workload.is_some(),
            format!(
                "exemptions: the one with reason {:?} must name either a connector or a workload",
                exemption.reason
            ),
        );
        let workload = exemption.workload.as_deref().unwrap_or_default();
        check(
            !workload.contains('/'),
            format!(
                "exemptions: found the workload {workload:?}, expected its name alone, such as nightly-export; `project` and `region` narrow it"
            ),
        );
    }
    nat_ports(&policy.nat, &mut check);
    for name in &policy.nat.static_ips {
        check(
            ResourceName::parse(name).is_ok(),
            format!("nat.static_ips: found {name:?}, expected the name of a regional address"),
        );
    }
    for entry in &policy.nat.direct_vpc_subnets {
        check(
            entry.split_once('/').is_some_and(|(_, name)| ResourceName::parse(name).is_ok()),
            format!("nat.direct_vpc_subnets: found {entry:?}, expected REGION/NAME"),
        );
    }
    if let Some(topic) = &policy.reports.topic {
        let parts: Vec<_> = topic.split('/').collect();
        check(
            matches!(parts.as_slice(), ["projects", project, "topics", name] if !project.is_empty() && name.len() >= 3),
            format!("reports.topic: found {topic:?}, expected projects/PROJECT/topics/NAME"),
        );
    }
    wrong
}

/// A region of a project is decided together, in one network: an override for single connectors cannot give them another.
pub fn networks(policy: &Policy) -> Vec<String> {
    let overrides = || policy.overrides.iter().zip(&policy.resolved);
    let listed = policy.scope.regions.list().unwrap_or_default();
    // Regions that no override names are all alike.
    let others = ["other-region1".to_owned()].map(Region::try_from).into_iter().flatten();
    let regions: BTreeSet<Region> =
        overrides().flat_map(|(entry, _)| &entry.matches.regions).chain(listed).cloned().chain(others).collect();
    let mut wrong = Vec::new();
    for (index, (entry, resolved)) in overrides().enumerate() {
        if entry.matches.connectors.is_empty() || !entry.settings.contains_key("network") {
            continue;
        }
        let projects = policy.scope.all().into_iter();
        let targets = projects.flat_map(|project| {
            regions.iter().map(|region| Target { project: project.clone(), region: region.clone() })
        });
        let network = |target: &Target| resolved.network.name.seen_from(&target.project);
        let mut concerned = targets.filter(|target| entry.matches.target(target));
        if let Some(target) = concerned.find(|target| network(target) != policy.network_of(target)) {
            wrong.push(format!(
                "overrides[{index}].network: found {} for single connectors, expected the network of their project and region, {}: all connectors of a region are kept in one network. For a whole project or region, match `projects` or `regions`; for single connectors, exempt them here and run a second installation with another `owner` and that network",
                network(&target),
                policy.network_of(&target)
            ));
        }
    }
    wrong
}

/// Google writes the id into what it returns, so that a number would match nothing.
fn numbers(policy: &Policy, check: &mut impl FnMut(bool, String)) {
    let mut id = |key: &str, project: &ProjectId| {
        check(!project.is_number(), format!("{key}: found the project number {project}, expected the project's id"));
    };
    policy.scope.projects.iter().for_each(|project| id("scope.projects", project));
    policy.scope.hosts.iter().for_each(|project| id("scope.hosts", project));
    let declared = policy.connector.declared.iter().filter_map(|entry| entry.project.as_ref());
    declared.for_each(|project| id("connector.declared", project));
    let exempted = policy.exemptions.iter().filter_map(|entry| entry.project.as_ref());
    exempted.for_each(|project| id("exemptions", project));
    policy
        .overrides
        .iter()
        .flat_map(|entry| &entry.matches.projects)
        .for_each(|project| id("overrides.match", project));
    if let NetworkName::Of(network) = &policy.network.name {
        let (number, name) = (&network.project, &network.name);
        check(
            !number.is_number(),
            format!(
                "network.name: found the project number {number} in {network}, expected the project's id: projects/PROJECT_ID/global/networks/{name}; `gcloud projects describe {number} --format='value(projectId)'` prints it"
            ),
        );
    }
    let exempted = policy.exemptions.iter().filter_map(|entry| entry.connector.as_ref());
    let matched = policy.overrides.iter().flat_map(|entry| &entry.matches.connectors);
    let globs = [("connector.names", &policy.connector.names), ("firewall.adopt", &policy.firewall.adopt)];
    let globs = globs.into_iter().flat_map(|(key, globs)| globs.iter().map(move |glob| (key, glob)));
    let exempted = exempted.map(|glob| ("exemptions", glob));
    for (key, glob) in globs.chain(exempted).chain(matched.map(|glob| ("overrides.match", glob))) {
        let number = glob.strip_prefix("projects/").and_then(|rest| rest.split('/').next());
        let is_number = number.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
        check(!is_number, format!("{key}: found the project number in {glob:?}, expected the project's id"));
    }
}

fn connector(policy: &Policy, check: &mut impl FnMut(bool, String)) {
    let section = &policy.connector;
    check(
        section.ensure == Ensure::Never || !section.subnet_pools.is_empty(),
        "connector.subnet_pools: found nothing, expected at least one range such as 10.8.0.0/20 (or `ensure: never`)"
            .into(),
    );
    for pool in &section.subnet_pools {
        check(
            pool.prefix_len() <= 28,
            format!(
                "connector.subnet_pools: found {pool}, expected a range of /28 or larger: each connector takes a whole /28"
            ),
        );
    }
    let (min, max) = (section.min_instances, section.max_instances);
    check((2..=9).contains(&min), format!("connector.min_instances: found {min}, expected 2 to 9"));
    check((3..=10).contains(&max), format!("connector.max_instances: found {max}, expected 3 to 10"));
    check(min < max, format!("connector.min_instances: found {min}, expected fewer than max_instances ({max})"));
    for declared in &section.declared {
        if let Some(project) = &declared.project {
            check(
                policy.scope.all().contains(project),
                format!("connector.declared: {} is declared in {project}, which is not in scope", declared.name),
            );
        }
    }
}

/// <https://cloud.google.com/nat/docs/ports-and-addresses#ports>
fn nat_ports(section: &NatSection, check: &mut impl FnMut(bool, String)) {
    const LARGEST_STATIC: u32 = 57_344;
    let dynamic = section.dynamic_ports;
    if let Some(min) = section.min_ports {
        let (fits, expected) = match dynamic {
            true => (min.is_power_of_two() && (32..=32_768).contains(&min), "a power of two from 32 to 32768"),
            false => ((2..=LARGEST_STATIC).contains(&min), "2 to 57344"),
        };
        check(fits, format!("nat.min_ports: found {min}, expected {expected}"));
    }
    if let Some(max) = section.max_ports {
        check(dynamic, format!("nat.max_ports: found {max}, which has no effect without `nat.dynamic_ports: true`"));
        let min = section.min_ports.unwrap_or(32);
        check(
            max.is_power_of_two() && (64..=65_536).contains(&max) && max > min,
            format!(
                "nat.max_ports: found {max}, expected a power of two from 64 to 65536, more than nat.min_ports ({min})"
            ),
        );
    }
}

fn firewall(section: &FirewallSection, check: &mut impl FnMut(bool, String)) {
    let base = section.base_priority;
    check(
        (102..65_535 - FARTHEST_PRIORITY).contains(&base),
        format!(
            "firewall.base_priority: found {base}, expected 102 to {}: up to 100 Google's own rules stand, at 65535 the implied ones",
            65_534 - FARTHEST_PRIORITY
        ),
    );
    for entry in &section.internet {
        check(
            !entry.to.is_empty(),
            "firewall.internet: found an entry with an empty `to`, expected at least one range".into(),
        );
        check(
            !entry.ports.is_empty(),
            "firewall.internet: found an entry without ports, expected some such as tcp:443".into(),
        );
        for text in &entry.ports {
            check(
                ports::parse(text).is_some(),
                format!("firewall.internet: found port {text:?}, expected one such as tcp:443, udp:8000-8080 or icmp"),
            );
        }
    }
    for entry in &section.ingress.allow {
        check(
            !entry.to_tags.is_empty(),
            "firewall.ingress.allow: found an entry without to_tags, expected at least one".into(),
        );
        for tag in &entry.to_tags {
            check(
                ResourceName::parse(tag).is_ok(),
                format!(
                    "firewall.ingress.allow: found the tag {tag:?}, expected 1 to 63 lower-case letters, digits and hyphens"
                ),
            );
        }
        check(
            !entry.ports.is_empty(),
            "firewall.ingress.allow: found an entry without ports, expected some such as tcp:5432".into(),
        );
        for text in &entry.ports {
            check(
                ports::parse(text).is_some(),
                format!("firewall.ingress.allow: found port {text:?}, expected one such as tcp:5432"),
            );
        }
    }
}
