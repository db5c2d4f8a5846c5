//! What a run decides, and who is told what came of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tracing::{Instrument, Span};

use super::{
    engine::{Engine, Progress},
    publish::PublishError,
    queue::{Bounds, Run, RunRequest, RunResult},
    run_state::RunState,
    runner::Runner,
};
use crate::{
    domain::{
        audit::signal::Trigger,
        demand::demand,
        design::design,
        names::ConnectorRef,
        plan::{Note, ObjectId, Plan},
        planner,
        policy::{Mode, Policy},
        report::{Outcome, Report},
        state::{
            egress::Egress,
            observed::Observed,
            requirement::{PathUser, Required, Requirer},
        },
        summary::summary,
        target::Target,
        text,
    },
    google::transport::BoxFuture,
};

/// The most triggers that a report names; events may come by the thousand.
const MAX_TRIGGERS_NAMED: usize = 100;

impl Run for Engine {
    fn run(&self, mut request: RunRequest) -> BoxFuture<'_, RunResult> {
        let policy = self.policy.borrow().clone();
        self.with_history(|history| {
            history.heard.note(&request.target, &mut request.triggers);
            match request.dry_run {
                false => history.wishes.join(&policy, &mut request, (self.now)()),
                true => request.wish(history.wishes.of(&policy, &request.target, (self.now)())),
            }
        });
        let report = self.open(&request, &policy);
        let span = span(&report.id, &request.target);
        let is_free = matches!(request.bounds, Bounds::Free);
        let run = async move {
            let mut result = self.reconcile(request, policy.clone(), report).await;
            if let Some(observed) = result.observed.as_ref().filter(|_| !result.report.dry_run) {
                self.with_history(|history| history.note_blockers(&result.report));
                // What follows elsewhere was not agreed to.
                if is_free {
                    result.follow_ups = self.follow_up_runs(&policy, observed);
                }
            }
            self.publish(&mut result.report).await;
            self.finish(&result.report);
            result
        };
        Box::pin(run.instrument(span))
    }

    fn report_for_panic(&self, request: &RunRequest) -> Report {
        let mut report = self.open(request, &self.policy.borrow().clone());
        report.outcome = Outcome::Failed;
        report.transient = true;
        report.findings.push(text::reads::died());
        report
    }
}

impl Engine {
    /// What exists at a target and what a run would do there. Nothing is written or published. Under mode `off` nothing is
    /// read. A task of its own, so that a panic at one target takes no other's answer with it.
    pub async fn dry_run(self: &Arc<Self>, request: RunRequest) -> RunResult {
        let request = RunRequest { dry_run: true, ..request };
        let (engine, asked) = (self.clone(), request.clone());
        let run = async move { engine.look_and_plan(asked).await };
        tokio::spawn(run.in_current_span()).await.unwrap_or_else(|error| {
            tracing::error!(target = %request.target, %error, "dry run panicked");
            self.report_for_panic(&request).into()
        })
    }

    /// Keeps the ranges that a dry run shows for its target, so that those after it choose others; `false` = another target has
    /// one of them.
    pub fn reserve(&self, shown: &Report) -> bool {
        let Some(target) = &shown.target else { return true };
        let policy = self.policy.borrow().clone();
        let network = policy.network_of(target);
        self.with_history(|history| history.reserved.take_shown(&network, shown, (self.now)()))
    }

    async fn look_and_plan(&self, mut request: RunRequest) -> RunResult {
        let policy = self.policy.borrow().clone();
        request.wish(self.with_history(|history| history.wishes.of(&policy, &request.target, (self.now)())));
        let report = self.open(&request, &policy);
        let span = span(&report.id, &request.target);
        self.reconcile(request, policy, report).instrument(span).await
    }

    async fn reconcile(&self, request: RunRequest, policy: Arc<Policy>, mut report: Report) -> RunResult {
        if report.mode == Mode::Off {
            report.findings = self.with_history(|history| history.wishes.unseen(&request.target));
            return report.into();
        }
        let state =
            RunState::new(report, self.resting(&policy, &request), self.stop.clone()).within(request.bounds.clone());
        let decide = {
            let (policy, request) = (policy.clone(), request.clone());
            move |observed: &Observed, written| self.decide(&policy, &request, observed, written)
        };
        let mut result = Runner::new(self, policy, request, state).run(&decide).await;
        if let Some(observed) = &result.observed {
            result.report.findings.extend(self.with_history(|history| history.wishes.notes(observed)));
        }
        result
    }

