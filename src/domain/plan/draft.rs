//! A plan in the making.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Budget, Change, ConnectorEgress, FieldDiff, Note, Object, Step, StepId, Withheld};
use crate::domain::{
    desired::Desired,
    names::last_segment,
    policy::{Mode, Policy},
    stamp::Stamp,
    state::{observed::Observed, router::Nat},
    text,
};

pub(super) struct Draft<'a> {
    pub policy: &'a Policy,
    pub observed: &'a Observed,
    pub budget: &'a Budget,
    pub now: Timestamp,
    /// Each step with the mode that has to permit it.
    pub steps: Vec<(Step, Mode)>,
    pub withheld: Vec<Withheld>,
    pub waiting_on: Vec<Note>,
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
    pub egress: Vec<ConnectorEgress>,
}

impl<'a> Draft<'a> {
    pub fn new(policy: &'a Policy, observed: &'a Observed, budget: &'a Budget, now: Timestamp) -> Self {
        Self {
            policy,
            observed,
            budget,
            now,
            steps: Vec::new(),
            withheld: Vec::new(),
            waiting_on: Vec::new(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            egress: Vec::new(),
        }
    }

    /// What was found before any family was looked at.
    pub fn notes(&mut self, desired: &Desired) {
        self.blocked_by.extend(desired.blocked_by.iter().cloned());
        self.findings.extend(desired.findings.iter().cloned());
        self.blocked_by.extend(self.observed.failures().into_iter().filter_map(text::reads::blocked));
    }

    pub fn push(&mut self, change: Change, after: Vec<StepId>, reason: String, mode: Mode) -> StepId {
        let object = change.after().or(change.before());
        // A change always has one of the two; the name of an empty one could only be wrong, not harmful.
        let id = object.map_or_else(|| StepId(String::new()), Object::id);
        let diff = diff(&change);
        // A step that was not planned needs no waiting for.
        let after = after.into_iter().filter(|id| self.steps.iter().any(|(step, _)| step.id == *id)).collect();
        self.steps.push((Step { id: id.clone(), after, change, reason, diff }, mode));
        id
    }
}

/// What a change does, field by field: for a person to read.
fn diff(change: &Change) -> Vec<FieldDiff> {
    let (Some(before), Some(after)) = (change.before(), change.after()) else { return Vec::new() };
    let (old, new) = (fields(before), fields(after));
    let rows = new.iter().filter(|(field, value)| old.get(*field) != Some(*value));
    rows.map(|(field, after)| row(field, old.get(field).map_or("", String::as_str), after)).collect()
}

/// The fields that we write, each as a person would say it.
fn fields(object: &Object) -> BTreeMap<&'static str, String> {
    let mut fields = match object {
        Object::Firewall(rule) => rule.managed(),
        Object::Router(router) => {
            BTreeMap::from([("nats", router.nats.iter().map(gateway).collect::<Vec<_>>().join("; "))])
        }
        Object::Connector(connector) => {
            let number = |value: Option<u32>| value.map_or_else(String::new, |number| number.to_string());
            BTreeMap::from([
                ("minInstances", number(connector.min_instances)),
                ("maxInstances", number(connector.max_instances)),
            ])
        }
        Object::Network(_) | Object::Subnet(_) => BTreeMap::new(),
    };
    if let Object::Firewall(rule) = object {
        let stamp = Stamp::read(&rule.description).unwrap_or_default();
        fields.insert("mark", stamp.armed.map(|hash| format!("armed={hash}")).unwrap_or_default());
        fields.insert("released", stamp.released_by.unwrap_or_default());
    }
    fields
}

/// `egress-nat for a, b` or `egress-nat for all subnets`.
fn gateway(nat: &Nat) -> String {
    let names: Vec<_> = nat.subnetworks.iter().map(|subnet| last_segment(&subnet.name)).collect();
    let whom = if nat.covers_all_subnets() { "all subnets".to_owned() } else { names.join(", ") };
    format!("{} for {whom}", nat.name)
}

fn row(field: &str, before: &str, after: &str) -> FieldDiff {
    let text = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    FieldDiff { field: field.to_owned(), before: text(before), after: text(after) }
}
