//! App Engine, <https://cloud.google.com/appengine/docs/admin-api/reference/rest>. The id of an app is its project's.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const fn get(id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::AppEngine, verb: Verb::GET, path }
}

const GET: Method = get("appengine.apps.get", "v1/apps/{app}");
const SERVICES_LIST: Method = get("appengine.apps.services.list", "v1/apps/{app}/services");
const VERSIONS_LIST: Method = get("appengine.apps.services.versions.list", "v1/apps/{app}/services/{service}/versions");

impl Client {
    pub async fn get_app<T: DeserializeOwned>(&self, project: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&GET, &[project])?).await
    }

    pub async fn list_app_services<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&SERVICES_LIST, &[project])?, Listing::of("services")).await
    }

    /// Every version of a service, with all its fields: Google does not say which fields the shorter view leaves out.
    pub async fn list_app_versions<T: DeserializeOwned>(
        &self,
        project: &str,
        service: &str,
    ) -> Result<Vec<T>, CallError> {
        let call = self.prepare(&VERSIONS_LIST, &[project, service])?.query("view", "FULL");
        self.list(call, Listing::of("versions")).await
    }
}
