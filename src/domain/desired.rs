//! What should be there: which connectors are required, by whom, and with which egress.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    names::{ConnectorName, ConnectorRef, NetworkRef, last_segment, relative},
    plan::Note,
    policy::{Policy, pattern},
    stamp::Stamp,
    state::{
        connector::Connector,
        observed::{Needs, Observed},
        subnet::Subnet,
        workload::Workload,
    },
    target::Target,
    text,
    wanted::{Egress, WantedConnector},
};

/// A subnet of ours whose connector is gone asks for it only so long: later, its absence is somebody's wish.
const STAMP_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Everything a target should have.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    pub connectors: Vec<Required>,
    /// Connectors of other projects that workloads here name.
    pub elsewhere: Vec<Required>,
    /// References that cannot be followed.
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
}

/// A connector that should stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Required {
    pub connector: ConnectorRef,
    pub by: Vec<Requirer>,
    /// The widest of its users.
    pub egress: Egress,
    /// Why no deny and no repair may touch it: an opt-out label or an exemption.
    pub frozen: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirer {
    /// A live workload, such as `job nightly-export`.
    Workload(String),
    Declared,
    /// A deploy that failed because the connector is missing.
    Wanted(String),
    /// It stands on a subnet of ours.
    Stamp,
}

/// Which connectors this target requires.
pub fn desired(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp) -> Desired {
    let target = &observed.target;
    let mut draft = Draft { target, policy, now, found: BTreeMap::new(), blocked_by: Vec::new(), findings: Vec::new() };
    // By name: of several reasons the same one is told, in whatever order Google lists them.
    let mut workloads: Vec<_> = observed.workloads().collect();
    workloads.sort();
    for workload in workloads {
        draft.workload(workload);
    }
    for entry in &policy.for_target(target).connector.declared {
        if entry.region == target.region && entry.project.as_ref().is_none_or(|project| *project == target.project) {
            draft.require(draft.own(&entry.name), Requirer::Declared, Egress::PrivateRangesOnly);
        }
    }
    for entry in wanted {
        draft.wanted(entry, observed);
    }
    for (connector, stamp, subnet) in stamped(policy, observed) {
        draft.stamped(connector, &stamp, subnet, observed);
    }
    let (connectors, elsewhere) = draft.found.into_values().partition(|required| is_here(&required.connector, target));
    Desired { connectors, elsewhere, blocked_by: draft.blocked_by, findings: draft.findings }
}

/// What round two has to ask before a plan can be made.
pub fn needs(policy: &Policy, observed: &Observed, wanted: &[WantedConnector], now: Timestamp) -> Needs {
    let desired = desired(policy, observed, wanted, now);
    let missing = |required: &&Required| matches!(listed(observed, &required.connector), Some(None));
    let creates = desired.connectors.iter().find(missing).is_some();
    let network_absent =
        observed.effective.as_ref().is_err_and(|failure| failure.kind == super::state::observed::FailureKind::Absent);
    let network_policies = observed
        .effective
        .as_ref()
        .is_ok_and(|effective| effective.firewall_policys.iter().any(|p| !p.is_hierarchical()));
    Needs {
        network: creates || network_policies || network_absent && !desired.connectors.is_empty(),
        address_space: creates,
        elsewhere: desired.elsewhere.into_iter().map(|required| required.connector).collect(),
    }
}

/// A connector of the target in the list; `None` = the list was not read, `Some(None)` = it is not there.
pub fn listed<'a>(observed: &'a Observed, connector: &ConnectorRef) -> Option<Option<&'a Connector>> {
    let connectors = observed.connectors.as_ref().ok()?;
    Some(connectors.iter().find(|found| last_segment(&found.name) == connector.name.as_str()))
}

/// Subnets of ours in the target's network that stand for a connector of this target.
pub fn stamped<'a>(policy: &Policy, observed: &'a Observed) -> Vec<(ConnectorRef, Stamp, &'a Subnet)> {
    let network = observed.network_name.to_string();
    let subnets = observed.subnets.iter().flatten().filter(|subnet| relative(&subnet.network) == network);
    subnets
        .filter_map(|subnet| {
            let path = subnet_path(&observed.network_name, &observed.target, &subnet.name);
            let stamp = Stamp::ours(&subnet.description, &policy.owner, &path)?;
            let connector = ConnectorRef::try_from(stamp.purpose.clone()?).ok()?;
            is_here(&connector, &observed.target).then_some((connector, stamp, subnet))
        })
        .collect()
}

