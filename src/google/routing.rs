//! How packets are routed beyond the list of routes, and from which addresses NAT sends them.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routers/getRouterStatus>,
//! <https://cloud.google.com/compute/docs/reference/rest/v1/networks/listPeeringRoutes>,
//! <https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.global.policyBasedRoutes>.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;

use crate::google::{
    client::Client,
    error::CallError,
    method::{Api, Method},
    paging::Listing,
};

const fn compute(id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::Compute, verb: Verb::GET, path }
}

const ROUTERS_AGGREGATED: Method = compute("compute.routers.aggregatedList", "projects/{project}/aggregated/routers");
const ROUTER_STATUS: Method =
    compute("compute.routers.getRouterStatus", "projects/{project}/regions/{region}/routers/{router}/getRouterStatus");
const PEERING_ROUTES: Method =
    compute("compute.networks.listPeeringRoutes", "projects/{project}/global/networks/{network}/listPeeringRoutes");
const ADDRESSES: Method = compute("compute.addresses.list", "projects/{project}/regions/{region}/addresses");
const POLICY_ROUTES: Method = Method {
    id: "networkconnectivity.projects.locations.global.policyBasedRoutes.list",
    api: Api::NetworkConnectivity,
    verb: Verb::GET,
    path: "v1/projects/{project}/locations/global/policyBasedRoutes",
};

impl Client {
    /// The routers of every region.
    pub async fn list_all_routers<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&ROUTERS_AGGREGATED, &[project])?, Listing::by_scope("routers")).await
    }

    /// What a router has learnt, and how its NAT gateways fare: `{result: {bestRoutes, natStatus}}`.
    pub async fn get_router_status<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
        router: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&ROUTER_STATUS, &[project, region, router])?).await
    }

    /// What a peer offers to a network in a region.
    pub async fn list_peering_routes<T: DeserializeOwned>(
        &self,
        project: &str,
        network: &str,
        peering: &str,
        region: &str,
    ) -> Result<Vec<T>, CallError> {
        let call = self.prepare(&PEERING_ROUTES, &[project, network])?;
        let call =
            call.query_name("peeringName", "{peering}", &[peering])?.query_name("region", "{region}", &[region])?;
        self.list(call.query("direction", "INCOMING"), Listing::ITEMS).await
    }

    /// The addresses of a region.
    pub async fn list_addresses<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&ADDRESSES, &[project, region])?, Listing::ITEMS).await
    }

    /// The policy-based routes of a project's networks.
    pub async fn list_policy_routes<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&POLICY_ROUTES, &[project])?, Listing::of("policyBasedRoutes")).await
    }
}
