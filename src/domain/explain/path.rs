//! A path and its hops, and what was seen and decided of them.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{
    codes::HopCode,
    design::Blueprint,
    doctor::cloud_sql::CloudSql,
    firewall::reach::Reach,
    names::ConnectorRef,
    plan::{Note, Plan, Verb},
    policy::Policy,
    state::{
        egress::Egress,
        observed::Observed,
        read::ReadFailure,
        workload::{Workload, WorkloadKind},
    },
    text,
};

/// From a workload to where it may go. **Contract**: the elements of `explain --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    pub workload: WorkloadName,
    pub egress: Egress,
    pub destinations: Vec<Destination>,
    /// Every hop once, as a person reads them.
    #[serde(skip)]
    pub hops: Vec<Hop>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadName {
    pub kind: WorkloadKind,
    pub name: String,
    /// A revision that serves beside the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The way to one class of destinations, in the order in which packets take it. It ends early where the way ends, or
/// where what is behind was not looked at.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Destination {
    pub class: DestinationClass,
    /// Whether the workload reaches it; where the way ends early, the worst of its hops.
    pub state: HopState,
    pub hops: Vec<Hop>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DestinationClass {
    /// Private addresses: RFC 1918 and RFC 6598.
    Internal,
    /// The ranges of the policy's `firewall.internal`, where these are not all private addresses.
    PolicyRanges,
    /// Google's APIs, over private.googleapis.com, restricted.googleapis.com and their public addresses.
    GoogleApis,
    Internet,
    /// The instances that Cloud Run connects the workload to.
    CloudSql,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    pub kind: HopKind,
    /// Its relative name, such as `projects/P/locations/R/connectors/C`. Absent where there is nothing to name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// As a person reads it.
    #[serde(skip)]
    pub name: String,
    pub state: HopState,
    /// Absent where there is nothing to say but that it is `ok`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<HopCode>,
    /// One sentence.
    pub text: String,
    /// A gcloud command that shows the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Why, and what to do: what the plan says of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it says may be otherwise: not all that decides can be seen.
    #[serde(skip)]
    pub unsure: bool,
    /// Of the internet: the packets that the rules let out.
    #[serde(skip)]
    pub open: Reach,
    /// Of the firewall: each rule that decides something, in the order in which they are evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HopKind {
    Workload,
    Connector,
    /// Of Direct VPC egress: its network and its network tags.
    Interface,
    Subnet,
    Routes,
    Nat,
    Firewall,
    Internal,
    PolicyRanges,
    GoogleApis,
    Internet,
    CloudSql,
}

/// From best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HopState {
    Ok,
    /// The traffic of this workload does not pass here, or the policy asks for nothing here.
    NotNeeded,
    /// Of the firewall: our deny is down, so more gets out than the policy allows.
    Disarmed,
    /// Google is working on it.
    Waiting,
    /// It was not read, or cannot be decided from here.
    Unknown,
    /// It does not exist, or not as the policy wants it.
    Missing,
    /// It exists and does not work, or something blocks it.
    Broken,
}

/// A rule that decides over packets which no rule before it has decided over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub rule: String,
    /// Its priority, such as `900`. Of a firewall policy `first` = before the rules of the network, `behind` = after them,
    /// `unknown`; of Google's implied rule `last`.
    pub order: String,
    /// `allow`, `deny`, and `may allow` or `may deny` where not all that decides can be seen.
    pub verdict: &'static str,
    /// What the rule matches: `tcp:443 to 0.0.0.0/0`.
    pub what: String,
    /// `ours`, `others'`, `a firewall policy's`, `Google's`.
    pub whose: &'static str,
}

/// All that was seen and decided.
pub(super) struct Scene<'a> {
    pub policy: &'a Policy,
    pub observed: &'a Observed,
    pub blueprint: &'a Blueprint<'a>,
    pub plan: &'a Plan,
    pub cloud_sql: &'a CloudSql,
}

impl Scene<'_> {
    /// The connector that a workload names; `None` = there can be no such, or nobody knows whose it is.
    pub(super) fn connector_of(&self, workload: &Workload) -> Option<ConnectorRef> {
        let target = &self.observed.target;
        let mut connector =
            ConnectorRef::parse(workload.connector.as_deref()?, &target.project, &target.region).ok()?;
        if connector.project.is_number() {
            connector.project = self.observed.projects.get(&connector.project)?.as_ref().ok()?.clone();
        }
        Some(connector)
    }

    /// What the plan says of these objects, what a person must do first.
    pub(super) fn notes(&self, objects: &[String]) -> Vec<String> {
        let about = |note: &&Note| objects.contains(&note.object);
        let plan = self.plan;
        let notes = [&plan.blocked_by, &plan.waiting_on, &plan.findings].into_iter().flatten();
        let held = plan.withheld.iter().filter(|held| objects.contains(&held.step.to_string()));
        let steps = plan.steps.iter().filter(|step| objects.contains(&step.id.to_string()));
        let mut told: Vec<String> = notes.filter(about).map(|note| note.text.clone()).collect();
        told.extend(steps.map(text::explain::planned));
        told.extend(held.map(text::explain::held_back));
        told
    }

    /// A person must act on one of these objects.
    pub(super) fn is_blocked(&self, objects: &[String]) -> bool {
        self.plan.blocked_by.iter().any(|note| objects.contains(&note.object))
    }

    /// One of these objects is to be written, now or when nothing holds it back any more.
    pub(super) fn is_out_of_sync(&self, objects: &[String]) -> bool {
        self.plan.steps.iter().any(|step| objects.contains(&step.id.to_string()) && step.change.verb() != Verb::Extend)
            || self
                .plan
                .withheld
                .iter()
                .any(|held| objects.contains(&held.step.to_string()) && held.verb != Verb::Extend)
    }
}

