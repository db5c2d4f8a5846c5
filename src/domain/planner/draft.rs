//! A plan in the making.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::refused_deploys;
use crate::domain::{
    cause,
    codes::Code,
    demand::Demand,
    design::Notes,
    names::ConnectorRef,
    ownership::stamped,
    plan::{Change, FieldDiff, Note, Object, ObjectId, PathEgress, PlanContext, Step, Verb, Withheld},
    policy::{Mode, Policy},
    stamp::Stamp,
    state::{
        firewall::Firewall,
        observed::Observed,
        read::{FailureKind, ReadFailure},
    },
    target::Target,
    text,
};

pub(super) struct Draft<'a> {
    pub policy: &'a Policy,
    pub observed: &'a Observed,
    pub context: &'a PlanContext,
    pub now: Timestamp,
    /// The command `rearm` asks for the denies that are down.
    pub rearm: bool,
    /// Each step with the mode that has to permit it.
    pub steps: Vec<(Step, Mode)>,
    pub withheld: Vec<Withheld>,
    pub waiting_on: Vec<Note>,
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
    pub egress: Vec<PathEgress>,
}

impl<'a> Draft<'a> {
    pub fn new(policy: &'a Policy, observed: &'a Observed, context: &'a PlanContext, now: Timestamp) -> Self {
        Self {
            policy,
            observed,
            context,
            now,
            rearm: false,
            steps: Vec::new(),
            withheld: Vec::new(),
            waiting_on: Vec::new(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            egress: Vec::new(),
        }
    }

    /// What was found before any family was looked at.
    pub fn notes(&mut self, demand: &Demand) {
        self.blocked_by.extend(demand.blocked_by.iter().cloned());
        self.findings.extend(demand.findings.iter().cloned());
        let bare = self.is_bare_host(demand);
        let told = |failure: &&ReadFailure| {
            !(bare && failure.kind == FailureKind::ApiDisabled && !failure.call.starts_with("compute."))
        };
        let unread = self.observed.failures().into_iter().filter(told);
        let mut unread: Vec<Note> =
            unread.filter_map(|failure| text::reads::blocked(failure, &self.asked_at(failure))).collect();
        // One region is closed once, to whatever is asked there.
        let mut closed = false;
        unread.retain(|note| note.code != Code::RegionClosed || !std::mem::replace(&mut closed, true));
        self.blocked_by.extend(unread);
        let at = &self.observed.target;
        if self.observed.others.is_some() {
            self.findings.extend(self.observed.missing_revisions().map(text::prune::missing_revision));
        }
        let mut unseen = self.observed.unseen();
        // A closed region is told above, and what is worth another try with the end of the run.
        unseen.retain(|failure| failure.kind != FailureKind::RegionClosed || !closed);
        unseen.retain(|failure| !matches!(failure.kind, FailureKind::Transient | FailureKind::NotAsked));
        unseen.retain(|failure| failure.kind != FailureKind::ApiDisabled || !bare);
        let (outdated, unseen): (Vec<&ReadFailure>, Vec<_>) =
            unseen.into_iter().partition(|failure| text::reads::lacking(failure).is_some());
        self.findings.extend(text::prune::role_outdated(&outdated, at));
        self.findings.extend(unseen.into_iter().map(|failure| text::prune::unseen(failure, at)));
        self.blocked_by.extend(refused_deploys::notes(&self.observed.target, &self.observed.refused));
        if let Some(Err(failure)) = &self.observed.operations {
            self.findings.extend(text::reads::operations_unread(failure, &self.observed.target));
        }
    }

    /// What the design found.
    pub fn take(&mut self, notes: &Notes) {
        self.waiting_on.extend(notes.waiting_on.iter().cloned());
        self.blocked_by.extend(notes.blocked_by.iter().cloned());
        self.findings.extend(notes.findings.iter().cloned());
    }

    /// Where a call went.
    pub fn asked_at(&self, failure: &ReadFailure) -> Target {
        let target = &self.observed.target;
        let mut elsewhere = self.observed.elsewhere.iter();
        let other = elsewhere.find(|(_, read)| read.as_ref().err().is_some_and(|err| std::ptr::eq(err, failure)));
        match other {
            Some((connector, _)) => Target::from(connector),
            None if failure.call.starts_with("compute.") => {
                Target { project: self.observed.network_name.project.clone(), region: target.region.clone() }
            }
            None => target.clone(),
        }
    }

    pub fn failure(&self, connector: &ConnectorRef) -> Option<&'a ReadFailure> {
        cause::failure(self.observed, self.context.history.refused.get(connector), connector)
    }

