//! What others have laid upon a project: organization policies, and internal ranges of its networks.
//! <https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy>,
//! <https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.internalRanges>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const EFFECTIVE: Method = Method {
    id: "orgpolicy.projects.policies.getEffectivePolicy",
    api: Api::OrgPolicy,
    verb: Verb::GET,
    path: "v2/projects/{project}/policies/{+constraint}:getEffectivePolicy",
};
const INTERNAL_RANGES: Method = Method {
    id: "networkconnectivity.projects.locations.internalRanges.list",
    api: Api::NetworkConnectivity,
    verb: Verb::GET,
    path: "v1/projects/{project}/locations/global/internalRanges",
};

impl Client {
    /// What is in force of a constraint such as `compute.vmCanIpForward`: `{spec: {rules}}`.
    pub async fn get_effective_policy<T: DeserializeOwned>(
        &self,
        project: &str,
        constraint: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&EFFECTIVE, &[project, constraint])?).await
    }

    /// The ranges that are reserved in the networks of a project.
    pub async fn list_internal_ranges<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&INTERNAL_RANGES, &[project])?, Listing::of("internalRanges")).await
    }
}
