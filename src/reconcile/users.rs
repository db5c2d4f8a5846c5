//! Users of connectors that the lists of round one do not show.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use tokio::join;

use super::reads::{absent_is_empty, absent_is_none, read};
use crate::{
    domain::{
        names::last_segment,
        state::{
            observed::Observed,
            others::{AppDocument, AppServiceDocument, FunctionDocument, Others, VersionDocument},
            read::{FailureKind, Read},
            workload::{FlatDocument, Workload, WorkloadKind},
        },
        target::Target,
    },
    google::client::Client,
};

/// Revisions that serve though they are not the newest: what a service says is true of the newest alone.
pub async fn revisions(client: &Client, observed: &Observed) -> BTreeMap<String, Read<Option<Workload>>> {
    let owners = [&observed.services, &observed.worker_pools].into_iter().flatten().flatten();
    let named = owners.flat_map(|owner| owner.older.iter().map(move |path| (owner, path)));
    let asked = named.map(|(owner, path)| async move {
        (path.clone(), revision(client, &observed.target, owner, last_segment(path)).await)
    });
    join_all(asked).await.into_iter().collect()
}

async fn revision(client: &Client, at: &Target, owner: &Workload, name: &str) -> Read<Option<Workload>> {
    let place = (at.project.as_str(), at.region.as_str());
    let answer = match owner.kind {
        WorkloadKind::WorkerPool => client.get_worker_pool_revision::<FlatDocument>(place, &owner.name, name).await,
        _ => client.get_service_revision(place, &owner.name, name).await,
    };
    Ok(absent_is_none(answer)?.map(|found| found.of(owner)))
}

/// Every further kind of user.
pub async fn others(client: &Client, target: &Target) -> Others {
    let (project, region) = (target.project.as_str(), target.region.as_str());
    let (instances, functions, versions) = join!(
        client.list_instances::<FlatDocument>(project, region),
        client.list_functions::<FunctionDocument>(project, region),
        versions(client, target),
    );
    Others {
        instances: absent_is_empty(instances).map(|all| all.into_iter().map(FlatDocument::instance).collect()),
        functions: read(functions).map(|all| all.into_iter().map(FunctionDocument::workload).collect()),
        versions,
    }
}

/// An app of another region uses no connector of this one.
async fn versions(client: &Client, target: &Target) -> Read<Vec<Workload>> {
    let project = target.project.as_str();
    let app: AppDocument = match read(client.get_app(project).await) {
        Err(failure) if failure.kind == FailureKind::Absent => return Ok(Vec::new()),
        app => app?,
    };
    if !app.is_in(&target.region) {
        return Ok(Vec::new());
    }
    let services: Vec<AppServiceDocument> = read(client.list_app_services(project).await)?;
    let of_each = services.into_iter().map(|service| async move {
        let found: Vec<VersionDocument> = match read(client.list_app_versions(project, service.id()).await) {
            // Deleted since.
            Err(failure) if failure.kind == FailureKind::Absent => Vec::new(),
            found => found?,
        };
        Ok(found.into_iter().map(|version| version.workload(service.id())).collect::<Vec<_>>())
    });
    Ok(try_join_all(of_each).await?.into_iter().flatten().collect())
}
