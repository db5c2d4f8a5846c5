//! What is to be written, as finished data: doing it makes no choice.

use std::collections::{BTreeMap, HashSet};

use ipnet::Ipv4Net;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::object_id::{Kind, NoObjectId, ObjectId};
use super::{
    codes::Code,
    fields::is_default,
    names::{ConnectorRef, NetworkRef, last_segment},
    policy::Mode,
    state::{
        connector::Connector, firewall::Firewall, network::Network, read::ReadFailure, requirement::PathUser,
        router::Router, subnet::Subnet,
    },
    target::Target,
};

/// Steps in an order in which they can be done, and all that a person should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub target: Target,
    pub network: NetworkRef,
    /// Topological: what a step waits for stands before it.
    pub steps: Vec<Step>,
    pub withheld: Vec<Withheld>,
    /// The cloud must finish.
    pub waiting_on: Vec<Note>,
    /// A person must act.
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
    pub egress: Vec<PathEgress>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: ObjectId,
    /// Steps of the same plan that must be done first.
    pub after: Vec<ObjectId>,
    pub change: Change,
    /// What is wrong and why this mends it, in one sentence.
    pub reason: String,
    pub diff: Vec<FieldDiff>,
}

/// One write. `create` mode permits the first two.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Create(Object),
    /// Adds to a list or a stamp of ours, and takes nothing away.
    Extend {
        before: Object,
        after: Object,
    },
    Repair {
        before: Object,
        after: Object,
    },
    Delete(Object),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    Network(Network),
    Subnet(Subnet),
    Connector(Connector),
    Router(Router),
    Firewall(Firewall),
}

/// What a person reads in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Create,
    Extend,
    Repair,
    Delete,
}

impl Verb {
    pub const ALL: [Self; 4] = [Self::Create, Self::Extend, Self::Repair, Self::Delete];

    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Extend => "extend",
            Self::Repair => "repair",
            Self::Delete => "delete",
        }
    }

    /// What a person calls the change: a rule is disabled and enabled, though to programs both are repairs.
    pub fn word_for(self, diff: &[FieldDiff]) -> &'static str {
        let switched = diff.iter().find(|diff| diff.field == "disabled").filter(|_| self == Self::Repair);
        match switched {
            Some(diff) if diff.after == "true" => "disable",
            Some(_) => "enable",
            None => self.word(),
        }
    }
}

/// `created`: every one of these words ends alike.
pub fn past(word: &str) -> String {
    match word.strip_suffix('e') {
        Some(stem) => format!("{stem}ed"),
        None => format!("{word}ed"),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldDiff {
    pub field: String,
    pub before: String,
    pub after: String,
}

/// Something to know about an object: what, why, and what to do, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// A kebab-case word that programs may rely on.
    pub code: Code,
    /// `kind/name`, or a full name.
    pub object: String,
    /// The principal or the rule behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    pub text: String,
}

/// A step that the plan holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withheld {
    pub step: ObjectId,
    pub verb: Verb,
    pub why: HoldReason,
    /// What the step is for, what holds it back, and what lets it happen.
    pub text: String,
    /// What the step is for; empty where `text` says all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diff: Vec<FieldDiff>,
    /// The document as the step would write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Withheld {
    /// A step that is known whole.
    pub fn of(step: Step, why: HoldReason, text: String) -> Self {
        let (verb, after) = (step.change.verb(), step.change.after().map(Object::document));
        Self { step: step.id, verb, why, text, reason: step.reason, diff: step.diff, after }
    }

    /// A step that is not made before a later look.
    pub fn until_later(verb: Verb, object: &Object, text: String) -> Self {
        let after = (verb == Verb::Create).then(|| object.document());
        let why = HoldReason::AllowsFirst;
        Self { step: object.id(), verb, why, text, reason: String::new(), diff: Vec::new(), after }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// The policy's mode permits less.
    Mode,
    /// The policy's budget is spent.
    Budget,
    /// A deny waits until a later look has found every allow in place.
    AllowsFirst,
}

/// What is true of the egress of a path, and no more: IPv4, by the VPC's rules, for the path's network tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathEgress {
    /// What the traffic passes: of a connector its name, `projects/P/locations/R/connectors/C`.
    pub path: String,
    /// Where the path is a connector: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<ConnectorRef>,
    pub state: EgressState,
    /// What makes the state, such as a rule or a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who uses the path, in the order of kinds and names, the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<PathUser>,
    /// How many more use it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more_users: usize,
}

