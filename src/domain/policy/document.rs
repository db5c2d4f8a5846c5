use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    pattern,
    sections::{
        BudgetSection, ConnectorSection, Exemption, FirewallSection, Match, Mode, NatSection, NetworkSection, Override,
        ReportSection, ScopeSection,
    },
};
use crate::domain::{
    names::{ConnectorRef, NetworkRef, ProjectId, Region},
    target::Target,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The version of this format: 1.
    pub version: u32,
    /// Unique for each installation; stamped on all that we create. Letters, digits, `-`, `_` and `.`.
    pub owner: String,
    /// How much may be done.
    pub mode: Mode,
    /// Which projects and regions the policy is for.
    pub scope: ScopeSection,
    /// The VPC network of the connectors.
    pub network: NetworkSection,
    /// Which connectors are created, and how.
    #[serde(default)]
    pub connector: ConnectorSection,
    /// Cloud NAT for traffic to the internet.
    #[serde(default)]
    pub nat: NatSection,
    /// The firewall rules of each connector: what it may reach.
    #[serde(default)]
    pub firewall: FirewallSection,
    /// How many changes may be made.
    #[serde(default)]
    pub budget: BudgetSection,
    /// Connectors or workloads that are left alone until a date.
    #[serde(default)]
    pub exemptions: Vec<Exemption>,
    /// Where reports go.
    #[serde(default)]
    pub reports: ReportSection,
    /// Other settings for some places. Only the first match counts; maps are merged, lists and scalars replaced.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// The policy of each override, computed when the file is read.
    #[serde(skip)]
    pub resolved: Vec<Policy>,
    /// First 16 hexadecimal digits of the SHA-256 of the file's text.
    #[serde(skip)]
    pub hash: String,
}

impl Policy {
    /// The settings for one connector: the first override that matches it, else the policy itself.
    pub fn for_connector(&self, connector: &ConnectorRef) -> &Policy {
        self.first(|matched| matched.connector(connector))
    }

    /// The settings of a target as a whole: overrides for single connectors do not count.
    pub fn for_target(&self, target: &Target) -> &Policy {
        self.first(|matched| matched.connectors.is_empty() && matched.target(target))
    }

    /// Whether the mode lets nothing be read in a region of a project, or in any of its regions.
    pub fn is_off(&self, project: &ProjectId, region: Option<&Region>) -> bool {
        let is_off_in = |region: &Region| {
            self.for_target(&Target { project: project.clone(), region: region.clone() }).mode == Mode::Off
        };
        match (region, self.scope.regions.list()) {
            (Some(region), _) => is_off_in(region),
            (None, Some(listed)) => listed.iter().all(is_off_in),
            // Which regions there are is not known: what may be said of any of them counts.
            (None, None) => {
                let overrides = self.overrides.iter().map(|entry| &entry.matches).zip(&self.resolved);
                let mut own = overrides.filter(|(matches, _)| {
                    matches.connectors.is_empty() && (matches.projects.is_empty() || matches.projects.contains(project))
                });
                self.mode == Mode::Off && own.all(|(_, policy)| policy.mode == Mode::Off)
            }
        }
    }

    /// The connector lies in a project, or a host, and a region of the scope.
    pub fn covers(&self, connector: &ConnectorRef) -> bool {
        let scope = &self.scope;
        scope.all().contains(&connector.project)
            && scope.regions.list().is_none_or(|regions| regions.contains(&connector.region))
    }

    fn first(&self, accepts: impl Fn(&Match) -> bool) -> &Policy {
        self.overrides
            .iter()
            .zip(&self.resolved)
            .find(|(entry, _)| accepts(&entry.matches))
            .map_or(self, |(_, policy)| policy)
    }

    /// The network of a target: its own project's, or the Shared VPC host's that the policy names.
    pub fn network_of(&self, target: &Target) -> NetworkRef {
        self.for_target(target).network.name.seen_from(&target.project)
    }

    /// The project is a Shared VPC host as far as the policy tells: it is named as one, or another project of the scope has
    /// its connectors in a network of this one.
    pub fn is_host(&self, project: &ProjectId) -> bool {
        let mut own = self.scope.all().into_iter().filter(|own| *own != project);
        let uses = |own: &ProjectId| self.settings_in(own).any(|policy| policy.network.name.is_of(project));
        self.scope.hosts.contains(project) || own.any(uses)
    }

    /// The policy and its overrides, as far as they may count in a project.
    pub fn settings_in(&self, project: &ProjectId) -> impl Iterator<Item = &Policy> {
        let overrides = self.overrides.iter().zip(&self.resolved);
        let fits = overrides.filter(move |(entry, _)| {
            let projects = &entry.matches.projects;
            projects.is_empty() || projects.contains(project)
        });
        std::iter::once(self).chain(fits.map(|(_, policy)| policy))
    }

    /// The projects whose networks the connectors of `project`, or of the whole scope, may stand in, under whatever
    /// override: where rules of ours may be.
    pub fn hosts(&self, project: Option<&ProjectId>) -> BTreeSet<ProjectId> {
        let own = self.scope.all().into_iter().filter(|own| project.is_none_or(|project| project == *own));
        own.flat_map(|own| self.settings_in(own).map(|policy| policy.network.name.seen_from(own).project)).collect()
    }
}

impl Match {
    /// Some connector of the target may match.
    pub(super) fn target(&self, target: &Target) -> bool {
        (self.projects.is_empty() || self.projects.contains(&target.project))
            && (self.regions.is_empty() || self.regions.contains(&target.region))
    }

    pub fn connector(&self, connector: &ConnectorRef) -> bool {
        self.target(&connector.into())
            && (self.connectors.is_empty() || self.connectors.iter().any(|glob| pattern::names(glob, connector)))
    }
}

/// The distance of the last rule from `firewall.base_priority`.
pub const FARTHEST_PRIORITY: u32 = 90;