    /// What was refused so often that it is not tried now.
    fn resting(&self, policy: &Policy, request: &RunRequest) -> BTreeMap<ObjectId, Note> {
        if request.dry_run {
            return BTreeMap::new();
        }
        let target = &request.target;
        self.with_history(|history| {
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

    /// What the policy asks for: a plan whose ranges no other target takes.
    fn decide(&self, policy: &Policy, request: &RunRequest, observed: &Observed, written: usize) -> Plan {
        let now = observed.at;
        let wanted = match request.dry_run {
            true => request.wanted.clone(),
            false => self.with_history(|history| history.wishes.of(policy, &request.target, now)),
        };
        let demand = demand(policy, observed, &wanted, now);
        let mut plan = loop {
            let context = self.with_history(|history| history.plan_context(policy, &request.target, written, now));
            let blueprint = design(policy, observed, &demand, &context.history);
            let plan = planner::plan(policy, observed, &demand, &blueprint, &context);
            if request.dry_run || self.with_history(|history| history.reserved.take(&plan, now)) {
                break plan;
            }
        };
        plan.findings.extend(planner::gateway::refused_for(policy, observed, &request.triggers));
        // A person who looks is shown all connectors; a report of a run has nothing to tell of these.
        if request.dry_run {
            plan.findings.extend(planner::unreferenced(observed, &demand));
        }
        plan
    }

    /// Workloads here may name connectors of other projects in scope. What they ask is remembered for the runs of those, and
    /// such a run follows at once where a connector or its egress may be missing: once, so that two projects that name each
    /// other's connectors cannot call each other for ever.
    fn follow_up_runs(&self, policy: &Policy, observed: &Observed) -> Vec<RunRequest> {
        let seen = |connector: &ConnectorRef| observed.elsewhere.get(connector).and_then(|read| read.as_ref().ok());
        let named = demand(policy, observed, &[], observed.at).elsewhere.into_iter();
        let uses = named.filter(|required| policy.covers(&required.connector) && seen(&required.connector).is_some());
        let uses = uses.map(|required| {
            let name = format!("{} of {}", text::connector::users(&required.by), observed.target);
            let is_further = required.by.iter().any(|by| matches!(by, Requirer::Further(_)));
            let by = if is_further { Requirer::Further(name) } else { Requirer::Workload(name) };
            let project = Some(observed.target.project.clone());
            let users = required.users.into_iter().map(|user| PathUser { project: project.clone(), ..user }).collect();
            Required { by: vec![by], users, ..required }
        });
        let (uses, complete) = (uses.collect(), observed.reads_every_user());
        let mut new = self.with_history(|history| history.note_uses(&observed.target, uses, complete));
        new.retain(|used| used.egress == Egress::AllTraffic || matches!(seen(&used.connector), Some(None)));
        let targets: BTreeSet<Target> = new.iter().map(|used| Target::from(&used.connector)).collect();
        targets.into_iter().map(RunRequest::new).collect()
    }

    /// The report of a run that begins.
    pub(super) fn open(&self, request: &RunRequest, policy: &Policy) -> Report {
        Report {
            target: Some(request.target.clone()),
            mode: policy.for_target(&request.target).mode,
            dry_run: request.dry_run,
            triggers: named(&request.triggers),
            more_triggers: request.triggers.len().saturating_sub(MAX_TRIGGERS_NAMED),
            ..Report::begun((self.ids)().to_string(), policy, (self.now)())
        }
    }

    /// A run that changed something, or says something new of its target, is published. Dry runs are not.
    async fn publish(&self, report: &mut Report) {
        let Some(target) = report.target.clone().filter(|_| !report.dry_run && report.mode != Mode::Off) else {
            return;
        };
        let always =
            self.policy.borrow().for_target(&target).reports.in_sync || report.triggers.iter().any(Trigger::is_probe);
        let news = self.with_history(|history| history.is_news(&target, &report.signature()));
        if news || report.changed() {
            warn(report);
        }
        if (always || news || report.changed()) && !self.send(report).await {
            // It was not published: the next run says it again.
            self.with_history(|history| history.unsay(&target));
        }
    }

    /// Whether the report was published.
    pub(super) async fn send(&self, report: &mut Report) -> bool {
        report.summary = summary(report);
        let sent = self.outbox.send(report).await;
        // A redelivery cannot fix what was refused or is unfit; the log and `/readyz` say so.
        report.transient |= matches!(sent, Err(PublishError::Transient(_)));
        sent.is_ok()
    }

    pub(super) fn finish(&self, report: &Report) {
        (self.ended)(report);
        tracing::info!(outcome = report.outcome.word(), writes = report.done_steps(), "run ended");
        self.emit(Progress::Done { report: Arc::new(report.clone()) });
    }
}

/// The triggers that the report names, those first that a probe of `doctor` waits for.
fn named(triggers: &[Arc<Trigger>]) -> Vec<Trigger> {
    let (probes, others): (Vec<_>, Vec<_>) = triggers.iter().partition(|trigger| trigger.is_probe());
    probes.into_iter().chain(others).take(MAX_TRIGGERS_NAMED).map(|trigger| Trigger::clone(trigger)).collect()
}

/// Every line of the log says which run it is of.
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
