//! Users of connectors that the lists of round one do not show.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use tokio::join;

use super::{
    projects::Projects,
    reads::{absent_is_empty, absent_is_none, read},
};
use crate::{
    domain::{
        names::last_segment,
        state::{
            observed::Observed,
            others::{AppDocument, AppServiceDocument, FunctionDocument, Others, VersionDocument},
            read::{FailureKind, Read},
            workload::{ExecutionDocument, FlatDocument, Workload, WorkloadKind},
        },
        target::Target,
    },
    google::client::Client,
};

/// As the names of their calls begin.
const FUNCTIONS: &str = "cloudfunctions";
const APP_ENGINE: &str = "appengine";

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

/// Executions under way.
pub async fn executions(client: &Client, target: &Target, jobs: &[Workload]) -> Read<Vec<Workload>> {
    let found = client.list_executions::<ExecutionDocument>(target.project.as_str(), target.region.as_str()).await;
    let mut under_way: Vec<Workload> =
        absent_is_empty(found)?.into_iter().filter_map(|execution| execution.workload(jobs)).collect();
    under_way.sort();
    under_way.dedup();
    Ok(under_way)
}

/// Users beyond Cloud Run's own lists. An API that was not enabled minutes ago is asked again only where `anew`.
pub async fn others(client: &Client, projects: &Projects, target: &Target, anew: bool) -> Others {
    let (project, region) = (target.project.as_str(), target.region.as_str());
    let known = |api: &str| projects.disabled(&target.project, api).filter(|_| !anew);
    let (functions, versions) = join!(
        async {
            if let Some(known) = known(FUNCTIONS) {
                return Err(known);
            }
            let found = client.list_functions::<FunctionDocument>(project, region).await;
            read(found).map(|all| all.into_iter().map(FunctionDocument::workload).collect())
        },
        async {
            match known(APP_ENGINE) {
                Some(known) => Err(known),
                None => versions(client, target).await,
            }
        },
    );
    Others { functions, versions }
}

/// Remembers APIs that are not enabled in the target's own project.
pub fn note_disabled(projects: &Projects, observed: &Observed) {
    let Some(others) = &observed.others else { return };
    let unseen = observed.unseen();
    for list in [&others.functions, &others.versions] {
        let Err(failure) = list else { continue };
        // What excludes users is about the own project.
        let own = !unseen.iter().any(|unseen| std::ptr::eq(*unseen, failure));
        if own && failure.kind == FailureKind::ApiDisabled {
            projects.note_disabled(&observed.target.project, failure);
        }
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
