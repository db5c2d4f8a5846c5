//! One run over one target: observe, decide, apply, and look again until nothing is left to do.
//!
//! Runs, dry runs, `release` and `rearm` all go through a [`Runner`]. They differ in what they decide, and in who is told.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    apply::{self, Applied, ApplyContext},
    completion::wait_for_completion,
    engine::{Engine, Progress},
    look_again::{Written, look_again},
    observe::{Subject, observe},
    queue::{RunRequest, RunResult},
    refused::refused_deploys,
    run_state::{Next, RunState, StopReason},
};
use crate::{
    domain::{
        cause,
        demand::listed,
        plan::{Note, Plan},
        policy::Policy,
        report::{QuotaWait, Report, StepReport},
        state::{connector::ConnectorState, observed::Observed, operation::ConnectorChange, read::FailureKind},
        summary::summary,
        text,
    },
    google::{
        calls::{self, CallLog},
        client::Client,
    },
};

/// Shorter waits for a quota are not worth a word.
const LONG_WAIT: Duration = Duration::from_secs(10);

/// What a run works with. One policy for the whole run.
pub(super) struct Runner<'e> {
    engine: &'e Engine,
    pub policy: Arc<Policy>,
    pub request: RunRequest,
    pub client: Client,
    calls: CallLog,
    pub state: RunState,
}

impl<'e> Runner<'e> {
    pub fn new(engine: &'e Engine, policy: Arc<Policy>, request: RunRequest, state: RunState) -> Self {
        let calls = CallLog::default();
        let client = match request.sweep {
            true => engine.client.for_sweep(request.hurry.clone()),
            false => engine.client.clone(),
        };
        let client = client.with_log(calls.clone());
        engine.emit(Progress::Started { target: request.target.clone() });
        Self { engine, policy, request, client, calls, state }
    }

    /// The flow on one screen. `decide` is told how much was written already.
    pub async fn run(mut self, decide: &(dyn Fn(&Observed, usize) -> Plan + Sync)) -> RunResult {
        self.engine.with_history(|history| history.note_triggers(&self.request.triggers));
        wait_for_completion(&self.client, &self.request).await;
        let mut last: Option<(Observed, Written)> = None;
        loop {
            let (observed, seen) = self.look(last.take()).await;
            let mut plan = decide(&observed, self.state.report.done_steps());
            if observed.is_shared && wants_own_look(&observed, &plan) {
                continue;
            }
            self.note_planned(&plan);
            self.prove(&observed, &plan);
            match self.state.next(&mut plan, seen.is_none()) {
                Next::LookAgain(pause) => {
                    last = seen.map(|written| (observed, written));
                    sleep(pause).await;
                }
                Next::LookAtAll => {}
                Next::Stop(reason) => break self.close(observed, plan, reason),
                Next::Apply => {
                    let applied = self.apply(&plan).await;
                    self.engine.note_applied(&plan, &applied, &self.policy);
                    last = Written::by(&plan, &applied).map(|written| (observed, written));
                    if let Some(pause) = self.state.record(applied) {
                        sleep(pause).await;
                    }
                }
            }
        }
    }

    /// A look at everything; or, where the last round is known to have changed only a part, at that part, which comes back
    /// with it.
    async fn look(&mut self, last: Option<(Observed, Written)>) -> (Observed, Option<Written>) {
        if let Some((before, written)) = last {
            let (wanted, now) = (&self.request.wanted, (self.engine.now)());
            if let Some(observed) = look_again(&self.client, &self.policy, before, &written, wanted, now).await {
                return (observed, Some(written));
            }
        }
        (self.observe().await, None)
    }

    /// The first look may be cut from lists of the whole project; the others are the target's own.
    async fn observe(&mut self) -> Observed {
        let (engine, target) = (self.engine, &self.request.target);
        let users = engine.with_history(|history| history.users_of(&self.policy, target));
        let lists = self.request.lists.take();
        let (last_look, asks_all) =
            engine.with_history(|history| (history.last_look(target), !history.is_known_empty(target, (engine.now)())));
        let look = |lists| {
            let subject = Subject {
                policy: &self.policy,
                target,
                wanted: &self.request.wanted,
                users: users.clone(),
                now: (engine.now)(),
                lists,
                asks_all,
            };
            observe(&self.client, &engine.projects, subject)
        };
        let mut observed = match lists.as_deref() {
            // Where others than a sweep wait for the run, it does not wait for what a sweep reads.
            Some(lists) => tokio::select! {
                biased;
                () = self.request.hurry.cancelled() => look(None).await,
                observed = look(Some(lists)) => observed,
            },
            None => look(None).await,
        };
        // A look, or a write, that came after the lists knows better.
        if observed.is_shared && last_look.is_some_and(|at| at >= observed.at) {
            observed = look(None).await;
        }
        observed.failed = engine.with_history(|history| {
            history.note_look(&observed);
            // A look may show that a workload was deployed or deleted since. Lists of every region spell it otherwise.
            if !self.request.dry_run && !observed.is_shared {
                history.wishes.note(&observed);
            }
            history.wishes.failed(target, observed.at)
        });
        observed.refused = refused_deploys(&self.client, &engine.projects, &observed, &self.request.triggers).await;
        self.learn_causes(&observed);
        observed
    }

