//! Orders of the person on call: our denies down, and back.
//!
//! They go past queue, mode, budget and breaker. `release` needs no more than the firewall rules of the projects where
//! ours may exist, and one write for each deny, all at once; only then does it read what proves that egress is open, and
//! what cannot be read leaves it unproven, not undone. `rearm` looks at everything, as a run does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use jiff::SignedDuration;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use super::{
    apply::Applied, engine::Engine, observe::surroundings, queue::RunRequest, reads::read, run::span,
    run_state::RunState, runner::Runner,
};
use crate::{
    domain::{
        audit::signal::Trigger,
        firewall::proof::Proof,
        names::ProjectId,
        plan::{Object, ObjectId, Plan},
        planner::break_glass::{self, DenySelector},
        policy::Policy,
        report::{Outcome, Report},
        stamp::Release,
        state::{
            firewall::Firewall,
            observed::Observed,
            read::{Read, ReadFailure},
        },
        target::Target,
        text,
    },
    google::calls::CallLog,
};

/// How long a person on call waits for the proof: the denies are down by then.
const PROOF_LIMIT: Duration = Duration::from_secs(15);

/// Who asks for which denies.
#[derive(Debug, Clone, Copy)]
pub struct BreakGlass<'a> {
    pub pick: &'a DenySelector,
    pub by: &'a str,
    /// Nothing is written or published: the reports tell what would be.
    pub dry_run: bool,
}

/// What came of an order.
#[derive(Debug, Default)]
pub struct Answer {
    /// One for each target with a deny that the order is about.
    pub reports: Vec<Report>,
    /// Some rule of ours stands for what was picked.
    pub found: bool,
    /// Projects whose rules could not be read, so that nothing could be done there.
    pub unread: Vec<(ProjectId, ReadFailure)>,
}

/// The rules of one project, as they were read.
struct Rules {
    host: ProjectId,
    firewalls: Vec<Firewall>,
    calls: BTreeMap<String, u32>,
}

impl Engine {
    /// Takes our denies down, and marks them, so that they stay down for as long, or until [`Engine::rearm`] puts them back.
    pub async fn release(&self, order: BreakGlass<'_>, lasts: SignedDuration) -> Answer {
        let policy = self.policy.borrow().clone();
        let (read, unread) = self.rules(&policy, order.pick).await;
        let release = Release::new(order.by, (self.now)(), lasts);
        let plans = read.iter().flat_map(|rules| {
            let plans = break_glass::release(&policy, &rules.host, &rules.firewalls, order.pick, &release);
            plans.into_iter().map(move |plan| (rules, plan))
        });
        let released = plans.map(|(rules, plan)| self.release_at(&policy, order, (rules, plan), &release));
        Answer { reports: join_all(released).await, found: found(&policy, &read, order.pick), unread }
    }

    /// Puts our denies back, where every allow stands.
    pub async fn rearm(&self, order: BreakGlass<'_>) -> Answer {
        let policy = self.policy.borrow().clone();
        let (read, unread) = self.rules(&policy, order.pick).await;
        let mut targets: Vec<Target> = read
            .iter()
            .flat_map(|rules| break_glass::down(&policy, &rules.host, &rules.firewalls, order.pick))
            .collect();
        targets.sort();
        targets.dedup();
        let rearmed = targets.into_iter().map(|target| self.rearm_at(&policy, order, target));
        Answer { reports: join_all(rearmed).await, found: found(&policy, &read, order.pick), unread }
    }

    async fn rules(&self, policy: &Policy, pick: &DenySelector) -> (Vec<Rules>, Vec<(ProjectId, ReadFailure)>) {
        let reads = policy.hosts(pick.project.as_ref()).into_iter().map(|host| async move {
            let calls = CallLog::default();
            let found: Read<Vec<Firewall>> =
                read(self.client.with_log(calls.clone()).list_firewalls(host.as_str()).await);
            match found {
                Ok(firewalls) => Ok(Rules { host, firewalls, calls: calls.counts() }),
                Err(failure) => Err((host, failure)),
            }
        });
        let (mut all, mut unread) = (Vec::new(), Vec::new());
        for read in join_all(reads).await {
            match read {
                Ok(rules) => all.push(rules),
                Err(failure) => unread.push(failure),
            }
        }
        (all, unread)
    }

    async fn release_at(
        &self,
        policy: &Arc<Policy>,
        order: BreakGlass<'_>,
        (rules, plan): (&Rules, Plan),
        release: &Release,
    ) -> Report {
        let (runner, span) = self.begin(policy, order, "release", plan.target.clone());
        self.released(runner, order, (rules, plan), release).instrument(span).await
    }