/// The most users of a path that a report names.
const MAX_USERS_NAMED: usize = 100;

impl PathEgress {
    pub fn of_connector(connector: ConnectorRef, state: EgressState, by: Option<String>) -> Self {
        let path = connector.to_string();
        Self { path, connector: Some(connector), state, by, users: Vec::new(), more_users: 0 }
    }

    pub fn used_by(self, users: &[PathUser]) -> Self {
        let mut users = users.to_vec();
        users.sort();
        users.dedup();
        let more_users = users.len().saturating_sub(MAX_USERS_NAMED);
        users.truncate(MAX_USERS_NAMED);
        Self { users, more_users, ..self }
    }

    /// The last part of the path's name.
    pub fn name(&self) -> &str {
        last_segment(&self.path)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EgressState {
    /// Nothing leaves but what the policy names.
    Scoped,
    /// A logged rule shows what a deny would stop.
    Observed,
    /// Allow rules alone scope nothing: egress is allowed by default.
    AllowOnly,
    /// Not ours and not adopted: no rule of ours is written.
    Unmanaged,
    /// A rule of another hand lets more out than the policy.
    Shadowed,
    /// Our deny was taken down.
    Disarmed,
    /// A deny of another hand stops the connector's own control traffic, or all of an entry of the policy.
    CutOff,
}

/// What becomes of a connector in ERROR.
pub enum ErrorAction {
    Replace,
    /// The policy's `connector.repair` is off.
    Off,
    /// The policy's mode permits no deletion.
    Mode,
    Frozen(String),
    /// What stopped it would stop it on another range too.
    Cause,
    /// What stopped it could not be read.
    Unread,
    /// Nothing uses it: the mark says so, or is to be written.
    Unused,
    /// Something else than a Cloud Run workload uses it.
    Used(Vec<String>),
    /// Some users could not be seen.
    Unseen,
    /// This key of the policy would not let it be made again.
    PolicyBlocks(&'static str),
    Foreign,
}

/// What a plan rests on beside policy and observation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanContext {
    pub limits: Limits,
    pub history: RecentHistory,
}

/// How much may be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// The most writes this round may hold.
    pub changes: u32,
    /// Which key of the policy says so.
    pub key: &'static str,
}

/// What earlier runs of this process saw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentHistory {
    /// Connectors whose creation was refused or failed since the last sweep.
    pub refused: BTreeMap<ConnectorRef, ReadFailure>,
    /// How often each connector was created in the last 24 hours: a subnet that was there before does not say it.
    pub created: BTreeMap<ConnectorRef, u32>,
    /// The last principal that touched an object, by the object's relative name.
    pub touched_by: BTreeMap<String, String>,
    /// Why connectors of other projects are not created, by the last report of their own target.
    pub blocked_elsewhere: BTreeMap<ConnectorRef, String>,
    /// Ranges that Google refused as taken, though no list shows by what.
    pub taken: Vec<Ipv4Net>,
    /// Changes that were undone again and again, and until when they are left alone.
    pub left_alone: BTreeMap<Repeat, Timestamp>,
}

/// A change that is the same whenever it is made: what tells a person who undoes it from a world that moves on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repeat {
    pub step: ObjectId,
    pub verb: Verb,
    pub diff: Vec<FieldDiff>,
}

impl Step {
    /// The same object may be written in several ways in a run.
    pub fn key(&self) -> (ObjectId, Verb) {
        (self.id.clone(), self.change.verb())
    }

    pub fn repeat(&self) -> Repeat {
        Repeat { step: self.id.clone(), verb: self.change.verb(), diff: self.diff.clone() }
    }
}

