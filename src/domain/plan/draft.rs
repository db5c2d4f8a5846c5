//! A plan in the making.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Budget, Change, ConnectorEgress, FieldDiff, Note, Object, Step, StepId, Withheld};
use crate::domain::{
    desired::Desired,
    policy::{Mode, Policy},
    state::observed::Observed,
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
    match (change.before(), change.after()) {
        (Some(Object::Firewall(before)), Some(Object::Firewall(after))) => {
            let (old, new) = (before.managed(), after.managed());
            let mut rows: Vec<_> = old
                .iter()
                .filter_map(|(field, before)| {
                    let after = new.get(field)?;
                    (before != after).then(|| row(field, before, after))
                })
                .collect();
            if before.description != after.description {
                rows.push(row("description", &before.description, &after.description));
            }
            rows
        }
        (Some(Object::Router(before)), Some(Object::Router(after))) => {
            let (old, new) = (before.settings(), after.settings());
            let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let value = |of: &BTreeMap<String, String>, field| of.get(field).cloned().unwrap_or_default();
            let rows = fields.into_iter().map(|field| (field, value(&old, field), value(&new, field)));
            rows.filter(|(_, before, after)| before != after)
                .map(|(field, before, after)| row(field, &before, &after))
                .collect()
        }
        (Some(before), Some(after)) => {
            let (before, after) = (before.document(), after.document());
            let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
            let text = |value: Option<&serde_json::Value>| value.map_or_else(|| "none".to_owned(), ToString::to_string);
            after
                .iter()
                .filter(|(field, value)| before.get(*field) != Some(*value))
                .map(|(field, value)| row(field, &text(before.get(field)), &text(Some(value))))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn row(field: &str, before: &str, after: &str) -> FieldDiff {
    let text = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    FieldDiff { field: field.to_owned(), before: text(before), after: text(after) }
}
