//! Cloud Run, <https://cloud.google.com/run/docs/reference/rest>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    by_region::{ByRegion, in_label},
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const fn get(id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::Run, verb: Verb::GET, path }
}

const JOBS_LIST: Method = get("run.projects.locations.jobs.list", "v2/projects/{project}/locations/{location}/jobs");
const SERVICES_LIST: Method =
    get("run.projects.locations.services.list", "v2/projects/{project}/locations/{location}/services");
const WORKER_POOLS_LIST: Method =
    get("run.projects.locations.workerPools.list", "v2/projects/{project}/locations/{location}/workerPools");
const INSTANCES_LIST: Method =
    get("run.projects.locations.instances.list", "v2/projects/{project}/locations/{location}/instances");
/// Of every job.
const EXECUTIONS_LIST: Method =
    get("run.projects.locations.jobs.executions.list", "v2/projects/{project}/locations/{location}/jobs/-/executions");
const SERVICE_REVISIONS_GET: Method = get(
    "run.projects.locations.services.revisions.get",
    "v2/projects/{project}/locations/{location}/services/{service}/revisions/{revision}",
);
const WORKER_POOL_REVISIONS_GET: Method = get(
    "run.projects.locations.workerPools.revisions.get",
    "v2/projects/{project}/locations/{location}/workerPools/{workerPool}/revisions/{revision}",
);
/// Version 1 lists every region at once, and says which it could not reach; version 2 wants a region.
/// <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.jobs/list>
const ALL_JOBS_LIST: Method = get("run.namespaces.jobs.list", "apis/run.googleapis.com/v1/namespaces/{project}/jobs");
const ALL_SERVICES_LIST: Method =
    get("run.namespaces.services.list", "apis/serving.knative.dev/v1/namespaces/{project}/services");
/// Version 2 has no list of locations.
const LOCATIONS_LIST: Method = get("run.projects.locations.list", "v1/projects/{project}/locations");

impl Client {
    pub async fn list_jobs<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&JOBS_LIST, &[project, region])?, Listing::of("jobs")).await
    }

    pub async fn list_services<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&SERVICES_LIST, &[project, region])?, Listing::of("services")).await
    }

    /// The jobs of every region, in Knative form.
    pub async fn list_all_jobs<T: DeserializeOwned>(&self, project: &str) -> Result<ByRegion<T>, CallError> {
        self.list_by_region(self.prepare(&ALL_JOBS_LIST, &[project])?, Listing::KNATIVE, Some(in_label)).await
    }

    /// The services of every region, in Knative form.
    pub async fn list_all_services<T: DeserializeOwned>(&self, project: &str) -> Result<ByRegion<T>, CallError> {
        self.list_by_region(self.prepare(&ALL_SERVICES_LIST, &[project])?, Listing::KNATIVE, Some(in_label)).await
    }

    pub async fn list_worker_pools<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
    ) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&WORKER_POOLS_LIST, &[project, region])?, Listing::of("workerPools")).await
    }

    pub async fn list_instances<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&INSTANCES_LIST, &[project, region])?, Listing::of("instances")).await
    }

    /// Executions of every job.
    pub async fn list_executions<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&EXECUTIONS_LIST, &[project, region])?, Listing::of("executions")).await
    }

    /// A revision of a service.
    pub async fn get_service_revision<T: DeserializeOwned>(
        &self,
        (project, region): (&str, &str),
        service: &str,
        revision: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&SERVICE_REVISIONS_GET, &[project, region, service, revision])?).await
    }

    /// A revision of a worker pool.
    pub async fn get_worker_pool_revision<T: DeserializeOwned>(
        &self,
        (project, region): (&str, &str),
        pool: &str,
        revision: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&WORKER_POOL_REVISIONS_GET, &[project, region, pool, revision])?).await
    }

    /// The regions of Cloud Run that the project can see.
    pub async fn list_locations<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&LOCATIONS_LIST, &[project])?, Listing::of("locations")).await
    }
}