    /// A Shared VPC host where nothing of ours stands or is asked for: it need not have the APIs of Cloud Run.
    fn is_bare_host(&self, demand: &Demand) -> bool {
        !self.policy.scope.projects.contains(&self.observed.target.project)
            && demand.connectors.is_empty()
            && stamped(self.policy, self.observed).is_empty()
    }

    pub fn push(&mut self, change: Change, after: Vec<ObjectId>, reason: String, mode: Mode) -> ObjectId {
        let id = change.object().id();
        let diff = diff(&change);
        // A step that was not planned needs no waiting for.
        let after = after.into_iter().filter(|id| self.steps.iter().any(|(step, _)| step.id == *id)).collect();
        self.steps.push((Step { id: id.clone(), after, change, reason, diff }, mode));
        id
    }
}

impl Draft<'_> {
    /// An allow of ours stays as it is, because a deny for another connector is in force here too.
    pub fn hold_beside(&mut self, allow: &Firewall, verb: Verb, stray: &Firewall) {
        let text = text::firewall::held_beside(&allow.name, &stray.name);
        self.withheld.push(Withheld::until_later(verb, &Object::Firewall(allow.clone()), text));
    }

    /// A finding, once.
    pub fn tell(&mut self, note: Note) {
        if !self.findings.contains(&note) {
            self.findings.push(note);
        }
    }

    /// Writes another stamp on a rule of ours, unless something else is to be done to it first: then in the next round.
    pub fn mark(&mut self, rule: &Firewall, description: String, reason: String, mode: Mode) {
        let before = Object::Firewall(rule.clone());
        if description == rule.description || self.steps.iter().any(|(step, _)| step.id == before.id()) {
            return;
        }
        let after = Object::Firewall(Firewall { description, ..rule.clone() });
        self.push(Change::Extend { before, after }, Vec::new(), reason, mode);
    }
}

/// What a change does, field by field: for a person to read.
pub(super) fn diff(change: &Change) -> Vec<FieldDiff> {
    let (Some(before), Some(after)) = (change.before(), change.after()) else { return Vec::new() };
    let (old, new) = (fields(before), fields(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_default();
    let rows = names.into_iter().map(|name| (name, value(&old, name), value(&new, name)));
    rows.filter(|(_, before, after)| before != after).map(|(name, before, after)| row(name, &before, &after)).collect()
}

/// The fields that we write, each as a person would say it.
fn fields(object: &Object) -> BTreeMap<String, String> {
    let named = |field: &str, value: Option<String>| (field.to_owned(), value.unwrap_or_default());
    match object {
        Object::Firewall(rule) => {
            let stamp = Stamp::read(&rule.description).unwrap_or_default();
            let armed = stamp.armed.map(|hash| format!("armed={hash}"));
            let unused = stamp.unused.map(|since| format!("unused-since={since}"));
            let marks: Vec<_> = armed.into_iter().chain(unused).collect();
            let managed = rule.managed().into_iter().map(|(field, value)| (field.to_owned(), value));
            managed
                .chain([
                    named("mark", Some(marks.join(" "))),
                    named("released", stamp.released.as_ref().map(text::break_glass::mark)),
                ])
                .collect()
        }
        Object::Router(router) => router.settings(),
        Object::Connector(connector) => BTreeMap::from([
            named("minInstances", connector.min_instances.map(|number| number.to_string())),
            named("maxInstances", connector.max_instances.map(|number| number.to_string())),
        ]),
        Object::Network(_) | Object::Subnet(_) => BTreeMap::new(),
    }
}

fn row(field: &str, before: &str, after: &str) -> FieldDiff {
    let text = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    FieldDiff { field: field.to_owned(), before: text(before), after: text(after) }
}