impl Change {
    pub fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Extend { .. } => Verb::Extend,
            Self::Repair { .. } => Verb::Repair,
            Self::Delete(_) => Verb::Delete,
        }
    }

    pub fn before(&self) -> Option<&Object> {
        match self {
            Self::Create(_) => None,
            Self::Extend { before, .. } | Self::Repair { before, .. } | Self::Delete(before) => Some(before),
        }
    }

    pub fn after(&self) -> Option<&Object> {
        match self {
            Self::Delete(_) => None,
            Self::Create(after) | Self::Extend { after, .. } | Self::Repair { after, .. } => Some(after),
        }
    }

    /// What is written, as it will be or, where it goes, as it is.
    pub fn object(&self) -> &Object {
        match self {
            Self::Create(object) | Self::Delete(object) => object,
            Self::Extend { after, .. } | Self::Repair { after, .. } => after,
        }
    }

    pub fn permitted_by(&self, mode: Mode) -> bool {
        match self {
            Self::Create(_) | Self::Extend { .. } => mode >= Mode::Create,
            Self::Repair { .. } | Self::Delete(_) => mode >= Mode::Enforce,
        }
    }
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Network(_) => Kind::Network,
            Self::Subnet(_) => Kind::Subnet,
            Self::Connector(_) => Kind::Connector,
            Self::Router(_) => Kind::Router,
            Self::Firewall(_) => Kind::Firewall,
        }
    }

    /// The short name.
    pub fn name(&self) -> &str {
        match self {
            Self::Network(network) => &network.name,
            Self::Subnet(subnet) => &subnet.name,
            Self::Connector(connector) => super::names::last_segment(&connector.name),
            Self::Router(router) => &router.name,
            Self::Firewall(firewall) => &firewall.name,
        }
    }

    pub fn id(&self) -> ObjectId {
        self.kind().named(self.name())
    }

    /// The document as Google has it.
    pub fn document(&self) -> Value {
        let document = match self {
            Self::Network(network) => serde_json::to_value(network),
            Self::Subnet(subnet) => serde_json::to_value(subnet),
            Self::Connector(connector) => serde_json::to_value(connector),
            Self::Router(router) => serde_json::to_value(router),
            Self::Firewall(firewall) => serde_json::to_value(firewall),
        };
        // A map of strings, numbers, lists and maps always has a JSON form.
        document.unwrap_or(Value::Null)
    }
}

impl EgressState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Scoped => "scoped",
            Self::Observed => "observed",
            Self::AllowOnly => "allow-only",
            Self::Shadowed => "shadowed",
            Self::Disarmed => "disarmed",
            Self::Unmanaged => "unmanaged",
            Self::CutOff => "cut-off",
        }
    }
}

impl Plan {
    /// Nothing to do, and nothing to tell.
    pub fn empty(target: Target, network: NetworkRef) -> Self {
        Self {
            target,
            network,
            steps: Vec::new(),
            withheld: Vec::new(),
            waiting_on: Vec::new(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            egress: Vec::new(),
        }
    }

    /// Takes out steps that failed already, with all that waits for them.
    pub fn drop_failed(&mut self, failed: &HashSet<ObjectId>) {
        let mut out = failed.clone();
        self.steps.retain(|step| {
            let stays = !out.contains(&step.id) && !step.after.iter().any(|id| out.contains(id));
            if !stays {
                out.insert(step.id.clone());
            }
            stays
        });
    }

    /// Takes out the creation of what stands already, though a list does not show it yet; what waits for it may go on.
    pub fn skip_already_created(&mut self, made: &HashSet<(ObjectId, Verb)>) {
        let stands = |id: &ObjectId| made.contains(&(id.clone(), Verb::Create));
        self.steps.retain(|step| step.change.verb() != Verb::Create || !stands(&step.id));
        for step in &mut self.steps {
            step.after.retain(|id| !stands(id));
        }
    }

    /// A plan that has nothing to write, and holds nothing back.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.withheld.is_empty()
    }
}
