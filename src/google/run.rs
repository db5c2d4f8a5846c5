//! Cloud Run, <https://cloud.google.com/run/docs/reference/rest>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
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
/// Version 2 has no list of locations.
const LOCATIONS_LIST: Method = get("run.projects.locations.list", "v1/projects/{project}/locations");

impl Client {
    pub async fn list_jobs<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&JOBS_LIST, &[project, region])?, Listing::of("jobs")).await
    }

    pub async fn list_services<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&SERVICES_LIST, &[project, region])?, Listing::of("services")).await
    }

    pub async fn list_worker_pools<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
    ) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&WORKER_POOLS_LIST, &[project, region])?, Listing::of("workerPools")).await
    }

    /// The regions of Cloud Run that the project can see.
    pub async fn list_locations<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&LOCATIONS_LIST, &[project])?, Listing::of("locations")).await
    }
}
