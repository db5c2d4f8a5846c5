//! Connections of workloads to Cloud SQL.

use futures_util::future::join_all;
use serde::Deserialize;
use tokio::join;

use super::Doctor;
use crate::{
    domain::{
        doctor::{
            Line,
            cloud_sql::{Attached, Client},
            unread,
        },
        names::{NetworkRef, ProjectId, Region, last_segment},
        state::{
            read::Read,
            workload::{FlatDocument, Interface, JobDocument, ServiceDocument, Workload, WorkloadKind},
        },
        target::Target,
    },
    reconcile::{
        cloud_sql::cloud_sql,
        reads::{absent_is_empty, read},
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Location {
    location_id: String,
}

impl Doctor {
    /// Of every region that the policy names; where it names all, of those that Cloud Run has.
    pub(super) async fn cloud_sql(&self, project: &ProjectId) -> Vec<Line> {
        let regions = match self.policy.scope.regions.list() {
            Some(listed) => listed.to_vec(),
            None => match read(self.client.list_locations::<Location>(project.as_str()).await) {
                Ok(found) => found.iter().filter_map(|it| Region::parse(&it.location_id).ok()).collect(),
                Err(failure) => return vec![unread(&subject(project), project.as_str(), &failure)],
            },
        };
        let targets = regions.into_iter().map(|region| Target { project: project.clone(), region });
        join_all(targets.map(|target| self.connections(target))).await.concat()
    }

    async fn connections(&self, target: Target) -> Vec<Line> {
        let (project, region) = (target.project.as_str(), target.region.as_str());
        let (jobs, services, pools, instances) = join!(
            self.client.list_jobs::<JobDocument>(project, region),
            self.client.list_services::<ServiceDocument>(project, region),
            self.client.list_worker_pools::<ServiceDocument>(project, region),
            self.client.list_instances::<FlatDocument>(project, region),
        );
        let of = |kind| move |document: ServiceDocument| document.workload(kind);
        let lists: [Read<Vec<Workload>>; 4] = [
            read(jobs).map(|all| all.into_iter().map(JobDocument::workload).collect()),
            read(services).map(|all| all.into_iter().map(of(WorkloadKind::Service)).collect()),
            read(pools).map(|all| all.into_iter().map(of(WorkloadKind::WorkerPool)).collect()),
            absent_is_empty(instances).map(|all| all.into_iter().map(FlatDocument::instance).collect()),
        ];
        let mut failures = lists.iter().filter_map(|list| list.as_ref().err());
        let mut lines: Vec<Line> =
            failures.next().map(|failure| unread(&subject(&target.project), project, failure)).into_iter().collect();
        let workloads: Vec<&Workload> = lists.iter().flatten().flatten().filter(|it| !it.sql.is_empty()).collect();
        let found = cloud_sql(&self.client, &target.project, workloads.iter().copied()).await;
        let network = self.policy.for_target(&target).network.name.seen_from(&target.project);
        for workload in workloads {
            let attached = attached(workload, &network);
            lines.extend(Client { project: &target.project, workload, network: attached }.lines(&found));
        }
        lines
    }
}

fn subject(project: &ProjectId) -> String {
    format!("Cloud SQL connections of {project}")
}

/// A connector is taken to be in the policy's network.
fn attached<'a>(workload: &Workload, network: &'a NetworkRef) -> Attached<'a> {
    let is_own = |interface: &Interface| {
        interface.network.is_empty() || last_segment(&interface.network) == network.name.as_str()
    };
    match (&workload.connector, workload.direct.first()) {
        (Some(_), _) => Attached::To(network),
        (None, Some(interface)) if is_own(interface) => Attached::To(network),
        (None, Some(_)) => Attached::Unknown,
        (None, None) => Attached::ToNone,
    }
}
