//! Cloud Logging, <https://cloud.google.com/logging/docs/reference/v2/rest>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
};

const fn method(verb: Verb, id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::Logging, verb, path }
}

const PROJECT_SINK: Method = method(Verb::GET, "logging.projects.sinks.get", "v2/projects/{project}/sinks/{+sink}");
const FOLDER_SINK: Method = method(Verb::GET, "logging.folders.sinks.get", "v2/folders/{folder}/sinks/{+sink}");
const ORGANIZATION_SINK: Method =
    method(Verb::GET, "logging.organizations.sinks.get", "v2/organizations/{organization}/sinks/{+sink}");
const ENTRIES_LIST: Method = method(Verb::POST, "logging.entries.list", "v2/entries:list");

/// Where a sink stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkOf {
    Project,
    Folder,
    Organization,
}

impl Client {
    /// `{name, destination, filter, writerIdentity, disabled}`.
    pub async fn get_sink<T: DeserializeOwned>(&self, of: SinkOf, parent: &str, sink: &str) -> Result<T, CallError> {
        let method = match of {
            SinkOf::Project => &PROJECT_SINK,
            SinkOf::Folder => &FOLDER_SINK,
            SinkOf::Organization => &ORGANIZATION_SINK,
        };
        self.ask(&self.prepare(method, &[parent, sink])?).await
    }

    /// `{entries}`: the newest one that fits, if there is one.
    pub async fn latest_entry<T: DeserializeOwned>(&self, project: &str, filter: &str) -> Result<T, CallError> {
        let body = json!({
            "resourceNames": [format!("projects/{project}")],
            "filter": filter,
            "orderBy": "timestamp desc",
            "pageSize": 1,
        });
        self.ask(&self.prepare(&ENTRIES_LIST, &[])?.json(&body)?.reading()).await
    }
}
