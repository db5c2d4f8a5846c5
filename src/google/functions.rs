//! Cloud Run functions of the first generation,
//! <https://cloud.google.com/functions/docs/reference/rest/v1/projects.locations.functions>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const LIST: Method = Method {
    id: "cloudfunctions.projects.locations.functions.list",
    api: Api::Functions,
    verb: Verb::GET,
    path: "v1/projects/{project}/locations/{location}/functions",
};

impl Client {
    pub async fn list_functions<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&LIST, &[project, region])?, Listing::of("functions")).await
    }
}
