//! How far a run has come, and what it does next. Whether a step took effect of which no good answer came, the next look
//! says.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    apply::{self, Applied, Unproven},
    queue::Bounds,
};
use crate::domain::{
    demand::listed,
    names::ConnectorRef,
    plan::{Change, Note, Object, ObjectId, Plan, Step, Verb},
    report::{Report, StepOutcome, StepReport},
    state::{observed::Observed, read::Read},
    text,
};

const RUN_DEADLINE: Duration = Duration::from_secs(240);

/// What was just written may be read stale for a while: how long to wait before each further look.
const STALE_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_millis(7500)];

/// A router has no fingerprint: another writer of the same moment may have taken our line off its list, which a look shows
/// only this much later.
const LIST_SETTLES: Duration = Duration::from_secs(5);

/// The most rounds that write; a look follows the last.
const MAX_ROUNDS: u32 = 3;
/// The most rounds beyond these, for those in which another change was first.
const MAX_LOST_ROUNDS: u32 = 3;

/// What a run does after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Apply,
    /// What the look shows may be stale.
    LookAgain(Duration),
    /// What is written is decided by a look at everything.
    LookAtAll,
    Stop(StopReason),
}

/// Why a run ends, whatever its last plan still asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    DryRun,
    Late,
    Stopping,
    Rounds,
    /// The plan is not the one that was agreed to.
    Stale,
}

impl StopReason {
    /// Why a step is left over.
    fn words(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Late => apply::NO_TIME,
            Self::Stopping => apply::STOPPING,
            Self::Rounds => "no round was left; the next run goes on",
            Self::Stale => "the saved plan is stale",
        }
    }
}

/// The report of a run so far, and what came of its steps.
pub(super) struct RunState {
    pub report: Report,
    /// Of the first look.
    pub plan: Option<Arc<Plan>>,
    deadline: Instant,
    stop: CancellationToken,
    failed: HashSet<ObjectId>,
    written: HashSet<(ObjectId, Verb)>,
    blocked: Vec<Note>,
    findings: Vec<Note>,
    /// Not tried in this run, and why.
    resting: BTreeMap<ObjectId, Note>,
    unproven: Vec<(StepReport, Unproven)>,
    /// Reads that a decision did without, as findings: the last look has nothing left to decide and does not ask again.
    unread: Vec<Note>,
    pauses: usize,
    /// Rounds in which a step was lost to another change.
    lost_rounds: u32,
    bounds: Bounds,
}

impl RunState {
    /// A run that begins. Steps of objects that are `resting` are left alone.
    pub fn new(report: Report, resting: BTreeMap<ObjectId, Note>, stop: CancellationToken) -> Self {
        Self {
            report,
            plan: None,
            deadline: Instant::now() + RUN_DEADLINE,
            stop,
            failed: HashSet::new(),
            written: HashSet::new(),
            blocked: Vec::new(),
            findings: Vec::new(),
            resting,
            unproven: Vec::new(),
            unread: Vec::new(),
            pauses: 0,
            lost_rounds: 0,
            bounds: Bounds::Free,
        }
    }

    /// The same, with less that may be written.
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// No step is begun after it.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What to do about a plan, off which it takes what failed, rests, or was made already. `saw_all` = it comes from a look
    /// at everything.
    pub fn next(&mut self, plan: &mut Plan, saw_all: bool) -> Next {
        if !self.is_agreed(plan) {
            return Next::Stop(StopReason::Stale);
        }
        if !self.unproven.is_empty()
            && let Some(pause) = self.pause()
        {
            return Next::LookAgain(pause);
        }
        self.drop_failed(plan);
        if plan.steps.iter().any(|step| !self.written.contains(&step.key())) {
            plan.skip_already_created(&self.written);
        } else if !plan.steps.is_empty()
            && let Some(pause) = self.pause()
        {
            return Next::LookAgain(pause);
        }
        if let Some(reason) = self.stop_reason(plan) {
            return Next::Stop(reason);
        }
        if !saw_all {
            return Next::LookAtAll;
        }
        self.report.rounds += 1;
        self.note_unread(plan);
        Next::Apply
    }

    /// Whether a plan is the one that was agreed to; of later ones, takes out what is new.
    fn is_agreed(&mut self, plan: &mut Plan) -> bool {
        match &self.bounds {
            Bounds::Free => {}
            Bounds::Within(reviewed) => reviewed.limit(plan),
            Bounds::Exactly(reviewed) => {
                let differences = reviewed.differences(plan);
                if !differences.is_empty() {
                    self.findings.push(text::limits::stale(&plan.target, &differences));
                    return false;
                }
                self.bounds = Bounds::Within(reviewed.clone());
            }
        }
        true
    }

