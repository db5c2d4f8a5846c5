//! What a new policy opens and closes: the rules that two policies ask for, compared as sets of packets. What others have in
//! the network is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    firewall::{
        reach::{Reach, Sender, Traffic, allowed, decide},
        rule_set::{Site, rules},
    },
    names::{ConnectorName, ConnectorRef, ProjectId, Region},
    policy::{Enforcement, Mode, Policy, Setting, differences},
    state::effective::EffectiveFirewalls,
};

/// All that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDiff {
    /// The policies themselves, without their overrides.
    pub settings: Vec<Setting>,
    /// Each path that differs; those of one class differ alike.
    pub paths: Vec<PathDiff>,
}

/// Connectors by the overrides that are for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Class {
    /// The index of the override in each of the two; `null` = none is for them.
    pub old: Option<usize>,
    pub new: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PathDiff {
    pub class: Class,
    /// One of the connectors; a name that no policy has stands for all others.
    pub such_as: ConnectorRef,
    /// Of the new policy: below `create` no rule changes.
    pub mode: Mode,
    /// Settings that differ, and are not among those of the policies themselves.
    pub settings: Vec<Setting>,
    pub opens: Vec<Traffic>,
    pub closes: Vec<Traffic>,
    /// With `enforcement: enforce` in both: only where one of the two has another.
    pub would_open: Vec<Traffic>,
    pub would_close: Vec<Traffic>,
}

impl PolicyDiff {
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.paths.is_empty()
    }

    pub fn of(old: &Policy, new: &Policy, now: Timestamp) -> Self {
        let settings = differences(old, new);
        let mut classes: BTreeMap<Class, ConnectorRef> = BTreeMap::new();
        for connector in representatives(old, new) {
            let class = Class { old: chosen(old, &connector), new: chosen(new, &connector) };
            classes.entry(class).or_insert(connector);
        }
        let paths = classes.into_iter().map(|(class, such_as)| {
            let (before, after) = (old.for_connector(&such_as), new.for_connector(&such_as));
            let own = differences(before, after).into_iter().filter(|own| !settings.contains(own)).collect();
            let (opens, closes) = change((old, before), (new, after), &such_as, now);
            let is_enforced = |policy: &Policy| policy.firewall.enforcement == Enforcement::Enforce;
            let (would_open, would_close) = match is_enforced(before) && is_enforced(after) {
                true => (Vec::new(), Vec::new()),
                false => change((old, &enforced(before)), (new, &enforced(after)), &such_as, now),
            };
            PathDiff { class, mode: after.mode, such_as, settings: own, opens, closes, would_open, would_close }
        });
        let differs = |path: &PathDiff| {
            !path.settings.is_empty()
                || [&path.opens, &path.closes, &path.would_open, &path.would_close].iter().any(|all| !all.is_empty())
        };
        let paths = paths.filter(differs).collect();
        Self { settings, paths }
    }
}

/// What the rules of `after` allow and those of `before` do not, and the other way round.
fn change(
    before: (&Policy, &Policy),
    after: (&Policy, &Policy),
    connector: &ConnectorRef,
    now: Timestamp,
) -> (Vec<Traffic>, Vec<Traffic>) {
    let (before, after) = (reached(before, connector, now), reached(after, connector, now));
    (after.without(&before).listed(), before.without(&after).listed())
}

/// What the rules of one connector let through; `settings` are the policy's for it.
fn reached((policy, settings): (&Policy, &Policy), connector: &ConnectorRef, now: Timestamp) -> Reach {
    let network = settings.network.name.seen_from(&connector.project);
    let set = rules(settings, Site::new(policy, connector, &network), now);
    let tag = connector.tag();
    let firewalls = set.iter().map(|rule| &rule.firewall);
    allowed(&decide(Sender::connector(&tag, None), firewalls, &EffectiveFirewalls::default(), false))
}

fn enforced(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.firewall.enforcement = Enforcement::Enforce;
    policy
}

/// The override that is for a connector.
fn chosen(policy: &Policy, connector: &ConnectorRef) -> Option<usize> {
    policy.overrides.iter().position(|entry| entry.matches.connector(connector))
}

/// Connectors of every kind that the overrides of the two tell apart.
fn representatives(old: &Policy, new: &Policy) -> Vec<ConnectorRef> {
    let both = [old, new];
    let overrides = || both.into_iter().flat_map(|policy| &policy.overrides).map(|entry| &entry.matches);
    let projects: BTreeSet<&ProjectId> = both.into_iter().flat_map(|policy| policy.scope.all()).collect();
    let named = overrides().flat_map(|entry| &entry.regions);
    let listed = both.into_iter().flat_map(|policy| policy.scope.regions.list().unwrap_or_default());
    let others = both.iter().any(|policy| policy.scope.regions.list().is_none());
    let other = if others { Region::parse("other-region1").ok() } else { None };
    let regions: BTreeSet<&Region> = named.chain(listed).chain(&other).collect();
    let globs: BTreeSet<&str> = overrides().flat_map(|entry| &entry.connectors).map(|glob| name_of(glob)).collect();
    let names = names(&globs);
    let of = |project: &ProjectId, region: &Region| {
        let connector = |name: &ConnectorName| ConnectorRef {
            project: project.clone(),
            region: region.clone(),
            name: name.clone(),
        };
        names.iter().map(connector).collect::<Vec<_>>()
    };
    let all = projects.iter().flat_map(|project| regions.iter().flat_map(move |region| of(project, region)));
    all.filter(|connector| both.iter().all(|policy| policy.covers(connector))).collect()
}

/// The part of a glob that is about the name.
fn name_of(glob: &str) -> &str {
    if !glob.contains('/') {
        return glob;
    }
    glob.rsplit_once("/connectors/").map_or("*", |(_, name)| name)
}

/// Names that match one glob, or two, or none of them.
fn names(globs: &BTreeSet<&str>) -> Vec<ConnectorName> {
    let filled = globs.iter().flat_map(|glob| ["", "x"].map(|filling| glob.replace('*', filling)));
    let pairs =
        globs.iter().flat_map(|a| globs.iter().map(|b| a.replacen('*', &b.replace('*', ""), 1).replace('*', "")));
    let others = ["any-other-name".to_owned()];
    let all: BTreeSet<String> = others.into_iter().chain(filled).chain(pairs).collect();
    let mut names: Vec<ConnectorName> = all.iter().filter_map(|name| ConnectorName::parse(name).ok()).collect();
    // What no glob names comes first, and is shown for what it stands for.
    names.sort_by_key(|name| name.as_str() != "any-other-name");
    names
}