pub fn subnet_path(network: &NetworkRef, target: &Target, name: &str) -> String {
    format!("projects/{}/regions/{}/subnetworks/{name}", network.project, target.region)
}

fn is_here(connector: &ConnectorRef, target: &Target) -> bool {
    connector.project == target.project && connector.region == target.region
}

struct Draft<'a> {
    target: &'a Target,
    policy: &'a Policy,
    now: Timestamp,
    found: BTreeMap<ConnectorRef, Required>,
    blocked_by: Vec<Note>,
    findings: Vec<Note>,
}

impl Draft<'_> {
    fn own(&self, name: &ConnectorName) -> ConnectorRef {
        ConnectorRef { project: self.target.project.clone(), region: self.target.region.clone(), name: name.clone() }
    }

    fn require(&mut self, connector: ConnectorRef, by: Requirer, egress: Egress) -> &mut Required {
        let exempt =
            self.exemption(|entry| entry.connector.as_ref().is_some_and(|glob| pattern::names(glob, &connector)));
        let required = self.found.entry(connector.clone()).or_insert_with(|| Required {
            connector,
            by: Vec::new(),
            egress: Egress::PrivateRangesOnly,
            frozen: exempt,
        });
        required.by.push(by);
        if egress == Egress::AllTraffic {
            required.egress = egress;
        }
        required
    }

    fn workload(&mut self, workload: &Workload) {
        let Some(name) = &workload.connector else {
            if !workload.direct.is_empty() {
                self.findings.push(text::connector::direct_vpc(workload));
            }
            return;
        };
        match ConnectorRef::parse(name, &self.target.project, &self.target.region) {
            Ok(connector) => {
                let label = workload.ignored.then(|| format!("{workload} bears the label egress-reconciler=ignore"));
                let exempt = self.exemption(|entry| {
                    entry.workload.as_ref().is_some_and(|glob| pattern::matches(glob, &workload.name))
                });
                let required = self.require(connector, Requirer::Workload(workload.to_string()), workload.egress);
                required.frozen = required.frozen.take().or(label).or(exempt);
            }
            Err(error) => self.blocked_by.push(text::connector::bad_reference(workload, &error)),
        }
    }

    /// A wanted connector counts only where the list, read without error, lacks it and the policy lets it be made.
    fn wanted(&mut self, wanted: &WantedConnector, observed: &Observed) {
        let settings = self.policy.for_connector(&wanted.connector);
        let name_allowed = settings.connector.names.iter().any(|glob| pattern::names(glob, &wanted.connector));
        let absent = matches!(listed(observed, &wanted.connector), Some(None));
        if !is_here(&wanted.connector, self.target) || !absent {
            return;
        }
        if name_allowed {
            self.require(wanted.connector.clone(), Requirer::Wanted(wanted.workload.clone()), wanted.egress);
        } else {
            self.blocked_by.push(text::connector::name_not_allowed(&wanted.connector, &settings.connector.names));
        }
    }

    fn stamped(&mut self, connector: ConnectorRef, stamp: &Stamp, subnet: &Subnet, observed: &Observed) {
        let stands = matches!(listed(observed, &connector), Some(Some(_)));
        let fresh = subnet.created().is_some_and(|created| self.now.duration_since(created) < STAMP_COUNTS_FOR);
        if stands || fresh {
            let egress = match stamp.egress.as_deref() {
                Some("all-traffic") => Egress::AllTraffic,
                _ => Egress::PrivateRangesOnly,
            };
            self.require(connector, Requirer::Stamp, egress);
        }
    }

    fn exemption(&self, names_it: impl Fn(&super::policy::Exemption) -> bool) -> Option<String> {
        let today = self.now.to_zoned(jiff::tz::TimeZone::UTC).date();
        self.policy
            .exemptions
            .iter()
            .filter(|entry| entry.project.as_ref().is_none_or(|project| *project == self.target.project))
            .filter(|entry| entry.region.as_ref().is_none_or(|region| *region == self.target.region))
            .filter(|entry| today <= entry.until)
            .find(|entry| names_it(entry))
            .map(|entry| format!("exempted until {}: {}", entry.until, entry.reason))
    }
}
