//! What the process remembers between runs. It bounds and explains; but for the deploys that were refused, which nothing
//! else tells of, no right decision needs it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};

use super::{
    apply::Applied, breaker::Breaker, races::Races, refusals::Refusals, reserved::ReservedRanges,
    seen_events::SeenEvents, wishes::Wishes,
};
use crate::domain::{
    audit::signal::Trigger,
    codes::Code,
    names::{ConnectorRef, NetworkRef, relative},
    plan::{Change, Kind, Limits, Note, Object, ObjectId, Plan, PlanContext, RecentHistory, Step},
    policy::Policy,
    report::Report,
    state::{
        observed::Observed,
        read::{FailureKind, Read, ReadFailure},
        requirement::Required,
        workload::Workload,
    },
    target::Target,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Objects remembered with who touched them.
const MAX_TOUCHED_OBJECTS: usize = 10_000;

#[derive(Debug, Default)]
pub struct History {
    /// What the last report of a target said, by its hash: for each of many thousands there is one.
    said: HashMap<Target, u64>,
    /// As of when a target was last looked at, or written to.
    looks: HashMap<Target, Timestamp>,
    /// When a look at everything last found nothing that no list of the whole project shows.
    empty: HashMap<Target, Timestamp>,
    writes: HashMap<Target, VecDeque<Timestamp>>,
    refused: BTreeMap<ConnectorRef, ReadFailure>,
    /// Connectors whose creation Google accepted.
    creating: BTreeSet<ConnectorRef>,
    /// When Google accepted creations in the last 24 hours.
    created: BTreeMap<ConnectorRef, VecDeque<Timestamp>>,
    touched: HashMap<String, (Timestamp, String)>,
    /// Ranges that Google refused as taken, by network.
    taken: HashMap<NetworkRef, Vec<(Timestamp, Ipv4Net)>>,
    /// What workloads of a target ask of other projects' connectors, as its last look found.
    uses: BTreeMap<Target, Vec<Required>>,
    /// What a person must do first, by the last report of a target.
    blocked: HashMap<Target, Vec<Blocker>>,
    pub breaker: Breaker,
    pub heard: SeenEvents,
    pub races: Races,
    pub reserved: ReservedRanges,
    pub wishes: Wishes,
    pub refusals: Refusals,
}

/// What a report of a target says must be done first, or is held back; then it has no code.
#[derive(Debug)]
struct Blocker {
    code: Option<Code>,
    object: String,
    text: String,
}

impl History {
    /// The first run of this process for a target has something to say, whatever it is; later ones if they say otherwise.
    pub fn is_news(&mut self, target: &Target, signature: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        signature.hash(&mut hasher);
        let hash = hasher.finish();
        self.said.insert(target.clone(), hash) != Some(hash)
    }

    /// What the last report of a target said was heard by nobody.
    pub fn unsay(&mut self, target: &Target) {
        self.said.remove(target);
    }

    pub fn note_look(&mut self, observed: &Observed) {
        let target = &observed.target;
        self.note_known(target, observed.at);
        let is_unasked = |failure: &ReadFailure| failure.kind == FailureKind::NotAsked;
        if observed.worker_pools.as_ref().is_err_and(is_unasked) {
            return;
        }
        let is_empty = |read: &Read<Vec<Workload>>| read.as_ref().is_ok_and(Vec::is_empty);
        let has_none = is_empty(&observed.worker_pools) && is_empty(&observed.instances);
        if has_none && observed.effective.as_ref().err().is_none_or(is_unasked) {
            self.empty.insert(target.clone(), observed.at);
        } else {
            self.empty.remove(target);
        }
    }

    /// What was read of a target before `at` may be out of date.
    fn note_known(&mut self, target: &Target, at: Timestamp) {
        let known = self.looks.entry(target.clone()).or_insert(at);
        *known = at.max(*known);
    }

    /// As of when a target was last looked at, or written to.
    pub fn last_look(&self, target: &Target) -> Option<Timestamp> {
        self.looks.get(target).copied()
    }

    /// Whether a look at everything within the last hour found no worker pool and no instance, and could read them.
    pub fn is_known_empty(&self, target: &Target, now: Timestamp) -> bool {
        self.empty.get(target).is_some_and(|at| now.duration_since(*at) < HOUR)
    }

    /// Writes to a target within the last hour.
    fn recent_writes(&mut self, target: &Target, now: Timestamp) -> usize {
        let Some(writes) = self.writes.get_mut(target) else { return 0 };
        writes.retain(|at| now.duration_since(*at) <= HOUR);
        let count = writes.len();
        if count == 0 {
            self.writes.remove(target);
        }
        count
    }

    /// A step was done.
    pub fn note_done(&mut self, target: &Target, step: &Step, now: Timestamp) {
        self.writes.entry(target.clone()).or_default().push_back(now);
        self.refusals.done(target, &step.id);
        self.breaker.note(target, step.repeat(), now);
        if let Change::Delete(Object::Connector(connector)) = &step.change
            && let Ok(connector) = ConnectorRef::try_from(connector.name.clone())
        {
            self.note_deleting(&connector);
        }
    }

    /// What a round did.
    pub fn note_applied(&mut self, plan: &Plan, applied: &[Applied], policy: &Policy, now: Timestamp) {
        let target = &plan.target;
        self.note_known(target, now);
        for result in applied {
            let Some(step) = plan.steps.iter().find(|step| step.id == result.report.step) else { continue };
            // Where the answer is lost the range stays taken.
            if result.unproven.is_none() {
                self.reserved.note(plan, &step.change, result.report.is_done());
            }
            if let Some(note) = &result.blocked {
                self.refusals.note(target, &step.id, note, &policy.hash, now);
            }
            if result.report.is_done() {
                self.note_done(target, step, now);
            }
        }
        for race in applied.iter().flat_map(|result| &result.races) {
            self.races.note(target, race, now);
        }
        for (connector, cause) in applied.iter().filter_map(|result| result.refused.clone()) {
            self.note_refused(&connector, cause);
        }
        for range in applied.iter().filter_map(|result| result.taken) {
            self.note_taken(&plan.network, range, now);
        }
        for connector in applied.iter().filter_map(|result| result.creation.as_ref()) {
            self.note_creating(connector, now);
        }
    }

    /// A step that took effect though no good answer came.
    pub fn note_proven(&mut self, plan: &Plan, step: &Step, now: Timestamp) {
        self.reserved.note(plan, &step.change, true);
        self.note_done(&plan.target, step, now);
        if let Change::Create(Object::Connector(connector)) = &step.change
            && let Ok(connector) = ConnectorRef::try_from(connector.name.clone())
        {
            self.note_created(&connector, now);
        }
    }

    pub fn note_refused(&mut self, connector: &ConnectorRef, cause: ReadFailure) {
        self.refused.insert(connector.clone(), cause);
        self.creating.remove(connector);
    }

    /// Google accepted the connector's creation.
    pub fn note_creating(&mut self, connector: &ConnectorRef, now: Timestamp) {
        self.creating.insert(connector.clone());
        self.note_created(connector, now);
    }

    pub fn note_created(&mut self, connector: &ConnectorRef, now: Timestamp) {
        self.created.entry(connector.clone()).or_default().push_back(now);
    }

    /// Connectors of a target whose creation Google accepted, and of which nothing worse is known.
    pub fn begun(&self, target: &Target) -> Vec<ConnectorRef> {
        let here = self.creating.iter().filter(|connector| target.has(connector));
        here.filter(|connector| !self.refused.contains_key(connector)).cloned().collect()
    }

    /// The connector was deleted to be made again: its creation is a new one.
    pub fn note_deleting(&mut self, connector: &ConnectorRef) {
        self.refused.remove(connector);
        self.creating.remove(connector);
    }

    pub fn note_taken(&mut self, network: &NetworkRef, range: Ipv4Net, now: Timestamp) {
        self.taken.entry(network.clone()).or_default().push((now, range));
    }

    /// Remembers what workloads of a target ask of other projects' connectors, and gives back what is new of it. Where the
    /// look was not complete, what was known before stays.
    pub fn note_uses(&mut self, target: &Target, uses: Vec<Required>, complete: bool) -> Vec<Required> {
        let known = self.uses.remove(target).unwrap_or_default();
        let same =
            |a: &Required, b: &Required| (&a.connector, a.egress, &a.frozen) == (&b.connector, b.egress, &b.frozen);
        let new = uses.iter().filter(|used| !known.iter().any(|known| same(known, used))).cloned().collect();
        let mut all = uses;
        for old in known.into_iter().filter(|_| !complete) {
            if !all.iter().any(|used| used.connector == old.connector) {
                all.push(old);
            }
        }
        if !all.is_empty() {
            self.uses.insert(target.clone(), all);
        }
        new
    }

    /// What workloads of other projects in scope ask of connectors of a target.
    pub fn users_of(&self, policy: &Policy, target: &Target) -> Vec<Required> {
        let scope = policy.scope.all();
        let others = self.uses.iter().filter(|(from, _)| scope.contains(&from.project));
        others.flat_map(|(_, uses)| uses).filter(|used| target.has(&used.connector)).cloned().collect()
    }

    /// Remembers what keeps connectors of the report's target from being made.
    pub fn note_blockers(&mut self, report: &Report) {
        let Some(target) = &report.target else { return };
        let held = report.withheld.iter().filter(|held| held.step.kind == Kind::Connector);
        let held = held.map(|held| Blocker { code: None, object: held.step.to_string(), text: held.text.clone() });
        let blocked = report.blocked_by.iter().map(|note| {
            let Note { code, object, text, .. } = note.clone();
            Blocker { code: Some(code), object, text }
        });
        let blockers: Vec<_> = blocked.chain(held).collect();
        match blockers.is_empty() {
            true => self.blocked.remove(target),
            false => self.blocked.insert(target.clone(), blockers),
        };
    }

    /// Targets where something was refused that a role, an organization policy or an API may permit.
    pub fn awaiting_rights(&self) -> BTreeSet<Target> {
        const CODES: [Code; 5] =
            [Code::Denied, Code::ApiDisabled, Code::OrgPolicy, Code::AgentRole, Code::RegionClosed];
        let is_refused = |blocker: &Blocker| blocker.code.is_some_and(|code| CODES.contains(&code));
        let refused = |all: &Vec<Blocker>| all.iter().any(is_refused);
        let targets = self.blocked.iter().filter(|(_, notes)| refused(notes)).map(|(target, _)| target);
        targets.chain(self.refusals.targets()).cloned().collect()
    }

    /// Why a connector is not made: what was said of it, else of anything at its place.
    fn why_blocked(&self, connector: &ConnectorRef) -> Option<String> {
        let notes = self.blocked.get(&connector.into())?;
        let object = format!("connector/{}", connector.name);
        let own = notes.iter().find(|note| note.object == object);
        own.or_else(|| notes.first()).map(|note| note.text.clone())
    }

    /// A sweep tries again, but for what rests.
    pub fn forget_refusals(&mut self, target: &Target, resting: &BTreeMap<ObjectId, Note>) {
        let rests = |connector: &ConnectorRef| resting.contains_key(&Kind::Connector.named(connector.name.as_str()));
        self.refused.retain(|connector, _| !target.has(connector) || rests(connector));
    }

    pub fn note_triggers(&mut self, triggers: &[Arc<Trigger>]) {
        for trigger in triggers.iter().filter(|trigger| trigger.refusal.is_none()) {
            let Some(principal) = &trigger.principal else { continue };
            let object = relative(&trigger.resource).to_owned();
            let newer = self.touched.get(&object).is_none_or(|(at, _)| *at <= trigger.at);
            if newer && (self.touched.len() < MAX_TOUCHED_OBJECTS || self.touched.contains_key(&object)) {
                self.touched.insert(object, (trigger.at, principal.clone()));
            }
        }
    }

    /// What a plan for the target rests on, with `written` changes of this run already made.
    pub fn plan_context(&mut self, policy: &Policy, target: &Target, written: usize, now: Timestamp) -> PlanContext {
        self.forget(now);
        PlanContext { limits: self.limits(policy, target, written, now), history: self.recent(policy, target, now) }
    }

    fn forget(&mut self, now: Timestamp) {
        self.touched.retain(|_, (at, _)| now.duration_since(*at) < HOUR);
        for ranges in self.taken.values_mut() {
            ranges.retain(|(at, _)| now.duration_since(*at) < HOUR);
        }
        self.created.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < DAY);
            !times.is_empty()
        });
    }

    fn limits(&mut self, policy: &Policy, target: &Target, written: usize, now: Timestamp) -> Limits {
        let written_lately = self.recent_writes(target, now);
        let section = &policy.for_target(target).budget;
        let left = |limit: u32, used: usize| limit.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
        let this_run = left(section.changes_per_run, written);
        let this_hour = left(section.changes_per_hour, written_lately);
        let key = if this_run <= this_hour { "budget.changes_per_run" } else { "budget.changes_per_hour" };
        Limits { changes: this_run.min(this_hour), key }
    }

    fn recent(&mut self, policy: &Policy, target: &Target, now: Timestamp) -> RecentHistory {
        let network = policy.network_of(target);
        let refused = self.refused.iter().filter(|(connector, _)| target.has(connector));
        let created = self.created.iter().filter(|(connector, _)| target.has(connector));
        let count = |times: &VecDeque<Timestamp>| u32::try_from(times.len()).unwrap_or(u32::MAX);
        let uses = self.uses.get(target).into_iter().flatten();
        let blocked = uses.filter_map(|used| Some((used.connector.clone(), self.why_blocked(&used.connector)?)));
        let taken = self.taken.get(&network).into_iter().flatten().map(|(_, range)| *range);
        RecentHistory {
            refused: refused.map(|(connector, why)| (connector.clone(), why.clone())).collect(),
            created: created.map(|(connector, times)| (connector.clone(), count(times))).collect(),
            touched_by: self.touched.iter().map(|(object, (_, by))| (object.clone(), by.clone())).collect(),
            blocked_elsewhere: blocked.collect(),
            taken: taken.chain(self.reserved.taken(&network, target, now)).collect(),
            left_alone: self.breaker.open(target, now),
        }
    }
}
