//! Looks that write and publish nothing.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::{
    cloud_sql::cloud_sql,
    engine::Engine,
    observe::{Subject, look_closer, observe},
    reads::read,
};
use crate::domain::{
    demand::{Demand, demand},
    design::{Blueprint, design},
    doctor::cloud_sql::CloudSql,
    names::ProjectId,
    plan::{Plan, PlanContext},
    planner,
    policy::Policy,
    state::{
        observed::Observed,
        read::{FailureKind, ReadFailure},
    },
    target::Target,
    text,
};

/// All that a decision rests on, as one look found it.
pub struct Basis {
    pub policy: Arc<Policy>,
    pub observed: Observed,
    pub demand: Demand,
    pub cloud_sql: CloudSql,
    context: PlanContext,
}

impl Basis {
    pub fn blueprint(&self) -> Blueprint<'_> {
        design(&self.policy, &self.observed, &self.demand, &self.context.history)
    }

    pub fn plan(&self, blueprint: &Blueprint<'_>) -> Plan {
        planner::plan(&self.policy, &self.observed, &self.demand, blueprint, &self.context)
    }
}

impl Engine {
    /// Asks Google for one project, so that a command which cannot work at all says so once.
    ///
    /// # Errors
    /// What a person has to do: get credentials, check the network, enable the API, or name a project that exists. Missing
    /// permissions are no error here: what they keep from being read is told where it is missing.
    pub async fn reach(&self, project: &ProjectId) -> Result<(), String> {
        match self.asked_for(project).await? {
            Some(failure) => text::reads::out_of_reach(&failure, project).map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    /// Asks Google by way of one project whether it can be reached at all, whatever is wrong with the project itself.
    ///
    /// # Errors
    /// What a person has to do: get credentials, or check the network.
    pub async fn reach_by(&self, project: &ProjectId) -> Result<(), String> {
        let failure = self.asked_for(project).await?.filter(|failure| failure.kind == FailureKind::Transient);
        failure.and_then(|failure| text::reads::out_of_reach(&failure, project)).map_or(Ok(()), Err)
    }

    async fn asked_for(&self, project: &ProjectId) -> Result<Option<ReadFailure>, String> {
        self.client.authenticate().await.map_err(|error| error.to_string())?;
        Ok(read(self.client.get_project::<IgnoredAny>(project.as_str()).await).err())
    }

    /// What exists at a target, and all that a decision about it rests on, in every mode.
    pub async fn inspect(&self, target: &Target) -> Basis {
        let policy = self.policy.borrow().clone();
        let now = (self.now)();
        let (users, wanted) =
            self.with_history(|history| (history.users_of(&policy, target), history.wishes.of(&policy, target, now)));
        let subject = Subject { policy: &policy, target, wanted: &wanted, users, now, lists: None, asks_all: true };
        let mut observed = observe(&self.client, &self.projects, subject).await;
        look_closer(&self.client, &self.projects, &mut observed).await;
        let cloud_sql = cloud_sql(&self.client, &target.project, observed.workloads()).await;
        let context = self.with_history(|history| history.plan_context(&policy, target, 0, observed.at));
        let demand = demand(&policy, &observed, &wanted, observed.at);
        Basis { policy, observed, demand, cloud_sql, context }
    }
}
