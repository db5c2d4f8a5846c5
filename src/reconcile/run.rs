//! One run over one target.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span};

use super::{
    apply::{self, Applied, ApplyContext},
    completion::wait_for_completion,
    course::{Course, Proven},
    engine::{Engine, Progress},
    history::History,
    observe::observe,
    publish::PublishError,
    queue::{Ran, Run, RunRequest},
    refused::refused_deploys,
    write_locks::WriteLock,
};
use crate::{
    domain::{
        audit::{classify::RouterRequest, signal::Trigger},
        cause,
        demand::{demand, listed},
        design::design,
        names::ConnectorRef,
        plan::{Change, Note, Object, ObjectId, Plan},
        planner,
        policy::{Mode, Policy},
        report::{Outcome, Report},
        state::{
            connector::ConnectorState,
            egress::Egress,
            observed::Observed,
            operation::ConnectorChange,
            read::FailureKind,
            requirement::{Required, Requirer},
        },
        target::Target,
        text,
    },
    google::{calls::CallLog, client::Client, transport::BoxFuture},
};

/// A router has no fingerprint: whoever wrote its list at the same moment may have taken our line off it, which a look shows
/// only this much later.
const LIST_SETTLES: Duration = Duration::from_secs(5);
/// The most triggers that a report names; events may come by the thousand.
const TRIGGERS_NAMED: usize = 100;
pub(super) const RUN_DEADLINE: Duration = Duration::from_secs(240);

/// Why a run ends, whatever its last plan still asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    DryRun,
    Late,
    Stopping,
    Rounds,
}

impl End {
    /// Why a step is left over.
    fn words(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Late => apply::NO_TIME,
            Self::Stopping => apply::STOPPING,
            Self::Rounds => "no round was left; the next run goes on",
        }
    }
}

impl Run for Engine {
    fn run(&self, mut request: RunRequest) -> BoxFuture<'_, Ran> {
        let policy = self.policy.borrow().clone();
        self.remember(|history| {
            history.heard.note(&request.target, &mut request.triggers);
            match request.dry_run {
                false => history.wishes.join(&policy, &mut request, (self.now)()),
                true => request.wish(history.wishes.of(&policy, &request.target, (self.now)())),
            }
        });
        let opened = self.open(&request, &policy);
        let span = span(&opened.id, &request.target);
        let run = async move {
            let (mut report, observed) = self.reconcile(request, &policy, opened).await;
            let asks = match observed.filter(|_| !report.dry_run) {
                Some(observed) => {
                    self.remember(|history| history.note_hindrances(&report));
                    self.asks(&policy, &observed)
                }
                None => Vec::new(),
            };
            self.publish(&mut report).await;
            self.finish(&report);
            Ran { report, asks }
        };
        Box::pin(run.instrument(span))
    }

    fn lost(&self, request: &RunRequest) -> Report {
        let mut report = self.open(request, &self.policy.borrow().clone());
        report.outcome = Outcome::Failed;
        report.transient = true;
        report.findings.push(text::reads::died());
        report
    }
}

impl Engine {
    /// What the policy asks for. One policy for the whole run.
    pub(super) async fn reconcile(
        &self,
        request: RunRequest,
        policy: &Policy,
        mut report: Report,
    ) -> (Report, Option<Observed>) {
        if report.mode == Mode::Off {
            report.findings = self.remember(|history| history.wishes.unseen(&request.target));
            return (report, None);
        }
        let decide = |observed: &Observed, written| self.decide(policy, &request, observed, written);
        let course = Course::with(self.resting(policy, &request));
        let (mut report, observed) = self.rounds(&request, policy, (report, course), &decide).await;
        report.findings.extend(self.remember(|history| history.wishes.notes(&observed)));
        (report, Some(observed))
    }

    /// What was refused so often that it is not tried now.
    fn resting(&self, policy: &Policy, request: &RunRequest) -> BTreeMap<ObjectId, Note> {
        if request.dry_run {
            return BTreeMap::new();
        }
        let target = &request.target;
        self.remember(|history| {
            if request.triggers.iter().any(|trigger| trigger.told.permits) {
                history.refusals.lift(target);
                history.forget_refusals(target, &BTreeMap::new());
            }
            let resting = history.refusals.active(target, &policy.hash, (self.now)());
            if request.sweep {
                history.forget_refusals(target, &resting);
            }
            resting
        })
    }