impl HopKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Connector => "connector",
            Self::Interface => "interface",
            Self::Subnet => "subnet",
            Self::Routes => "routes",
            Self::Nat => "NAT",
            Self::Firewall => "firewall",
            Self::Internal => "inside",
            Self::PolicyRanges => "policy",
            Self::GoogleApis => "APIs",
            Self::Internet => "outside",
            Self::CloudSql => "Cloud SQL",
        }
    }

    /// Which class of destinations it is the end of.
    fn class(self) -> Option<DestinationClass> {
        match self {
            Self::Internal => Some(DestinationClass::Internal),
            Self::PolicyRanges => Some(DestinationClass::PolicyRanges),
            Self::GoogleApis => Some(DestinationClass::GoogleApis),
            Self::Internet => Some(DestinationClass::Internet),
            Self::CloudSql => Some(DestinationClass::CloudSql),
            Self::Workload
            | Self::Connector
            | Self::Interface
            | Self::Subnet
            | Self::Routes
            | Self::Nat
            | Self::Firewall => None,
        }
    }
}

impl Hop {
    pub(super) fn new(kind: HopKind, name: &str, state: HopState, text: String) -> Self {
        Self {
            kind,
            resource: None,
            name: name.to_owned(),
            state,
            code: None,
            text,
            evidence: None,
            notes: Vec::new(),
            unsure: false,
            open: Reach::default(),
            rules: Vec::new(),
        }
    }

    pub(super) fn code(self, code: HopCode) -> Self {
        Self { code: Some(code), ..self }
    }

    pub(super) fn resource(self, resource: impl Into<String>) -> Self {
        Self { resource: Some(resource.into()), ..self }
    }

    pub(super) fn evidence(self, command: String) -> Self {
        Self { evidence: Some(command), ..self }
    }

    /// The traffic passes the VPC, and with it all that comes before this hop.
    pub(super) fn is_in_vpc(&self) -> bool {
        self.code != Some(HopCode::GoogleAddresses)
    }

    /// Something that could not be read.
    pub(super) fn unread(kind: HopKind, name: &str, failure: &ReadFailure) -> Self {
        Self::new(kind, name, HopState::Unknown, text::explain::unread(failure)).code(HopCode::Unread)
    }
}

impl Path {
    pub(super) fn new(workload: &Workload, hops: Vec<Hop>) -> Self {
        let Workload { kind, name, revision, egress, .. } = workload;
        let workload = WorkloadName { kind: *kind, name: name.clone(), revision: revision.clone() };
        Self { workload, egress: *egress, destinations: destinations(&hops), hops }
    }

    /// What becomes of packets to an address of the internet, such as those of `tcp` to port `22`; `None` = they do not pass the
    /// VPC.
    pub fn fate(&self, to: &str, protocol: &str, port: &str) -> Option<Fate> {
        let internet = self.hops.iter().find(|hop| hop.kind == HopKind::Internet && hop.is_in_vpc())?;
        let cut = self.hops.iter().find(|hop| {
            let is_way = matches!(hop.kind, HopKind::Connector | HopKind::Subnet | HopKind::Routes | HopKind::Nat);
            is_way && !matches!(hop.state, HopState::Ok | HopState::NotNeeded)
        });
        Some(match cut {
            Some(hop) => Fate::NoWay(hop.kind),
            None if internet.open.contains(&Reach::of([to], [(protocol, [port.to_owned()].as_slice())])) => Fate::Open,
            None => Fate::Stopped,
        })
    }
}

/// What becomes of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// This hop is not there, or does not work.
    NoWay(HopKind),
    /// The firewall stops them.
    Stopped,
    Open,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWay(kind) => write!(f, "no way out (no {})", kind.word()),
            Self::Stopped => f.write_str("stopped"),
            Self::Open => f.write_str("open"),
        }
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.revision.as_ref().map_or(Ok(()), |revision| write!(f, " (revision {revision})"))
    }
}

/// The way to each class of destinations: routes and NAT are for the internet alone, and come after the firewall.
fn destinations(hops: &[Hop]) -> Vec<Destination> {
    let has_end = |class| hops.iter().any(|hop| hop.kind.class() == Some(class));
    let classes = [
        Some(DestinationClass::Internal),
        Some(DestinationClass::PolicyRanges).filter(|class| has_end(*class)),
        Some(DestinationClass::GoogleApis),
        Some(DestinationClass::Internet),
        Some(DestinationClass::CloudSql).filter(|class| has_end(*class)),
    ];
    let way = |class: DestinationClass| {
        let end = hops.iter().find(|hop| hop.kind.class() == Some(class));
        let in_vpc = end.is_none_or(Hop::is_in_vpc);
        let is_shared = |kind| match kind {
            HopKind::Workload => true,
            HopKind::Connector | HopKind::Interface | HopKind::Subnet | HopKind::Firewall => in_vpc,
            _ => false,
        };
        let shared = hops.iter().filter(|hop| is_shared(hop.kind));
        let by_nat = in_vpc && class == DestinationClass::Internet;
        let nat = hops.iter().filter(|hop| matches!(hop.kind, HopKind::Routes | HopKind::Nat) && by_nat);
        let hops: Vec<Hop> = shared.chain(nat).chain(end).cloned().collect();
        // Where the way is known to its end, its end knows whether packets come there.
        let passed = hops.iter().map(|hop| hop.state).filter(|state| *state != HopState::NotNeeded);
        let state = end.map(|hop| hop.state).or(passed.max().max(Some(HopState::Unknown)));
        let state = state.unwrap_or(HopState::Unknown);
        Destination { class, state, hops }
    };
    classes.into_iter().flatten().map(way).collect()
}
