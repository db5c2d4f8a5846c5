//! What the types cannot say: each finding names the key, what was found and what was expected.

use std::collections::BTreeSet;

use super::{
    document::{FARTHEST_PRIORITY, Policy},
    fault::Findings,
    sections::{Ensure, FirewallSection, NatSection, NetworkName},
};
use crate::domain::{
    names::{ProjectId, Region, ResourceName},
    target::Target,
};

/// Every contradiction in the policy.
pub fn policy(policy: &Policy, found: &mut Findings) {
    found.check(policy.version == 1, "version", || format!("found {}, expected 1", policy.version));
    let owner = &policy.owner;
    found.check(
        (1..=40).contains(&owner.len()) && owner.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)),
        "owner",
        || format!("found {owner:?}, expected 1 to 40 letters, digits, `-`, `_` or `.`"),
    );
    found.check(!policy.scope.projects.is_empty(), "scope.projects", || {
        "found an empty list, expected at least one project: an empty scope never means everything".into()
    });
    numbers(policy, found);
    found.check(policy.scope.regions.list().is_none_or(|regions| !regions.is_empty()), "scope.regions", || {
        "found an empty list, expected `all` or at least one region".into()
    });
    connector(policy, found);
    firewall(&policy.firewall, found);
    exemptions(policy, found);
    nat(&policy.nat, found);
    if let Some(topic) = &policy.reports.topic {
        let parts: Vec<_> = topic.split('/').collect();
        found.check(
            matches!(parts.as_slice(), ["projects", project, "topics", name] if !project.is_empty() && name.len() >= 3),
            "reports.topic",
            || format!("found {topic:?}, expected projects/PROJECT_ID/topics/NAME"),
        );
    }
}

fn exemptions(policy: &Policy, found: &mut Findings) {
    for (index, exemption) in policy.exemptions.iter().enumerate() {
        let key = format!("exemptions[{index}]");
        let both = match (&exemption.connector, &exemption.workload) {
            (Some(_), Some(_)) => Some("both a connector and a workload"),
            (None, None) => Some("neither a connector nor a workload"),
            _ => None,
        };
        found.check(both.is_none(), key.clone(), || {
            format!("found {}, expected either `connector` or `workload`", both.unwrap_or_default())
        });
        let workload = exemption.workload.as_deref().unwrap_or_default();
        found.check(!workload.contains('/'), format!("{key}.workload"), || {
            format!(
                "found {workload:?}, expected its name alone, such as nightly-export; `project` and `region` narrow it"
            )
        });
    }
}

/// A region of a project is decided together, in one network: an override for single connectors cannot give them another.
pub fn networks(policy: &Policy, found: &mut Findings) {
    let overrides = || policy.overrides.iter().zip(&policy.resolved);
    let listed = policy.scope.regions.list().unwrap_or_default();
    // Regions that no override names are all alike.
    let others = ["other-region1".to_owned()].map(Region::try_from).into_iter().flatten();
    let regions: BTreeSet<Region> =
        overrides().flat_map(|(entry, _)| &entry.matches.regions).chain(listed).cloned().chain(others).collect();
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
            found.check(false, format!("overrides[{index}].network"), || {
                format!(
                    "found {} for single connectors, expected the network of their project and region, {}: all connectors of a region are kept in one network. For a whole project or region, match `projects` or `regions`; for single connectors, exempt them here and run a second installation with another `owner` and that network",
                    network(&target),
                    policy.network_of(&target)
                )
            });
        }
    }
}

/// Google writes the id into what it returns, so that a number would match nothing.
fn numbers(policy: &Policy, found: &mut Findings) {
    let mut id = |key: String, project: &ProjectId| {
        found.check(!project.is_number(), key, || {
            format!("found the project number {project}, expected the project's id")
        });
    };
    let mut ids = |key: &str, projects: &[ProjectId]| {
        projects.iter().enumerate().for_each(|(index, project)| id(format!("{key}[{index}]"), project));
    };
    ids("scope.projects", &policy.scope.projects);
    ids("scope.hosts", &policy.scope.hosts);
    for (index, entry) in policy.overrides.iter().enumerate() {
        ids(&format!("overrides[{index}].match.projects"), &entry.matches.projects);
    }
    for (index, entry) in policy.connector.declared.iter().enumerate() {
        entry.project.iter().for_each(|project| id(format!("connector.declared[{index}].project"), project));
    }
    for (index, entry) in policy.exemptions.iter().enumerate() {
        entry.project.iter().for_each(|project| id(format!("exemptions[{index}].project"), project));
    }
    if let NetworkName::Of(network) = &policy.network.name {
        let (number, name) = (&network.project, &network.name);
        found.check(!number.is_number(), "network.name", || {
            format!(
                "found the project number {number} in {network}, expected the project's id: projects/PROJECT_ID/global/networks/{name}; `gcloud projects describe {number} --format='value(projectId)'` prints it"
            )
        });
    }
    for (key, glob) in globs(policy) {
        let number = glob.strip_prefix("projects/").and_then(|rest| rest.split('/').next());
        let is_number = number.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
        found.check(!is_number, key, || format!("found the project number in {glob:?}, expected the project's id"));
    }
}