    /// The flow on one screen. `decide` is told how much was written already.
    pub(super) async fn rounds(
        &self,
        request: &RunRequest,
        policy: &Policy,
        (mut report, mut course): (Report, Course),
        decide: &(dyn Fn(&Observed, usize) -> Plan + Sync),
    ) -> (Report, Observed) {
        let calls = CallLog::default();
        let client = self.client.with_log(calls.clone());
        self.tell(Progress::Started { target: request.target.clone() });
        let deadline = Instant::now() + RUN_DEADLINE;
        self.remember(|history| history.note_triggers(&request.triggers));
        wait_for_completion(&client, request).await;
        let lock = self.locks.of(policy.network_of(&request.target), &request.target);
        let observed = loop {
            let users = self.remember(|history| history.users_of(policy, &request.target));
            let mut observed =
                observe(&client, &self.projects, policy, &request.target, &request.wanted, users, (self.now)()).await;
            observed.failed = self.remember(|history| {
                // A look may show that a workload was deployed or deleted since.
                if !request.dry_run {
                    history.wishes.note(&observed);
                }
                history.wishes.failed(&request.target, observed.at)
            });
            observed.refused = refused_deploys(&client, &self.projects, &observed, &request.triggers).await;
            self.learn_causes(&observed);
            let mut plan = decide(&observed, report.done_steps());
            if report.rounds == 0 && course.written.is_empty() {
                report.decided = (self.now)();
                self.tell(Progress::Planned { target: request.target.clone(), plan: Arc::new(plan.clone()) });
            }
            let (proven, look_again) = course.prove(&observed, &plan, &mut report);
            self.note_proven(&plan, &proven);
            if let Some(pause) = look_again {
                sleep(pause).await;
                continue;
            }
            course.leave_out(&mut plan);
            if plan.steps.iter().any(|step| !course.written.contains(&step.key())) {
                plan.take_as_made(&course.written);
            } else if !plan.steps.is_empty()
                && let Some(pause) = course.pause()
            {
                sleep(pause).await;
                continue;
            }
            if let Some(end) = self.ends(&plan, &report, (deadline, course.rounds())) {
                // What is left over for want of time is worth another delivery.
                report.transient |= end == End::Late && !plan.steps.is_empty();
                course.close(&mut plan);
                if !report.dry_run {
                    plan.findings.extend(self.races(&request.target, &observed));
                }
                report.close(plan, end.words(), transient(&observed));
                break observed;
            }
            report.rounds += 1;
            course.note_unread(&plan);
            let applied = self.write(&client, &plan, &report, (deadline, &lock)).await;
            self.note(request, &applied, (&plan, policy));
            let settles = applied.iter().any(|result| result.changed_list()).then_some(LIST_SETTLES);
            if let Some(pause) = settles.or(course.pause_after(&applied)) {
                sleep(pause).await;
            }
            course.note(applied, &mut report);
        };
        report.calls = calls.counts();
        report.done = (self.now)();
        (report, observed)
    }

    pub(super) fn finish(&self, report: &Report) {
        (self.ended)(report);
        tracing::info!(outcome = report.outcome.word(), writes = report.done_steps(), "run ended");
        self.tell(Progress::Done { report: Arc::new(report.clone()) });
    }

    /// Why no further round is begun; `None` = there is one to do.
    fn ends(&self, plan: &Plan, report: &Report, (deadline, rounds): (Instant, u32)) -> Option<End> {
        let ends = [
            (report.dry_run, End::DryRun),
            (Instant::now() >= deadline, End::Late),
            (self.stop.is_cancelled(), End::Stopping),
            (plan.steps.is_empty() || report.rounds >= rounds, End::Rounds),
        ];
        ends.into_iter().find_map(|(holds, end)| holds.then_some(end))
    }

