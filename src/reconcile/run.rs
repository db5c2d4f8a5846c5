//! One run over one target.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span};

use super::{
    Engine, Progress,
    apply::{self, Applied, Terms},
    history::History,
    observe::{observe, words},
    publish::PublishError,
    queue::{Run, RunRequest},
};
use crate::{
    domain::{
        desired::{desired, listed},
        names::ConnectorRef,
        plan::{self, Note, Plan, StepId, Verb},
        policy::{Mode, Policy},
        report::{Outcome, Report, StepOutcome},
        state::{
            connector::{Connector, ConnectorState},
            observed::{FailureKind, Observed},
        },
        target::Target,
        text,
    },
    google::{calls::CallLog, client::Client, transport::BoxFuture},
};

/// The most rounds that write; a look follows the last.
const ROUNDS: u32 = 3;
const RUN_DEADLINE: Duration = Duration::from_secs(240);
/// What was just written may be read stale for a while: how long to wait before each further look.
const STALE_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_millis(7500)];
/// A connector's GET lags its operation: how long to wait for it to leave a state of change.
const WAKE_PAUSES: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(5),
    Duration::from_secs(5),
];

impl Run for Engine {
    fn run(&self, request: RunRequest) -> BoxFuture<'_, Report> {
        let policy = self.policy.borrow().clone();
        let opened = self.open(&request, &policy);
        let span = span(&opened.id, &request.target);
        let run = async move {
            let (mut report, _) = self.reconcile(request, &policy, opened).await;
            self.publish(&mut report).await;
            tracing::info!(outcome = report.outcome.word(), writes = report.done_steps(), "run ended");
            self.tell(Progress::Done { report: Arc::new(report.clone()) });
            report
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
    /// What stands at a target and what a run would do there. Nothing is written or published. Under mode `off`
    /// nothing is looked at.
    pub async fn look(&self, target: Target) -> (Report, Option<Observed>) {
        let policy = self.policy.borrow().clone();
        let request = RunRequest { dry_run: true, ..RunRequest::new(target) };
        let opened = self.open(&request, &policy);
        let span = span(&opened.id, &request.target);
        self.reconcile(request, &policy, opened).instrument(span).await
    }

    /// The flow on one screen. One policy for the whole run.
    async fn reconcile(&self, request: RunRequest, policy: &Policy, mut report: Report) -> (Report, Option<Observed>) {
        if report.mode == Mode::Off {
            return (report, None);
        }
        let calls = CallLog::default();
        let client = self.client.with_log(calls.clone());
        self.tell(Progress::Started { target: request.target.clone() });
        let deadline = Instant::now() + RUN_DEADLINE;
        let mut failed: HashSet<StepId> = HashSet::new();
        let mut written: HashSet<(StepId, Verb)> = HashSet::new();
        let mut stale = STALE_PAUSES.iter();
        self.remember(|history| {
            history.note_triggers(&request.triggers);
            if request.sweep {
                history.forget_refusals(&request.target);
            }
        });
        wait_for_completion(&client, &request).await;
        let turn = self.turns.of(policy.network_of(&request.target), &request.target);
        let observed = loop {
            let seen = turn.writes();
            let observed = observe(&client, policy, &request.target, &request.wanted, (self.now)()).await;
            self.learn_causes(&client, &observed).await;
            let mut plan = self.decide(policy, &request, &observed, report.done_steps());
            if report.rounds == 0 && written.is_empty() {
                report.decided = (self.now)();
                self.tell(Progress::Planned { target: request.target.clone(), plan: Arc::new(plan.clone()) });
            }
            plan.leave_out(&failed);
            let again = !plan.steps.is_empty() && plan.steps.iter().all(|step| written.contains(&step.key()));
            if again && let Some(pause) = stale.next() {
                sleep(*pause).await;
                continue;
            }
            let ends = plan.steps.is_empty() || request.dry_run || report.rounds == ROUNDS;
            if ends || Instant::now() >= deadline || self.stop.is_cancelled() {
                report.close(plan, transient(&observed));
                break observed;
            }
            // Who wrote here since we looked may have changed what we are about to change: look again.
            let Some(_mine) = turn.take(seen).await else { continue };
            report.rounds += 1;
            let applied = self.write(&client, &plan, &report, deadline).await;
            self.note(&request, &applied, &plan);
            for result in applied {
                match result.report.outcome {
                    StepOutcome::Done => written.insert((result.report.step.clone(), result.report.verb)),
                    _ if result.lost => false,
                    _ => failed.insert(result.report.step.clone()),
                };
                report.transient |= matches!(result.report.outcome, StepOutcome::Failed { transient: true, .. });
                report.steps.push(result.report);
            }
        };
        report.calls = calls.counts();
        report.done = (self.now)();
        (report, Some(observed))
    }

    /// A run that changed something, or says something new of its target, is told to the world. Dry runs are not.
    async fn publish(&self, report: &mut Report) {
        let Some(target) = report.target.clone().filter(|_| !report.dry_run && report.mode != Mode::Off) else {
            return;
        };
        let always = self.policy.borrow().for_target(&target).reports.in_sync;
        let news = self.remember(|history| history.is_news(&target, &report.signature()));
        if !(always || news || report.changed()) {
            return;
        }
        match self.outbox.send(report).await {
            Ok(()) => return,
            Err(PublishError::Transient(_)) => report.transient = true,
            // Nothing that a redelivery could mend; the log and `/readyz` tell.
            Err(PublishError::Refused(_)) => {}
        }
        // Nobody has heard it: the next run says it again.
        self.remember(|history| history.unsay(&target));
    }

    fn open(&self, request: &RunRequest, policy: &Policy) -> Report {
        Report {
            target: Some(request.target.clone()),
            mode: policy.for_target(&request.target).mode,
            dry_run: request.dry_run,
            triggers: request.triggers.clone(),
            ..Report::begun((self.ids)().to_string(), policy, (self.now)())
        }
    }

    fn decide(&self, policy: &Policy, request: &RunRequest, observed: &Observed, written: usize) -> Plan {
        let now = observed.at;
        let desired = desired(policy, observed, &request.wanted, now);
        let budget = self.remember(|history| history.budget(policy, &request.target, written, now));
        plan::plan(policy, observed, &desired, &budget, now)
    }

    async fn write(&self, client: &Client, plan: &Plan, report: &Report, deadline: Instant) -> Vec<Applied> {
        let tell = |step: &crate::domain::report::StepReport| {
            self.tell(Progress::Step { target: plan.target.clone(), step: Box::new(step.clone()) });
        };
        apply::apply(
            client,
            plan,
            Terms { report_id: &report.id, round: report.rounds, deadline, stop: &self.stop },
            &tell,
        )
        .await
    }

    fn note(&self, request: &RunRequest, applied: &[Applied], plan: &Plan) {
        let now = (self.now)();
        self.remember(|history| {
            let done = applied.iter().filter(|result| result.report.is_done()).count();
            history.note_writes(&request.target, done, now);
            for (connector, cause) in applied.iter().filter_map(|result| result.refused.clone()) {
                history.note_refused(&connector, cause);
            }
            for (connector, operation) in applied.iter().filter_map(|result| result.creation.clone()) {
                let again = !plan.steps.iter().any(|step| step.id.0.starts_with("subnet/"));
                history.note_creating(&connector, operation, again, now);
            }
        });
    }

    /// Why a connector whose creation Google had accepted is not there, or is in ERROR: only its operation tells.
    async fn learn_causes(&self, client: &Client, observed: &Observed) {
        let begun = self.remember(|history| history.begun(&observed.target));
        for (connector, operation) in begun {
            let state = listed(observed, &connector).map(|found| found.map(|found| found.state));
            if !matches!(state, Some(None | Some(ConnectorState::Error))) {
                continue;
            }
            let id = operation.rsplit('/').next().unwrap_or_default();
            let answer = client.get_operation(connector.project.as_str(), connector.region.as_str(), id).await;
            if let Ok(operation) = answer
                && let Err(error) = operation.ended("vpcaccess.projects.locations.connectors.create")
            {
                self.remember(|history| history.note_refused(&connector, words(&error)));
            }
        }
    }

    fn remember<T>(&self, with: impl FnOnce(&mut History) -> T) -> T {
        with(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn tell(&self, progress: Progress) {
        // Nobody may be watching.
        let _ = self.progress.send(progress);
    }
}

/// Every line of the log tells which run it is of.
fn span(report: &str, target: &Target) -> Span {
    tracing::info_span!("run", report, target = %target)
}

/// A completion entry may be ahead of the connector that it tells of.
async fn wait_for_completion(client: &Client, request: &RunRequest) {
    let completed: HashSet<ConnectorRef> = request
        .triggers
        .iter()
        .filter(|trigger| trigger.method.ends_with("Connector"))
        .filter_map(|trigger| ConnectorRef::try_from(trigger.resource.clone()).ok())
        .filter(|connector| connector.project == request.target.project && connector.region == request.target.region)
        .collect();
    for connector in completed {
        let (project, region, name) = (connector.project.as_str(), connector.region.as_str(), connector.name.as_str());
        for pause in WAKE_PAUSES {
            let changing = match client.get_connector::<Connector>(project, region, name).await {
                Ok(found) => matches!(
                    found.state,
                    ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting
                ),
                // What cannot be read here is read, and told, by the look that follows.
                Err(_) => false,
            };
            if !changing {
                break;
            }
            sleep(pause).await;
        }
    }
}

fn transient(observed: &Observed) -> Vec<Note> {
    let failures = observed.failures().into_iter();
    failures.filter(|failure| failure.kind == FailureKind::Transient).map(text::reads::transient).collect()
}
