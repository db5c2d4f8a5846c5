//! Looks that write and publish nothing.

use std::sync::Arc;

use tracing::Instrument;

use super::{
    engine::Engine,
    observe::{look_closer, observe},
    queue::RunRequest,
    run::span,
};
use crate::domain::{
    demand::{Demand, demand},
    design::{Blueprint, design},
    plan::{Budget, Plan},
    planner,
    policy::Policy,
    report::Report,
    state::observed::Observed,
    target::Target,
};

/// All that a decision rests on, as one look found it.
pub struct Basis {
    pub policy: Arc<Policy>,
    pub observed: Observed,
    pub demand: Demand,
    memory: Budget,
}

impl Basis {
    pub fn blueprint(&self) -> Blueprint<'_> {
        design(&self.policy, &self.observed, &self.demand, &self.memory)
    }

    pub fn plan(&self, blueprint: &Blueprint<'_>) -> Plan {
        planner::plan(&self.policy, &self.observed, &self.demand, blueprint, &self.memory)
    }
}

impl Engine {
    /// What stands at a target and what a run would do there. Nothing is written or published. Under mode `off`
    /// nothing is looked at.
    pub async fn look(&self, target: Target) -> (Report, Option<Observed>) {
        let policy = self.policy.borrow().clone();
        let wanted = self.remember(|history| history.wishes.of(&policy, &target, (self.now)()));
        let request = RunRequest { dry_run: true, wanted, ..RunRequest::new(target) };
        let opened = self.open(&request, &policy);
        let span = span(&opened.id, &request.target);
        self.reconcile(request, &policy, opened).instrument(span).await
    }

    /// What exists at a target, and all that a decision about it rests on, in every mode.
    pub async fn examine(&self, target: &Target) -> Basis {
        let policy = self.policy.borrow().clone();
        let now = (self.now)();
        let (users, wanted) =
            self.remember(|history| (history.users_of(&policy, target), history.wishes.of(&policy, target, now)));
        let mut observed = observe(&self.client, &self.projects, &policy, target, &wanted, users, now).await;
        look_closer(&self.client, &self.projects, &mut observed).await;
        let memory = self.remember(|history| history.budget(&policy, target, 0, observed.at));
        let demand = demand(&policy, &observed, &wanted, observed.at);
        Basis { policy, observed, demand, memory }
    }
}