    /// A run that changed something, or says something new of its target, is told to the world. Dry runs are not.
    async fn publish(&self, report: &mut Report) {
        let Some(target) = report.target.clone().filter(|_| !report.dry_run && report.mode != Mode::Off) else {
            return;
        };
        let always =
            self.policy.borrow().for_target(&target).reports.in_sync || report.triggers.iter().any(Trigger::is_probe);
        let news = self.remember(|history| history.is_news(&target, &report.signature()));
        if news || report.changed() {
            warn(report);
        }
        if (always || news || report.changed()) && !self.send(report).await {
            // Nobody has heard it: the next run says it again.
            self.remember(|history| history.unsay(&target));
        }
    }

    /// Whether somebody has heard it.
    pub(super) async fn send(&self, report: &mut Report) -> bool {
        let sent = self.outbox.send(report).await;
        // What was refused or is unfit no redelivery could mend; the log and `/readyz` tell.
        report.transient |= matches!(sent, Err(PublishError::Transient(_)));
        sent.is_ok()
    }

    /// Workloads here may name connectors of other projects in scope. What they ask is remembered for the runs of those, and
    /// these are asked for at once where a connector or its way out may be missing: once, so that two projects that name
    /// each other's cannot call each other for ever.
    fn asks(&self, policy: &Policy, observed: &Observed) -> Vec<RunRequest> {
        let seen = |connector: &ConnectorRef| observed.elsewhere.get(connector).and_then(|read| read.as_ref().ok());
        let named = demand(policy, observed, &[], observed.at).elsewhere.into_iter();
        let uses = named.filter(|required| policy.covers(&required.connector) && seen(&required.connector).is_some());
        let uses = uses.map(|required| {
            let by = format!("{} of {}", text::connector::users(&required.by), observed.target);
            Required { by: vec![Requirer::Workload(by)], ..required }
        });
        let (uses, complete) = (uses.collect(), observed.workloads_complete());
        let mut new = self.remember(|history| history.note_uses(&observed.target, uses, complete));
        new.retain(|used| used.egress == Egress::AllTraffic || matches!(seen(&used.connector), Some(None)));
        let targets: BTreeSet<Target> = new.iter().map(|used| Target::from(&used.connector)).collect();
        targets.into_iter().map(RunRequest::new).collect()
    }

    pub(super) fn open(&self, request: &RunRequest, policy: &Policy) -> Report {
        Report {
            target: Some(request.target.clone()),
            mode: policy.for_target(&request.target).mode,
            dry_run: request.dry_run,
            triggers: named(&request.triggers),
            more_triggers: request.triggers.len().saturating_sub(TRIGGERS_NAMED),
            ..Report::begun((self.ids)().to_string(), policy, (self.now)())
        }
    }

    /// A plan whose cuts no other target makes.
    pub(super) fn decide(&self, policy: &Policy, request: &RunRequest, observed: &Observed, written: usize) -> Plan {
        let now = observed.at;
        let wanted = match request.dry_run {
            true => request.wanted.clone(),
            false => self.remember(|history| history.wishes.of(policy, &request.target, now)),
        };
        let demand = demand(policy, observed, &wanted, now);
        let mut plan = loop {
            let budget = self.remember(|history| history.budget(policy, &request.target, written, now));
            let blueprint = design(policy, observed, &demand, &budget);
            let plan = planner::plan(policy, observed, &demand, &blueprint, &budget);
            if request.dry_run || self.remember(|history| history.reserved.take(&plan, now)) {
                break plan;
            }
        };
        plan.findings.extend(planner::gateway::refused_for(policy, observed, &request.triggers));
        plan
    }

    pub(super) async fn write(
        &self,
        client: &Client,
        plan: &Plan,
        report: &Report,
        (deadline, lock): (Instant, &WriteLock),
    ) -> Vec<Applied> {
        let tell = |step: &crate::domain::report::StepReport| {
            self.tell(Progress::Step { target: plan.target.clone(), step: Box::new(step.clone()) });
        };
        let context = ApplyContext { report_id: &report.id, round: report.rounds, deadline, stop: &self.stop, lock };
        apply::apply(client, plan, context, &tell).await
    }

