//! The lists of one target, and the firewall policies over a network in its region.

use super::reads::{absent_is_empty, read};
use crate::{
    domain::{
        names::{NetworkRef, Region},
        state::{
            effective::EffectiveFirewalls,
            read::Read,
            workload::{FlatDocument, JobDocument, ServiceDocument, Workload, WorkloadKind},
        },
        target::Target,
    },
    google::client::Client,
};

pub async fn jobs(client: &Client, target: &Target) -> Read<Vec<Workload>> {
    let found = client.list_jobs::<JobDocument>(target.project.as_str(), target.region.as_str()).await;
    read(found).map(|jobs| jobs.into_iter().map(JobDocument::workload).collect())
}

pub async fn services(client: &Client, target: &Target) -> Read<Vec<Workload>> {
    let found = client.list_services::<ServiceDocument>(target.project.as_str(), target.region.as_str()).await;
    read(found).map(|all| all.into_iter().map(|one| one.workload(WorkloadKind::Service)).collect())
}

pub async fn worker_pools(client: &Client, target: &Target) -> Read<Vec<Workload>> {
    let found = client.list_worker_pools::<ServiceDocument>(target.project.as_str(), target.region.as_str()).await;
    absent_is_empty(found).map(|all| all.into_iter().map(|one| one.workload(WorkloadKind::WorkerPool)).collect())
}

pub async fn instances(client: &Client, target: &Target) -> Read<Vec<Workload>> {
    let found = client.list_instances::<FlatDocument>(target.project.as_str(), target.region.as_str()).await;
    absent_is_empty(found).map(|all| all.into_iter().map(FlatDocument::instance).collect())
}

pub async fn effective(client: &Client, network: &NetworkRef, region: &Region) -> Read<EffectiveFirewalls> {
    let (host, name) = (network.project.as_str(), network.name.as_str());
    let found = client.get_effective_firewalls::<EffectiveFirewalls>(host, name, region.as_str()).await;
    read(found).map(|found| found.over(network))
}
