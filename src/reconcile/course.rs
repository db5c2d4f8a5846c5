//! Steps of which no good answer came: whether they took effect, the next look tells.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use super::apply::{self, Applied, Unproven};
use crate::domain::{
    demand::listed,
    names::ConnectorRef,
    plan::{Change, Note, Object, ObjectId, Plan, Step, Verb},
    report::{Report, StepOutcome, StepReport},
    state::{observed::Observed, read::Read},
    text,
};

/// What was just written may be read stale for a while: how long to wait before each further look.
const STALE_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_millis(7500)];

/// The most rounds that write; a look follows the last.
const ROUNDS: u32 = 3;
/// The most rounds beyond these, for those in which another change was first.
const LOST_ROUNDS: u32 = 3;

/// What came of the steps of a run so far.
#[derive(Default)]
pub(super) struct Course {
    pub failed: HashSet<ObjectId>,
    pub written: HashSet<(ObjectId, Verb)>,
    pub blocked: Vec<Note>,
    pub findings: Vec<Note>,
    /// Not tried in this run, and why.
    resting: BTreeMap<ObjectId, Note>,
    unproven: Vec<(StepReport, Unproven)>,
    /// Reads that a decision did without, as findings: the last look has nothing left to decide and does not ask again.
    unread: Vec<Note>,
    pauses: usize,
    /// Rounds in which a step was lost to another change.
    lost_rounds: u32,
}

impl Course {
    /// A run that leaves some steps alone.
    pub fn with(resting: BTreeMap<ObjectId, Note>) -> Self {
        Self { resting, ..Self::default() }
    }

    /// Keeps what could not be read for a plan that is about to be applied.
    pub fn note_unread(&mut self, plan: &Plan) {
        let unread = plan.findings.iter().filter(|note| text::reads::is_of_decision(note));
        let new: Vec<Note> = unread.filter(|note| !self.unread.contains(note)).cloned().collect();
        self.unread.extend(new);
    }

    /// Adds what the rounds of the run found to its last plan.
    pub fn close(&mut self, plan: &mut Plan) {
        plan.blocked_by.append(&mut self.blocked);
        plan.findings.append(&mut self.findings);
        self.unread.retain(|note| !plan.findings.contains(note));
        plan.findings.append(&mut self.unread);
    }

    /// How many rounds the run has: another change costs none, up to a bound.
    pub fn rounds(&self) -> u32 {
        ROUNDS + self.lost_rounds.min(LOST_ROUNDS)
    }

    /// How long to wait before the look that follows a round: the list may not show yet what the other change made.
    pub fn pause_after(&self, applied: &[Applied]) -> Option<Duration> {
        let lost = applied.iter().any(|result| result.lost);
        lost.then(|| STALE_PAUSES.get(self.lost_rounds as usize).copied())?
    }

    /// Takes in what a round did.
    pub fn note(&mut self, applied: Vec<Applied>, report: &mut Report) {
        self.lost_rounds += u32::from(applied.iter().any(|result| result.lost));
        for mut result in applied {
            self.blocked.extend(result.blocked.take());
            self.findings.append(&mut result.findings);
            if let Some(unproven) = result.unproven.take() {
                self.unproven.push((result.report, unproven));
                continue;
            }
            match result.report.outcome {
                StepOutcome::Done => self.written.insert((result.report.step.clone(), result.report.verb)),
                _ if result.again => false,
                _ => self.failed.insert(result.report.step.clone()),
            };
            report.steps.push(result.report);
        }
    }

    /// Judges the unproven steps by a look, and tells which took effect. The others have failed, but for those that a later
    /// look may still show: these stay open, and how long to wait for it is told.
    pub fn prove(&mut self, observed: &Observed, plan: &Plan, report: &mut Report) -> (Vec<Proven>, Option<Duration>) {
        let all = std::mem::take(&mut self.unproven).into_iter();
        let (done, open): (Vec<_>, Vec<_>) = all.partition(|(_, unproven)| took_effect(&unproven.step, observed, plan));
        let done = done.into_iter().map(|(report, unproven)| Proven {
            report: StepReport { outcome: StepOutcome::Done, ..report },
            step: unproven.step,
        });
        let proven: Vec<Proven> = done.collect();
        for proven in &proven {
            self.written.insert(proven.step.key());
            report.steps.push(proven.report.clone());
        }
        // A list that could not be read was asked for often enough.
        let may_show = |unproven: &Unproven| {
            let object = unproven.step.change.after().or(unproven.step.change.before());
            unproven.may_be_made && object.is_some_and(|object| exists(observed, object).is_some())
        };
        if open.iter().any(|(_, unproven)| may_show(unproven))
            && let Some(pause) = self.pause()
        {
            self.unproven = open;
            return (proven, Some(pause));
        }
        for (step, _) in open {
            if let StepOutcome::Failed { error, transient } = &step.outcome {
                apply::warn_failed(&step.step, error, *transient);
                report.transient |= transient;
            }
            self.failed.insert(step.step.clone());
            report.steps.push(step);
        }
        (proven, None)
    }

    /// Takes out what failed or rests, with all that waits for it; why something rests is told.
    pub fn leave_out(&self, plan: &mut Plan) {
        let resting = self.resting.iter().filter(|(id, _)| plan.steps.iter().any(|step| step.id == **id));
        let notes: Vec<Note> = resting.map(|(_, note)| note.clone()).collect();
        plan.blocked_by.extend(notes);
        plan.leave_out(&self.failed.iter().chain(self.resting.keys()).cloned().collect());
    }

    /// How long to wait before a further look at what may be read stale.
    pub fn pause(&mut self) -> Option<Duration> {
        let pause = STALE_PAUSES.get(self.pauses).copied();
        self.pauses += 1;
        pause
    }
}

/// A step that took effect though no good answer came.
pub(super) struct Proven {
    pub report: StepReport,
    pub step: Step,
}

/// Whether a look shows the step's change: it is asked for no more, and its object is there, or gone, as it should be.
fn took_effect(step: &Step, observed: &Observed, plan: &Plan) -> bool {
    let key = step.key();
    let asked_for = plan.steps.iter().any(|other| other.key() == key)
        || plan.withheld.iter().any(|held| (&held.step, held.verb) == (&key.0, key.1));
    let Some(object) = step.change.after().or(step.change.before()) else { return false };
    !asked_for && exists(observed, object) == Some(!matches!(step.change, Change::Delete(_)))
}

/// `None` = it was not read.
fn exists(observed: &Observed, object: &Object) -> Option<bool> {
    fn among<T>(read: &Read<Vec<T>>, is_it: impl Fn(&T) -> bool) -> Option<bool> {
        Some(read.as_ref().ok()?.iter().any(is_it))
    }
    match object {
        Object::Network(_) => match &observed.network {
            Some(read) => Some(read.as_ref().ok()?.is_some()),
            None => observed.effective.as_ref().ok().map(|_| true),
        },
        Object::Subnet(subnet) => among(&observed.subnets, |other| other.name == subnet.name),
        Object::Router(router) => among(&observed.routers, |other| other.name == router.name),
        Object::Firewall(rule) => among(&observed.firewalls, |other| other.name == rule.name),
        Object::Connector(connector) => {
            let named = ConnectorRef::try_from(connector.name.clone()).ok()?;
            Some(listed(observed, &named)?.is_some())
        }
    }
}