/// Every glob of connectors, with its key.
pub(super) fn globs(policy: &Policy) -> Vec<(String, &str)> {
    fn keyed<'a>(key: &str, globs: &'a [String]) -> impl Iterator<Item = (String, &'a str)> {
        globs.iter().enumerate().map(move |(index, glob)| (format!("{key}[{index}]"), glob.as_str()))
    }
    let exempted = policy.exemptions.iter().enumerate();
    let exempted = exempted.filter_map(|(index, exemption)| {
        Some((format!("exemptions[{index}].connector"), exemption.connector.as_deref()?))
    });
    let overrides = policy.overrides.iter().enumerate();
    let matched = overrides.flat_map(|(index, entry)| {
        keyed(&format!("overrides[{index}].match.connectors"), &entry.matches.connectors).collect::<Vec<_>>()
    });
    let names = keyed("connector.names", &policy.connector.names);
    names.chain(keyed("firewall.adopt", &policy.firewall.adopt)).chain(exempted).chain(matched).collect()
}

fn connector(policy: &Policy, found: &mut Findings) {
    let section = &policy.connector;
    found.check_with(
        section.ensure == Ensure::Never || !section.subnet_pools.is_empty(),
        "connector.subnet_pools",
        ["connector.ensure"],
        || "found nothing, expected at least one range such as 10.8.0.0/20 (or `ensure: never`)".into(),
    );
    for (index, pool) in section.subnet_pools.iter().enumerate() {
        found.check(pool.prefix_len() <= 28, format!("connector.subnet_pools[{index}]"), || {
            format!("found {pool}, expected a range of /28 or larger: each connector takes a whole /28")
        });
    }
    const MIN: &str = "connector.min_instances";
    const MAX: &str = "connector.max_instances";
    let (min, max) = (section.min_instances, section.max_instances);
    let (min_fits, max_fits) = ((2..=9).contains(&min), (3..=10).contains(&max));
    found.check(min_fits, MIN, || format!("found {min}, expected 2 to 9"));
    found.check(max_fits, MAX, || format!("found {max}, expected 3 to 10"));
    found.check_with(min < max || !min_fits || !max_fits, MIN, [MAX], || {
        format!("found {min}, expected fewer than max_instances ({max})")
    });
    for (index, declared) in section.declared.iter().enumerate() {
        if let Some(project) = &declared.project {
            let key = format!("connector.declared[{index}].project");
            found.check_with(policy.scope.all().contains(project), key, ["scope"], || {
                format!(
                    "found {project}, which is not in scope, expected one of scope.projects or scope.hosts: {} is declared there",
                    declared.name
                )
            });
        }
    }
}

/// <https://cloud.google.com/nat/docs/ports-and-addresses#ports>
fn nat(section: &NatSection, found: &mut Findings) {
    const LARGEST_STATIC: u32 = 57_344;
    const DYNAMIC: &str = "nat.dynamic_ports";
    let dynamic = section.dynamic_ports;
    if let Some(min) = section.min_ports {
        let (fits, expected) = match dynamic {
            true => (min.is_power_of_two() && (32..=32_768).contains(&min), "a power of two from 32 to 32768"),
            false => ((2..=LARGEST_STATIC).contains(&min), "2 to 57344"),
        };
        found.check_with(fits, "nat.min_ports", [DYNAMIC], || format!("found {min}, expected {expected}"));
    }
    if let Some(max) = section.max_ports {
        found.check_with(dynamic, "nat.max_ports", [DYNAMIC], || {
            format!("found {max}, which has no effect without `nat.dynamic_ports: true`")
        });
        let min = section.min_ports.unwrap_or(32);
        found.check_with(
            max.is_power_of_two() && (64..=65_536).contains(&max) && max > min,
            "nat.max_ports",
            ["nat.min_ports"],
            || format!("found {max}, expected a power of two from 64 to 65536, more than nat.min_ports ({min})"),
        );
    }
    for (index, entry) in section.direct_vpc_subnets.iter().enumerate() {
        found.check(
            entry.split_once('/').is_some_and(|(_, name)| ResourceName::parse(name).is_ok()),
            format!("nat.direct_vpc_subnets[{index}]"),
            || format!("found {entry:?}, expected REGION/NAME"),
        );
    }
}

fn firewall(section: &FirewallSection, found: &mut Findings) {
    let base = section.base_priority;
    found.check((102..65_535 - FARTHEST_PRIORITY).contains(&base), "firewall.base_priority", || {
        format!(
            "found {base}, expected 102 to {}: priorities up to 100 are those of Google's own rules, 65535 is that of the implied rules",
            65_534 - FARTHEST_PRIORITY
        )
    });
    for (index, entry) in section.internet.iter().enumerate() {
        let key = format!("firewall.internet[{index}]");
        found.check(!entry.to.is_empty(), format!("{key}.to"), || {
            "found an empty list, expected at least one range".into()
        });
        found.check(!entry.ports.is_empty(), format!("{key}.ports"), || {
            "found an empty list, expected at least one, such as tcp:443".into()
        });
    }
    for (index, entry) in section.ingress.allow.iter().enumerate() {
        let key = format!("firewall.ingress.allow[{index}]");
        found.check(!entry.to_tags.is_empty(), format!("{key}.to_tags"), || {
            "found an empty list, expected at least one tag".into()
        });
        found.check(!entry.ports.is_empty(), format!("{key}.ports"), || {
            "found an empty list, expected at least one, such as tcp:5432".into()
        });
    }
}
