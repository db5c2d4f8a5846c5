//! The sections of the policy, each key with its default.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{leaf, range};
use crate::domain::names::{ConnectorName, NameError, NetworkRef, ProjectId, Region, ResourceName};

/// How much may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing is read, nothing is reported.
    Off,
    /// Read and report, write nothing.
    Report,
    /// Create missing resources, and add entries to lists in our own.
    Create,
    /// Also repair, replace and delete our own resources.
    Enforce,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Create => "create",
            Self::Enforce => "enforce",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeSection {
    /// The projects whose events and connectors count. At least one.
    pub projects: Vec<ProjectId>,
    /// `all`, or a list of regions.
    #[serde(default)]
    pub regions: Regions,
    /// Shared VPC host projects whose events and connectors count too.
    #[serde(default)]
    pub hosts: Vec<ProjectId>,
}

impl ScopeSection {
    /// Every project that is ours to look at: those of `projects`, and the hosts.
    pub fn all(&self) -> BTreeSet<&ProjectId> {
        self.projects.iter().chain(&self.hosts).collect()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Regions {
    Word(All),
    List(Vec<Region>),
}

impl Default for Regions {
    fn default() -> Self {
        Self::Word(All::All)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum All {
    All,
}

impl Regions {
    /// The regions that the policy lists; `None` = every region that Cloud Run has.
    pub fn list(&self) -> Option<&[Region]> {
        match self {
            Self::List(regions) => Some(regions),
            Self::Word(_) => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// The name of a network in each connector's own project, or `projects/HOST/global/networks/NAME` of a Shared VPC host.
    #[schemars(with = "leaf::NetworkName")]
    pub name: NetworkName,
    /// Create the network, in custom mode, if it does not exist.
    #[serde(default)]
    pub create: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum NetworkName {
    /// Of each target's own project.
    Own(ResourceName),
    /// One network for all, of a Shared VPC host project.
    Of(NetworkRef),
}

impl NetworkName {
    /// The network that the connectors of a project stand in.
    pub fn seen_from(&self, project: &ProjectId) -> NetworkRef {
        match self {
            Self::Own(name) => NetworkRef { project: project.clone(), name: name.clone() },
            Self::Of(network) => network.clone(),
        }
    }

    /// The policy names a network of this very project.
    pub fn is_of(&self, project: &ProjectId) -> bool {
        matches!(self, Self::Of(network) if network.project == *project)
    }
}

impl TryFrom<String> for NetworkName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        match text.contains('/') {
            true => NetworkRef::try_from(text).map(Self::Of),
            false => ResourceName::parse(&text).map(Self::Own),
        }
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> String {
        match name {
            NetworkName::Own(name) => name.into(),
            NetworkName::Of(network) => network.into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorSection {
    /// Which connectors are required: those that workloads name or the policy declares, only the declared ones, or none.
    pub ensure: Ensure,
    /// Globs of connector names that may be created.
    pub names: Vec<String>,
    /// Connectors that must exist though no workload names them.
    pub declared: Vec<Declared>,
    /// How many connectors may be created in 24 hours, for each target.
    pub new_per_day: u32,
    /// Create a connector again that was deleted while workloads still name it.
    pub recreate: bool,
    /// Replace a connector of ours that is in ERROR.
    pub repair: bool,
    /// Remove connectors of ours that nothing has required for so long. A user in another project counts as far as Google
    /// lists that project in the connector's `connectedProjects`.
    pub prune: Prune,
    /// Create subnets of connectors with VPC flow logs, at Google's default sampling; those that exist are not changed.
    pub subnet_flow_logs: bool,
    /// Ranges from which the /28 of a new connector is cut.
    #[schemars(with = "Vec<leaf::Ipv4Range>")]
    #[serde(deserialize_with = "range::list")]
    pub subnet_pools: Vec<Ipv4Net>,
    /// The machine type of new connectors.
    pub machine_type: MachineType,
    /// Instances that a new connector always runs: 2 to 9, fewer than `max_instances`.
    pub min_instances: u32,
    /// Instances that a new connector may grow to: 3 to 10. Connectors do not scale back in.
    pub max_instances: u32,
}

impl Default for ConnectorSection {
    fn default() -> Self {
        Self {
            ensure: Ensure::Referenced,
            names: vec!["*".into()],
            declared: Vec::new(),
            new_per_day: 3,
            recreate: true,
            repair: false,
            prune: Prune::Never,
            subnet_flow_logs: false,
            subnet_pools: Vec::new(),
            machine_type: MachineType::E2Micro,
            min_instances: 2,
            max_instances: 3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ensure {
    Referenced,
    Declared,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Prune {
    #[serde(rename = "never")]
    Never,
    #[serde(rename = "7d")]
    SevenDays,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MachineType {
    #[serde(rename = "f1-micro")]
    F1Micro,
    #[serde(rename = "e2-micro")]
    E2Micro,
    #[serde(rename = "e2-standard-4")]
    E2Standard4,
}

impl MachineType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F1Micro => "f1-micro",
            Self::E2Micro => "e2-micro",
            Self::E2Standard4 => "e2-standard-4",
        }
    }
}

/// A connector that must exist though no workload names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The connector's project. Absent = in every project of `scope.projects` that is no Shared VPC host.
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// The connector's region.
    pub region: Region,
    /// The connector's name.
    pub name: ConnectorName,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NatSection {
    /// For which connectors Cloud NAT is ensured.
    pub ensure: EnsureNat,
    /// What new gateways log.
    pub log: NatLogging,
    /// Names of static regional addresses that gateways use; none = Google allocates addresses.
    #[schemars(with = "Vec<leaf::StaticAddress>")]
    pub static_ips: Vec<String>,
    /// Ports that each instance has at least; none = Google's 64, or 32 with `dynamic_ports`.
    pub min_ports: Option<u32>,
    /// With `dynamic_ports`: ports that an instance has at most; none = Google's 65536.
    pub max_ports: Option<u32>,
    /// Let Google give an instance more ports while it needs them. `false` leaves what an existing gateway has.
    pub dynamic_ports: bool,
    /// Subnets of Direct VPC workloads that our gateway serves too: `REGION/NAME`.
    pub direct_vpc_subnets: Vec<String>,
}

impl Default for NatSection {
    fn default() -> Self {
        Self {
            ensure: EnsureNat::WhenNeeded,
            log: NatLogging::ErrorsOnly,
            static_ips: Vec::new(),
            min_ports: None,
            max_ports: None,
            dynamic_ports: false,
            direct_vpc_subnets: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnsureNat {
    /// A user of the connector sends all its traffic through it.
    WhenNeeded,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NatLogging {
    Off,
    ErrorsOnly,
    TranslationsOnly,
    All,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FirewallSection {
    /// What happens to egress that the policy does not allow.
    pub enforcement: Enforcement,
    /// Globs of connectors created by others that may get rules of ours.
    pub adopt: Vec<String>,
    /// What happens to a deny rule of ours that was disabled or deleted by hand.
    pub rearm: Rearm,
    /// The priority of the first rule; the other rules are at fixed offsets from it.
    pub base_priority: u32,
    /// Let the connector reach Google's APIs over their private ranges.
    pub google_apis: bool,
    /// Ranges that the connector may reach inside.
    #[schemars(with = "Vec<leaf::Ipv4Range>")]
    #[serde(deserialize_with = "range::list")]
    pub internal: Vec<Ipv4Net>,
    /// What the connector may reach outside.
    pub internet: Vec<InternetEntry>,
    /// Whether a connector's instances may open connections to other instances of the network.
    pub ingress: IngressSection,
    /// Names of foreign deny rules that our allow rules may open.
    pub override_denies: Vec<String>,
    /// Globs of broad egress rules that an automation created.
    pub auto_rules: Vec<String>,
    /// Disable the rules that match `auto_rules` once our own rules exist. A rule without target tags is disabled for every instance of the
    /// network.
    pub replace_auto: bool,
}

impl Default for FirewallSection {
    fn default() -> Self {
        Self {
            enforcement: Enforcement::Observe,
            adopt: Vec::new(),
            rearm: Rearm::Manual,
            base_priority: 900,
            google_apis: true,
            internal: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]
                .iter()
                .flat_map(|net| net.parse())
                .collect(),
            internet: vec![InternetEntry {
                to: vec![Ipv4Net::default()],
                ports: vec!["tcp:443".into(), "tcp:80".into()],
                reason: None,
                expires: None,
            }],
            ingress: IngressSection::default(),
            override_denies: Vec::new(),
            auto_rules: vec!["vpc-access-allow-*-egress".into()],
            replace_auto: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Only allow rules: they scope nothing by themselves.
    AllowOnly,
    /// A logged rule shows what a deny would stop.
    Observe,
    /// A logged deny stops what the allow rules do not name.
    Enforce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rearm {
    /// It stays disabled until a person enables it again, or the policy changes.
    Manual,
    /// It is put back in the next run.
    AtOnce,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InternetEntry {
    /// Destination ranges.
    #[schemars(with = "Vec<leaf::Ipv4Range>")]
    #[serde(deserialize_with = "range::list")]
    pub to: Vec<Ipv4Net>,
    /// `tcp:443`, `udp:8000-8080`, or a protocol alone.
    #[schemars(with = "Vec<leaf::Ports>")]
    pub ports: Vec<String>,
    /// Why it is allowed, for people who read the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The last day it holds, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<leaf::Day>")]
    pub expires: Option<Date>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngressSection {
    /// Deny traffic from the connector's instances to other instances in the network, except what `allow` lists.
    pub harden: bool,
    /// With `harden`: what the connector's instances may still reach.
    pub allow: Vec<IngressEntry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IngressEntry {
    /// Network tags of the instances that may be reached.
    #[schemars(with = "Vec<leaf::NetworkTag>")]
    pub to_tags: Vec<String>,
    /// `tcp:5432`, `udp:8000-8080`, or a protocol alone.
    #[schemars(with = "Vec<leaf::Ports>")]
    pub ports: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSection {
    /// The maximum number of changes in one run.
    pub changes_per_run: u32,
    /// The maximum number of changes to one target in an hour.
    pub changes_per_hour: u32,
}

impl Default for BudgetSection {
    fn default() -> Self {
        Self { changes_per_run: 40, changes_per_hour: 200 }
    }
}

/// A connector or a workload that is left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// A glob of connector names, or of full names. Either this or `workload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// A glob of workload names. Either this or `connector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Only in this project; absent = in every project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Only in this region; absent = in every region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Why it is left alone; reports repeat it.
    pub reason: String,
    /// The last day it holds, in UTC.
    #[schemars(with = "leaf::Day")]
    pub until: Date,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSection {
    /// `projects/P/topics/T`; none = reports go to stdout.
    pub topic: Option<String>,
    /// Publish runs that found nothing to say, too.
    pub in_sync: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// Which connectors it is for. An empty list, or an absent one, matches everything.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Any section of the policy but `scope`, `owner` and `version`.
    #[serde(flatten)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// An empty list matches everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// Projects of the connectors.
    pub projects: Vec<ProjectId>,
    /// Regions of the connectors.
    pub regions: Vec<Region>,
    /// Globs of connector names, or of full names.
    pub connectors: Vec<String>,
}
