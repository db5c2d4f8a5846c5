//! What is no contradiction, and yet does hardly what its author expects.

use jiff::civil::Date;

use super::{
    check::globs,
    document::Policy,
    fault::Findings,
    regions,
    sections::{Declared, Match, NetworkName},
    shape::nearest,
};
use crate::domain::names::{ProjectId, Region};

/// `today` is a day in UTC.
pub fn policy(policy: &Policy, today: Date, found: &mut Findings) {
    expired(policy, today, found);
    known_regions(policy, found);
    scope(policy, found);
    bad_globs(policy, found);
    declared(policy, found);
    pools(policy, found);
}

fn expired(policy: &Policy, today: Date, found: &mut Findings) {
    for (index, exemption) in policy.exemptions.iter().enumerate().filter(|(_, exemption)| exemption.until < today) {
        let text =
            format!("found {}, which is past: the exemption has ended; remove it, or set a later day", exemption.until);
        found.warn(format!("exemptions[{index}].until"), [], text);
    }
    for (index, entry) in policy.firewall.internet.iter().enumerate() {
        if let Some(expires) = entry.expires.filter(|expires| *expires < today) {
            let text =
                format!("found {expires}, which is past: the entry allows nothing; remove it, or set a later day");
            found.warn(format!("firewall.internet[{index}].expires"), [], text);
        }
    }
}

/// Every region that the policy names, with its key.
fn named_regions(policy: &Policy) -> Vec<(String, &Region)> {
    fn keyed<'a>(key: &str, regions: &'a [Region]) -> Vec<(String, &'a Region)> {
        regions.iter().enumerate().map(|(index, region)| (format!("{key}[{index}]"), region)).collect()
    }
    let mut all = keyed("scope.regions", policy.scope.regions.list().unwrap_or_default());
    for (index, declared) in policy.connector.declared.iter().enumerate() {
        all.push((format!("connector.declared[{index}].region"), &declared.region));
    }
    for (index, exemption) in policy.exemptions.iter().enumerate() {
        all.extend(exemption.region.iter().map(|region| (format!("exemptions[{index}].region"), region)));
    }
    for (index, entry) in policy.overrides.iter().enumerate() {
        all.extend(keyed(&format!("overrides[{index}].match.regions"), &entry.matches.regions));
    }
    all
}

fn known_regions(policy: &Policy, found: &mut Findings) {
    for (key, region) in named_regions(policy).into_iter().filter(|(_, region)| !regions::is_known(region)) {
        let near = nearest(region.as_str(), regions::all());
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        found.warn(key, [], format!("found {region}, which is none of the regions that this version knows{near}"));
    }
}

/// Projects and regions that are named, and are not in scope.
fn scope(policy: &Policy, found: &mut Findings) {
    let scope = policy.scope.all();
    let no_region = |region: &Region| policy.scope.regions.list().is_some_and(|listed| !listed.contains(region));
    let mut project = |key: String, project: &ProjectId, what: &str| {
        if !scope.contains(project) {
            let text = format!("found {project}, which is in neither scope.projects nor scope.hosts: {what}");
            found.warn(key, ["scope.projects", "scope.hosts"], text);
        }
    };
    for (index, exemption) in policy.exemptions.iter().enumerate() {
        if let Some(own) = &exemption.project {
            project(format!("exemptions[{index}].project"), own, "the exemption applies to nothing");
        }
    }
    for (index, entry) in policy.overrides.iter().enumerate() {
        for (at, own) in entry.matches.projects.iter().enumerate() {
            project(format!("overrides[{index}].match.projects[{at}]"), own, "the override applies to nothing there");
        }
    }
    if let NetworkName::Of(network) = &policy.network.name {
        let what = "changes in the network's own project, such as those to its firewall rules, are not acted on; add it to scope.hosts";
        project("network.name".into(), &network.project, what);
    }
    for (key, region) in named_regions(policy) {
        if !key.starts_with("scope.") && no_region(region) {
            let text = format!("found {region}, which is not in scope.regions: this applies to nothing there");
            found.warn(key, ["scope.regions"], text);
        }
    }
    for (later, entry) in policy.overrides.iter().enumerate() {
        let covers = |first: &Match| covers(first, &entry.matches);
        if let Some(first) = policy.overrides[..later].iter().position(|first| covers(&first.matches)) {
            let text = format!(
                "found an override that never counts: overrides[{first}] matches everything that it matches, and only the first match counts; put the narrower one first"
            );
            found.warn(format!("overrides[{later}].match"), [format!("overrides[{first}].match").as_str()], text);
        }
    }
}