    fn note(&self, request: &RunRequest, applied: &[Applied], (plan, policy): (&Plan, &Policy)) {
        let now = (self.now)();
        let target = &request.target;
        self.remember(|history| {
            for result in applied {
                let Some(step) = plan.steps.iter().find(|step| step.id == result.report.step) else { continue };
                // Of one whose answer is lost the range stays taken.
                if result.unproven.is_none() {
                    history.reserved.note(plan, &step.change, result.report.is_done());
                }
                if let Some(note) = &result.blocked {
                    history.refusals.note(target, &step.id, note, &policy.hash, now);
                }
                if result.report.is_done() {
                    history.note_done(target, step, now);
                }
            }
            for race in applied.iter().flat_map(|result| &result.races) {
                history.races.note(target, race, now);
            }
            for (connector, cause) in applied.iter().filter_map(|result| result.refused.clone()) {
                history.note_refused(&connector, cause);
            }
            for range in applied.iter().filter_map(|result| result.taken) {
                history.note_taken(&plan.network, range, now);
            }
            for connector in applied.iter().filter_map(|result| result.creation.as_ref()) {
                history.note_creating(connector, now);
            }
        });
    }

    /// Steps that took effect though no good answer came.
    fn note_proven(&self, plan: &Plan, proven: &[Proven]) {
        let now = (self.now)();
        for Proven { report, step } in proven {
            self.remember(|history| {
                history.reserved.note(plan, &step.change, true);
                history.note_done(&plan.target, step, now);
                if let Change::Create(Object::Connector(connector)) = &step.change
                    && let Ok(connector) = ConnectorRef::try_from(connector.name.clone())
                {
                    history.note_made(&connector, now);
                }
            });
            self.tell(Progress::Step { target: plan.target.clone(), step: Box::new(report.clone()) });
        }
    }

    /// Why a connector whose creation Google had accepted is not there, or is in ERROR: only its operation tells.
    fn learn_causes(&self, observed: &Observed) {
        for connector in self.remember(|history| history.begun(&observed.target)) {
            let state = listed(observed, &connector).map(|found| found.map(|found| found.state));
            if !matches!(state, Some(None | Some(ConnectorState::Error))) {
                continue;
            }
            let creation = cause::latest(observed, &connector, ConnectorChange::Create);
            if let Some(failure) = creation.and_then(|creation| creation.failure.as_ref()) {
                self.remember(|history| history.note_refused(&connector, failure.clone()));
            }
        }
    }

    /// An audit entry told what a call asked of a router.
    pub fn hear(&self, request: RouterRequest) {
        let now = (self.now)();
        self.remember(|history| history.races.hear(request, now));
    }

    pub(super) fn races(&self, of: &Target, observed: &Observed) -> Vec<Note> {
        let now = (self.now)();
        self.remember(|history| history.races.notes(of, observed, now))
    }

    pub(super) fn remember<T>(&self, with: impl FnOnce(&mut History) -> T) -> T {
        with(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tell(&self, progress: Progress) {
        // Nobody may be watching.
        let _ = self.progress.send(progress);
    }
}

/// The triggers that the report names: a probe waits to be named.
fn named(triggers: &[Arc<Trigger>]) -> Vec<Trigger> {
    let (probes, others): (Vec<_>, Vec<_>) = triggers.iter().partition(|trigger| trigger.is_probe());
    probes.into_iter().chain(others).take(TRIGGERS_NAMED).map(|trigger| Trigger::clone(trigger)).collect()
}

/// Every line of the log tells which run it is of.
pub(super) fn span(report: &str, target: &Target) -> Span {
    tracing::info_span!("run", report, target = %target)
}

/// What is wrong goes to the log too, as often as it is news.
fn warn(report: &Report) {
    let reads = report.findings.iter().filter(|note| note.code == text::reads::FAILED);
    for note in report.blocked_by.iter().chain(reads) {
        tracing::warn!(code = note.code.word(), object = note.object, "blocked: {}", note.text);
    }
}

fn transient(observed: &Observed) -> Vec<Note> {
    let failures = observed.failures().into_iter();
    failures.filter(|failure| failure.kind == FailureKind::Transient).map(text::reads::transient).collect()
}
