//! Projects themselves: who may do what in them, and which APIs they have enabled.
//! <https://cloud.google.com/resource-manager/reference/rest/v3/projects>,
//! <https://cloud.google.com/service-usage/docs/reference/rest/v1/services>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
};

const fn method(verb: Verb, id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::ResourceManager, verb, path }
}

const GET: Method = method(Verb::GET, "cloudresourcemanager.projects.get", "v3/projects/{project}");
const GET_IAM_POLICY: Method =
    method(Verb::POST, "cloudresourcemanager.projects.getIamPolicy", "v3/projects/{project}:getIamPolicy");
const GET_ANCESTRY: Method =
    method(Verb::POST, "cloudresourcemanager.projects.getAncestry", "v1/projects/{project}:getAncestry");
const TEST_IAM_PERMISSIONS: Method =
    method(Verb::POST, "cloudresourcemanager.projects.testIamPermissions", "v3/projects/{project}:testIamPermissions");
const BATCH_GET: Method = Method {
    id: "serviceusage.services.batchGet",
    api: Api::ServiceUsage,
    verb: Verb::GET,
    path: "v1/projects/{project}/services:batchGet",
};

impl Client {
    /// A project as Resource Manager has it; `name` is `projects/NUMBER`.
    pub async fn get_resource_project<T: DeserializeOwned>(&self, project: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&GET, &[project])?).await
    }

    /// `{ancestor: [{resourceId: {type, id}}]}`: the project, its folders and its organization.
    pub async fn get_project_ancestry<T: DeserializeOwned>(&self, project: &str) -> Result<T, CallError> {
        let call = self.prepare(&GET_ANCESTRY, &[project])?.json(&json!({}))?;
        self.ask(&call.reading()).await
    }

    /// `{bindings: [{role, members}]}`.
    pub async fn get_project_iam_policy<T: DeserializeOwned>(&self, project: &str) -> Result<T, CallError> {
        let call =
            self.prepare(&GET_IAM_POLICY, &[project])?.json(&json!({"options": {"requestedPolicyVersion": 3}}))?;
        self.ask(&call.reading()).await
    }

    /// `{permissions}`: those of `permissions`, at most 100, that the caller has.
    pub async fn test_project_permissions<T: DeserializeOwned>(
        &self,
        project: &str,
        permissions: &[&str],
    ) -> Result<T, CallError> {
        let call = self.prepare(&TEST_IAM_PERMISSIONS, &[project])?.json(&json!({"permissions": permissions}))?;
        self.ask(&call.reading()).await
    }

    /// `{services: [{config: {name}, state}]}` of at most 30 APIs by their host names.
    pub async fn get_apis<T: DeserializeOwned>(&self, project: &str, hosts: &[&str]) -> Result<T, CallError> {
        let mut call = self.prepare(&BATCH_GET, &[project])?;
        for host in hosts {
            call = call.query_name("names", "projects/{project}/services/{api}", &[project, host])?;
        }
        self.ask(&call).await
    }
}
