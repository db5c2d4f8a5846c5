//! A path and its hops, and what was seen and decided of them.

use serde::Serialize;

use crate::domain::{
    design::Blueprint,
    names::ConnectorRef,
    plan::{Note, Plan, Verb},
    policy::Policy,
    state::{observed::Observed, workload::Workload},
    text,
};

/// From a workload to where it may go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    /// `job nightly-export`.
    pub workload: String,
    pub hops: Vec<Hop>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    pub kind: HopKind,
    /// Empty where there is nothing to name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub mark: Mark,
    /// What is so, in one sentence.
    pub text: String,
    /// Why, and what to do: what the plan knows of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it says may be otherwise: not all that decides can be seen.
    #[serde(skip)]
    pub unknown: bool,
    /// Of the firewall: each rule that decides something, in the order in which they are asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopKind {
    Workload,
    Connector,
    Subnet,
    Nat,
    Firewall,
    Internal,
    GoogleApis,
    Internet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    Ok,
    /// The packets of this workload do not come by, or nobody asked for it.
    NotAsked,
    /// Google is at work.
    Waiting,
    /// It does not stand as the policy wants it.
    Missing,
    /// A person must act, or could not look.
    Blocked,
}

/// A rule that decides over packets which no rule before it has decided over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub rule: String,
    /// `900`; of a firewall policy and of Google's implied rule, where it stands.
    pub order: String,
    pub verdict: &'static str,
    /// What the rule matches: `tcp:443 to 0.0.0.0/0`.
    pub what: String,
    pub whose: &'static str,
}

/// All that was seen and decided.
pub(super) struct Scene<'a> {
    pub policy: &'a Policy,
    pub observed: &'a Observed,
    pub blueprint: &'a Blueprint<'a>,
    pub plan: &'a Plan,
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
            Self::Subnet => "subnet",
            Self::Nat => "NAT",
            Self::Firewall => "firewall",
            Self::Internal => "inside",
            Self::GoogleApis => "APIs",
            Self::Internet => "outside",
        }
    }
}

impl Hop {
    pub(super) fn new(kind: HopKind, name: &str, mark: Mark, text: String) -> Self {
        Self { kind, name: name.to_owned(), mark, text, notes: Vec::new(), unknown: false, rules: Vec::new() }
    }
}