    async fn released(
        &self,
        mut runner: Runner<'_>,
        order: BreakGlass<'_>,
        (rules, plan): (&Rules, Plan),
        release: &Release,
    ) -> Report {
        if order.dry_run {
            return self.end(runner.close_planned(plan)).await;
        }
        runner.state.report.rounds = u32::from(!plan.steps.is_empty());
        let applied = runner.apply(&plan).await;
        let after = written(&rules.firewalls, &plan, &applied);
        let policy = runner.policy.clone();
        // Google has said of each write that it is done: the state after it is known without another look.
        let left = break_glass::release(&policy, &rules.host, &after, order.pick, release);
        let found = left.into_iter().find(|left| (&left.target, &left.network) == (&plan.target, &plan.network));
        let mut left = found.unwrap_or(plan);
        left.blocked_by.extend(left.steps.iter().filter_map(|step| {
            let object = step.change.before()?;
            Some(text::break_glass::not_released(object.name(), &rules.host))
        }));
        // Each was tried, and is reported as what came of it.
        left.steps.clear();
        let seen = timeout(PROOF_LIMIT, surroundings(&runner.client, &left.network, &left.target)).await.ok();
        let late = || Proof::NotProven(text::break_glass::proof_took_long(PROOF_LIMIT.as_secs()));
        break_glass::tell_proof(&mut left, &policy, &rules.host, &after, |connector| {
            seen.as_ref().map_or_else(late, |seen| seen.prove(connector))
        });
        let mut report = runner.close_unseen(left, applied);
        for (call, count) in &rules.calls {
            *report.calls.entry(call.clone()).or_default() += count;
        }
        self.end(report).await
    }

    async fn rearm_at(&self, policy: &Arc<Policy>, order: BreakGlass<'_>, target: Target) -> Report {
        let (runner, span) = self.begin(policy, order, "rearm", target);
        let decide = |observed: &Observed, _| break_glass::rearm(policy, observed, order.pick);
        async { self.end(runner.run(&decide).await.report).await }.instrument(span).await
    }

    fn begin(&self, policy: &Arc<Policy>, order: BreakGlass<'_>, command: &str, target: Target) -> (Runner<'_>, Span) {
        let request = self.request(order, command, target);
        let report = self.open(&request, policy);
        let span = span(&report.id, &request.target);
        let state = RunState::new(report, BTreeMap::new(), self.stop.clone());
        (Runner::new(self, policy.clone(), request, state), span)
    }

    /// The command is the event behind the run.
    fn request(&self, order: BreakGlass<'_>, command: &str, target: Target) -> RunRequest {
        let now = (self.now)();
        let trigger = Trigger {
            event_id: format!("{command}/{}", (self.ids)()),
            method: format!("egress-reconciler {command}"),
            resource: target.to_string(),
            principal: Some(order.by.to_owned()),
            refusal: None,
            at: now,
            received: now,
            duplicates: 0,
            told: Default::default(),
            refused: None,
        };
        RunRequest { triggers: vec![trigger.into()], dry_run: order.dry_run, ..RunRequest::new(target) }
    }

    /// What was ordered and not done has failed, whoever has to act now.
    async fn end(&self, mut report: Report) -> Report {
        report.done = (self.now)();
        if report.dry_run {
            return report;
        }
        // A step that lost a race may have been done in a later round.
        let is_done = |id: &ObjectId| report.steps.iter().any(|step| step.is_done() && step.step == *id);
        if !report.steps.iter().all(|step| is_done(&step.step)) {
            report.outcome = Outcome::Failed;
        }
        self.send(&mut report).await;
        self.finish(&report);
        report
    }
}

fn found(policy: &Policy, read: &[Rules], pick: &DenySelector) -> bool {
    read.iter().any(|rules| break_glass::is_known(policy, &rules.host, &rules.firewalls, pick))
}

/// The rules with what was done of the plan.
fn written(firewalls: &[Firewall], plan: &Plan, applied: &[Applied]) -> Vec<Firewall> {
    let mut firewalls = firewalls.to_vec();
    for step in &plan.steps {
        let done = applied.iter().any(|result| result.report.step == step.id && result.report.is_done());
        let Some(Object::Firewall(after)) = step.change.after().filter(|_| done) else { continue };
        for rule in firewalls.iter_mut().filter(|rule| rule.name == after.name) {
            rule.clone_from(after);
        }
    }
    firewalls
}