/// Whatever `narrow` matches, `wide` matches too.
fn covers(wide: &Match, narrow: &Match) -> bool {
    fn all_of<T: PartialEq>(wide: &[T], narrow: &[T]) -> bool {
        wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|one| wide.contains(one))
    }
    all_of(&wide.projects, &narrow.projects)
        && all_of(&wide.regions, &narrow.regions)
        && (all_of(&wide.connectors, &narrow.connectors) || wide.connectors.iter().any(|glob| glob == "*"))
}

fn bad_globs(policy: &Policy, found: &mut Findings) {
    const IN_NAMES: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-*";
    let of_names = |glob: &str| !glob.is_empty() && glob.bytes().all(|b| IN_NAMES.contains(&b));
    for (key, glob) in globs(policy) {
        let full = || {
            let head = glob.split('*').next().unwrap_or_default();
            glob.bytes().all(|b| IN_NAMES.contains(&b) || b"/:.".contains(&b))
                && (head.starts_with("projects/") || "projects/".starts_with(head))
        };
        let (fits, expected) = match glob.contains('/') {
            true => (full(), "projects/PROJECT_ID/locations/REGION/connectors/NAME, where `*` matches any characters"),
            false => (of_names(glob), "lower-case letters, digits, hyphens and `*`, which matches any characters"),
        };
        if !fits {
            found.warn(key, [], format!("found {glob:?}, which matches no connector, expected {expected}"));
        }
    }
    let rules = policy.firewall.auto_rules.iter().enumerate();
    let rules = rules.map(|(index, glob)| (format!("firewall.auto_rules[{index}]"), glob, "firewall rule"));
    let workloads = policy.exemptions.iter().enumerate();
    let workloads = workloads.filter_map(|(index, exemption)| {
        let glob = exemption.workload.as_ref().filter(|glob| !glob.contains('/'))?;
        Some((format!("exemptions[{index}].workload"), glob, "workload"))
    });
    for (key, glob, what) in rules.chain(workloads).filter(|(_, glob, _)| !of_names(glob)) {
        let text = format!(
            "found {glob:?}, which matches no {what}, expected lower-case letters, digits, hyphens and `*`, which matches any characters"
        );
        found.warn(key, [], text);
    }
}

fn declared(policy: &Policy, found: &mut Findings) {
    let declared = &policy.connector.declared;
    let same = |a: &Declared, b: &Declared| {
        let projects = a.project == b.project || a.project.is_none() || b.project.is_none();
        projects && a.region == b.region && a.name == b.name
    };
    for (later, entry) in declared.iter().enumerate() {
        if let Some(first) = declared[..later].iter().position(|first| same(first, entry)) {
            let text = format!(
                "found {} in {} twice: connector.declared[{first}] declares it already",
                entry.name, entry.region
            );
            found.warn(format!("connector.declared[{later}]"), [format!("connector.declared[{first}]").as_str()], text);
        }
    }
}

fn pools(policy: &Policy, found: &mut Findings) {
    let pools = &policy.connector.subnet_pools;
    for (later, pool) in pools.iter().enumerate() {
        let overlaps = |first: &ipnet::Ipv4Net| first.contains(pool) || pool.contains(first);
        if let Some(first) = pools[..later].iter().position(overlaps) {
            let key = format!("connector.subnet_pools[{first}]");
            let text = format!("found {pool}, which overlaps {} of {key}", pools[first]);
            found.warn(format!("connector.subnet_pools[{later}]"), [key.as_str()], text);
        }
    }
}
