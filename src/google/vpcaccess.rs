//! Serverless VPC Access, <https://cloud.google.com/vpc/docs/reference/vpcaccess/rest>.
//!
//! Writes return as soon as Google has accepted them: a connector takes minutes.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::google::{
    by_region::{ByRegion, in_name},
    client::Client,
    error::CallError,
    method::{Api, Call, Method},
    operations::LongRunning,
    paging::Listing,
};

const fn method(verb: Verb, id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::VpcAccess, verb, path }
}

const CONNECTORS: &str = "v1/projects/{project}/locations/{location}/connectors";
const CONNECTOR: &str = "v1/projects/{project}/locations/{location}/connectors/{connector}";
const OPERATIONS: &str = "v1/projects/{project}/locations/{location}/operations";

const LIST: Method = method(Verb::GET, "vpcaccess.projects.locations.connectors.list", CONNECTORS);
const LIST_ALL: Method =
    method(Verb::GET, "vpcaccess.projects.locations.connectors.list", "v1/projects/{project}/locations/-/connectors");
const GET: Method = method(Verb::GET, "vpcaccess.projects.locations.connectors.get", CONNECTOR);
const CREATE: Method = method(Verb::POST, "vpcaccess.projects.locations.connectors.create", CONNECTORS);
const PATCH: Method = method(Verb::PATCH, "vpcaccess.projects.locations.connectors.patch", CONNECTOR);
const DELETE: Method = method(Verb::DELETE, "vpcaccess.projects.locations.connectors.delete", CONNECTOR);
const OPERATIONS_LIST: Method = method(Verb::GET, "vpcaccess.projects.locations.operations.list", OPERATIONS);

impl Client {
    pub async fn list_connectors<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&LIST, &[project, region])?, Listing::of("connectors")).await
    }

    /// Connectors of every region. Google documents `-` only in the pattern of the parent's name.
    pub async fn list_all_connectors<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&LIST_ALL, &[project])?, Listing::of("connectors")).await
    }

    /// The same, told apart by region.
    pub async fn list_connectors_by_region<T: DeserializeOwned>(
        &self,
        project: &str,
    ) -> Result<ByRegion<T>, CallError> {
        self.list_by_region(self.prepare(&LIST_ALL, &[project])?, Listing::of("connectors"), Some(in_name)).await
    }

    pub async fn get_connector<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
        name: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&GET, &[project, region, name])?).await
    }

    pub async fn create_connector(
        &self,
        project: &str,
        region: &str,
        name: &str,
        body: &Value,
    ) -> Result<LongRunning, CallError> {
        let call = self.prepare(&CREATE, &[project, region])?.query_name("connectorId", "{connector}", &[name])?;
        self.start(call.json(body)?).await
    }

    /// Sends only the fields that `mask` names; an empty mask would mean all of them.
    pub async fn patch_connector(
        &self,
        project: &str,
        region: &str,
        name: &str,
        mask: &[&str],
        body: &Value,
    ) -> Result<LongRunning, CallError> {
        let call = self.prepare(&PATCH, &[project, region, name])?;
        self.start(call.query("updateMask", &mask.join(",")).json(body)?).await
    }

    pub async fn delete_connector(&self, project: &str, region: &str, name: &str) -> Result<LongRunning, CallError> {
        self.start(self.prepare(&DELETE, &[project, region, name])?).await
    }

    /// Operations on the connectors of a region, those that have ended included: Google keeps them for a while.
    pub async fn list_connector_operations(&self, project: &str, region: &str) -> Result<Vec<LongRunning>, CallError> {
        self.list(self.prepare(&OPERATIONS_LIST, &[project, region])?, Listing::of("operations")).await
    }

    /// An operation that has failed by the time it is returned is an error like any other.
    async fn start(&self, call: Call) -> Result<LongRunning, CallError> {
        let operation: LongRunning = self.ask(&call).await?;
        operation.ended(call.name)?;
        Ok(operation)
    }
}