    /// Why a connector is missing, or in ERROR, whose creation Google had accepted: only its operation says.
    fn learn_causes(&self, observed: &Observed) {
        for connector in self.engine.with_history(|history| history.begun(&observed.target)) {
            let state = listed(observed, &connector).map(|found| found.map(|found| found.state));
            if !matches!(state, Some(None | Some(ConnectorState::Error))) {
                continue;
            }
            let creation = cause::latest(observed, &connector, ConnectorChange::Create);
            if let Some(failure) = creation.and_then(|creation| creation.failure.as_ref()) {
                self.engine.with_history(|history| history.note_refused(&connector, failure.clone()));
            }
        }
    }

    fn note_planned(&mut self, plan: &Plan) {
        if self.state.plan.is_none() {
            let plan = Arc::new(plan.clone());
            self.state.report.decided = (self.engine.now)();
            self.state.plan = Some(plan.clone());
            self.engine.emit(Progress::Planned { target: self.request.target.clone(), plan });
        }
    }

    fn prove(&mut self, observed: &Observed, plan: &Plan) {
        for proven in self.state.prove(observed, plan) {
            let now = (self.engine.now)();
            self.engine.with_history(|history| history.note_proven(plan, &proven.step, now));
            self.engine.emit(Progress::Step { target: plan.target.clone(), step: Box::new(proven.report) });
        }
    }

    /// Does the steps of a plan once.
    pub async fn apply(&self, plan: &Plan) -> Vec<Applied> {
        let report = &self.state.report;
        let emit = |step: &StepReport| {
            self.engine.emit(Progress::Step { target: plan.target.clone(), step: Box::new(step.clone()) });
        };
        let (target, network) = (&self.request.target, self.policy.network_of(&self.request.target));
        let lock = self.engine.locks.of(network, target);
        let context = ApplyContext {
            report_id: &report.id,
            round: report.rounds,
            deadline: self.state.deadline(),
            stop: &self.engine.stop,
            lock: &lock,
        };
        // It holds locks that others wait for.
        apply::apply(&self.client.without_delay(), plan, context, &emit).await
    }

    fn close(self, observed: Observed, plan: Plan, reason: StopReason) -> RunResult {
        let races = match self.request.dry_run {
            true => Vec::new(),
            false => self.engine.races(&self.request.target, &observed),
        };
        let (first, calls) = (self.state.plan.clone(), self.calls.counts());
        let quota_wait = self.calls.longest_wait().filter(|wait| wait.waited >= LONG_WAIT).map(told);
        let mut report = self.state.close(plan, reason, races, transient(&observed));
        report.calls = calls;
        report.snapshot_at = observed.is_shared.then_some(observed.at);
        report.quota_wait = quota_wait;
        report.done = (self.engine.now)();
        report.summary = summary(&report);
        RunResult { plan: first, observed: Some(observed), ..RunResult::from(report) }
    }

    /// Ends a dry run whose plan was made without a look of its own.
    pub fn close_planned(self, plan: Plan) -> Report {
        self.state.close(plan, StopReason::DryRun, Vec::new(), Vec::new())
    }

    /// Ends a run whose only round no look follows.
    pub fn close_unseen(self, left: Plan, applied: Vec<Applied>) -> Report {
        let calls = self.calls.counts();
        Report { calls, ..self.state.close_unseen(left, applied) }
    }
}

/// Whether a look that was cut from lists of the whole project is not enough for its plan: nothing is written, promised or
/// waited for by it, and where it left something out nothing may be said of the target at all.
fn wants_own_look(observed: &Observed, plan: &Plan) -> bool {
    let acts = !(plan.steps.is_empty() && plan.withheld.is_empty() && plan.waiting_on.is_empty());
    let tells = !(plan.blocked_by.is_empty() && plan.findings.is_empty() && plan.egress.is_empty());
    acts || observed.is_bare() && tells
}

fn told(wait: calls::QuotaWait) -> QuotaWait {
    QuotaWait { metric: wait.metric.to_owned(), project: wait.project, seconds: wait.waited.as_secs() }
}

fn transient(observed: &Observed) -> Vec<Note> {
    let failures = observed.failures().into_iter();
    failures.filter(|failure| failure.kind == FailureKind::Transient).map(text::reads::transient).collect()
}
