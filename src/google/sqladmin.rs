//! Cloud SQL, <https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
};

const GET: Method = Method {
    id: "sql.instances.get",
    api: Api::SqlAdmin,
    verb: Verb::GET,
    path: "v1/projects/{project}/instances/{instance}",
};

impl Client {
    pub async fn get_sql_instance<T: DeserializeOwned>(&self, project: &str, instance: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&GET, &[project, instance])?).await
    }
}