    /// Takes in what a round did; how long to wait before the next look, which may not show yet what others did.
    pub fn record(&mut self, applied: Vec<Applied>) -> Option<Duration> {
        let settles = applied.iter().any(Applied::changed_list).then_some(LIST_SETTLES);
        let lost = applied.iter().any(|result| result.lost);
        let pause = settles.or_else(|| lost.then(|| STALE_PAUSES.get(self.lost_rounds as usize).copied())?);
        self.lost_rounds += u32::from(lost);
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
            self.report.steps.push(result.report);
        }
        pause
    }

    /// Judges the unproven steps by a look, and says which took effect. The others have failed, but for those that a later
    /// look may still show: these stay open.
    pub fn prove(&mut self, observed: &Observed, plan: &Plan) -> Vec<Proven> {
        let all = std::mem::take(&mut self.unproven).into_iter();
        let (done, open): (Vec<_>, Vec<_>) = all.partition(|(_, unproven)| took_effect(&unproven.step, observed, plan));
        let done = done.into_iter().map(|(report, unproven)| Proven {
            report: StepReport { outcome: StepOutcome::Done, ..report },
            step: unproven.step,
        });
        let proven: Vec<Proven> = done.collect();
        for proven in &proven {
            self.written.insert(proven.step.key());
            self.report.steps.push(proven.report.clone());
        }
        // A list that could not be read was asked for often enough.
        let may_show = |unproven: &Unproven| {
            let object = unproven.step.change.after().or(unproven.step.change.before());
            unproven.may_be_made && object.is_some_and(|object| exists(observed, object).is_some())
        };
        if self.pauses < STALE_PAUSES.len() && open.iter().any(|(_, unproven)| may_show(unproven)) {
            self.unproven = open;
            return proven;
        }
        for (step, _) in open {
            if let StepOutcome::Failed { error, transient } = &step.outcome {
                apply::warn_failed(&step.step, error, *transient);
                self.report.transient |= transient;
            }
            self.failed.insert(step.step.clone());
            self.report.steps.push(step);
        }
        proven
    }

    /// Ends the report with the last plan, and with what the rounds of the run found.
    pub fn close(mut self, mut plan: Plan, reason: StopReason, races: Vec<Note>, transient_reads: Vec<Note>) -> Report {
        // What is left over for lack of time is worth another delivery.
        self.report.transient |= reason == StopReason::Late && !plan.steps.is_empty();
        plan.blocked_by.append(&mut self.blocked);
        plan.findings.append(&mut self.findings);
        self.unread.retain(|note| !plan.findings.contains(note));
        plan.findings.append(&mut self.unread);
        plan.findings.extend(races);
        self.report.close(plan, reason.words(), transient_reads);
        self.report
    }

    /// Ends the report of a round that no look follows: a step without a good answer has failed. `left` = what is still to
    /// report of the target.
    pub fn close_unseen(mut self, mut left: Plan, applied: Vec<Applied>) -> Report {
        for result in applied {
            left.blocked_by.extend(result.blocked);
            self.report.steps.push(result.report);
        }
        self.report.close(left, apply::NO_TIME, Vec::new());
        self.report
    }

    /// Why no further round is begun; `None` = there is one to do.
    fn stop_reason(&self, plan: &Plan) -> Option<StopReason> {
        // A round that another change was faster in costs none, up to a bound.
        let rounds = MAX_ROUNDS + self.lost_rounds.min(MAX_LOST_ROUNDS);
        let reasons = [
            (self.report.dry_run, StopReason::DryRun),
            (Instant::now() >= self.deadline, StopReason::Late),
            (self.stop.is_cancelled(), StopReason::Stopping),
            (plan.steps.is_empty() || self.report.rounds >= rounds, StopReason::Rounds),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    /// Keeps what could not be read for a plan that is about to be applied.
    fn note_unread(&mut self, plan: &Plan) {
        let unread = plan.findings.iter().filter(|note| text::reads::is_of_decision(note));
        let new: Vec<Note> = unread.filter(|note| !self.unread.contains(note)).cloned().collect();
        self.unread.extend(new);
    }

    /// Takes out what failed or rests, with all that waits for it; why something rests is reported.
    fn drop_failed(&self, plan: &mut Plan) {
        let resting = self.resting.iter().filter(|(id, _)| plan.steps.iter().any(|step| step.id == **id));
        let notes: Vec<Note> = resting.map(|(_, note)| note.clone()).collect();
        plan.blocked_by.extend(notes);
        plan.drop_failed(&self.failed.iter().chain(self.resting.keys()).cloned().collect());
    }

    /// How long to wait before a further look at what may be read stale.
    fn pause(&mut self) -> Option<Duration> {
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
