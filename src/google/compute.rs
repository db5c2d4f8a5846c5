//! Compute Engine, <https://cloud.google.com/compute/docs/reference/rest/v1>.
//!
//! Reads return documents of the caller's type. Every write takes the `requestId` that makes its repetition harmless,
//! and returns when its operation has ended well. A body of a patch is a JSON merge patch and sent as it is: what it
//! leaves out stays, and a list is cleared only by an empty list.

use ::http::Method as Verb;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::google::{
    by_region::ByRegion,
    client::Client,
    error::CallError,
    method::{Api, Method},
    operations::{Home, Operation},
    paging::Listing,
};

const fn method(verb: Verb, id: &'static str, path: &'static str) -> Method {
    Method { id, api: Api::Compute, verb, path }
}

const PROJECT: &str = "projects/{project}";
const NETWORK: &str = "projects/{project}/global/networks/{network}";
const NETWORKS: &str = "projects/{project}/global/networks";
const FIREWALL: &str = "projects/{project}/global/firewalls/{firewall}";
const FIREWALLS: &str = "projects/{project}/global/firewalls";
const EFFECTIVE: &str = "projects/{project}/regions/{region}/firewallPolicies/getEffectiveFirewalls";
const ROUTES: &str = "projects/{project}/global/routes";
const GLOBAL_ADDRESSES: &str = "projects/{project}/global/addresses";
const REGION: &str = "projects/{project}/regions/{region}";
const SUBNETWORK: &str = "projects/{project}/regions/{region}/subnetworks/{subnetwork}";
const SUBNETWORKS: &str = "projects/{project}/regions/{region}/subnetworks";
const ALL_SUBNETWORKS: &str = "projects/{project}/aggregated/subnetworks";
const SUBNETWORK_PGA: &str = "projects/{project}/regions/{region}/subnetworks/{subnetwork}/setPrivateIpGoogleAccess";
const ROUTER: &str = "projects/{project}/regions/{region}/routers/{router}";
const ALL_ROUTERS: &str = "projects/{project}/aggregated/routers";
const ROUTERS: &str = "projects/{project}/regions/{region}/routers";
const GLOBAL_OPERATION: &str = "projects/{project}/global/operations/{operation}";
const GLOBAL_OPERATION_WAIT: &str = "projects/{project}/global/operations/{operation}/wait";
const REGION_OPERATIONS: &str = "projects/{project}/regions/{region}/operations";
const REGION_OPERATION: &str = "projects/{project}/regions/{region}/operations/{operation}";
const REGION_OPERATION_WAIT: &str = "projects/{project}/regions/{region}/operations/{operation}/wait";

const PROJECTS_GET: Method = method(Verb::GET, "compute.projects.get", PROJECT);
const NETWORKS_GET: Method = method(Verb::GET, "compute.networks.get", NETWORK);
const NETWORKS_INSERT: Method = method(Verb::POST, "compute.networks.insert", NETWORKS);
const FIREWALLS_LIST: Method = method(Verb::GET, "compute.firewalls.list", FIREWALLS);
const FIREWALLS_INSERT: Method = method(Verb::POST, "compute.firewalls.insert", FIREWALLS);
const FIREWALLS_PATCH: Method = method(Verb::PATCH, "compute.firewalls.patch", FIREWALL);
const FIREWALLS_DELETE: Method = method(Verb::DELETE, "compute.firewalls.delete", FIREWALL);
const EFFECTIVE_FIREWALLS: Method =
    method(Verb::GET, "compute.regionNetworkFirewallPolicies.getEffectiveFirewalls", EFFECTIVE);
const ROUTES_LIST: Method = method(Verb::GET, "compute.routes.list", ROUTES);
const GLOBAL_ADDRESSES_LIST: Method = method(Verb::GET, "compute.globalAddresses.list", GLOBAL_ADDRESSES);
const REGIONS_GET: Method = method(Verb::GET, "compute.regions.get", REGION);
const SUBNETWORKS_LIST: Method = method(Verb::GET, "compute.subnetworks.list", SUBNETWORKS);
const SUBNETWORKS_AGGREGATED: Method = method(Verb::GET, "compute.subnetworks.aggregatedList", ALL_SUBNETWORKS);
const SUBNETWORKS_GET: Method = method(Verb::GET, "compute.subnetworks.get", SUBNETWORK);
const SUBNETWORKS_INSERT: Method = method(Verb::POST, "compute.subnetworks.insert", SUBNETWORKS);
const SUBNETWORKS_SET_PGA: Method = method(Verb::POST, "compute.subnetworks.setPrivateIpGoogleAccess", SUBNETWORK_PGA);
const SUBNETWORKS_DELETE: Method = method(Verb::DELETE, "compute.subnetworks.delete", SUBNETWORK);
const ROUTERS_LIST: Method = method(Verb::GET, "compute.routers.list", ROUTERS);
const ROUTERS_AGGREGATED: Method = method(Verb::GET, "compute.routers.aggregatedList", ALL_ROUTERS);
const ROUTERS_GET: Method = method(Verb::GET, "compute.routers.get", ROUTER);
const ROUTERS_INSERT: Method = method(Verb::POST, "compute.routers.insert", ROUTERS);
const ROUTERS_PATCH: Method = method(Verb::PATCH, "compute.routers.patch", ROUTER);
const ROUTERS_DELETE: Method = method(Verb::DELETE, "compute.routers.delete", ROUTER);
const REGION_OPERATIONS_LIST: Method = method(Verb::GET, "compute.regionOperations.list", REGION_OPERATIONS);
pub(super) const GLOBAL_OPERATIONS_GET: Method = method(Verb::GET, "compute.globalOperations.get", GLOBAL_OPERATION);
pub(super) const REGION_OPERATIONS_GET: Method = method(Verb::GET, "compute.regionOperations.get", REGION_OPERATION);
pub(super) const GLOBAL_OPERATIONS_WAIT: Method =
    method(Verb::POST, "compute.globalOperations.wait", GLOBAL_OPERATION_WAIT);
pub(super) const REGION_OPERATIONS_WAIT: Method =
    method(Verb::POST, "compute.regionOperations.wait", REGION_OPERATION_WAIT);

/// Without it a region that cannot be reached makes Compute refuse the whole list.
/// <https://cloud.google.com/compute/docs/reference/rest/v1/routers/aggregatedList>
const PARTIAL: &str = "returnPartialSuccess";

const ROUTER_URL: &str = "https://www.googleapis.com/compute/v1/projects/{project}/regions/{region}/routers/{router}";

/// How gcloud, too, refers to a network from another resource: by its whole URL.
const NETWORK_URL: &str = "https://www.googleapis.com/compute/v1/projects/{project}/global/networks/{network}";

/// Projects.
impl Client {
    /// A project, by its id or its number; the document's `name` is the id.
    pub async fn get_project<T: DeserializeOwned>(&self, project: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&PROJECTS_GET, &[project])?).await
    }
}

/// Networks.
impl Client {
    pub async fn get_network<T: DeserializeOwned>(&self, project: &str, name: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&NETWORKS_GET, &[project, name])?).await
    }

    pub async fn insert_network(&self, project: &str, body: &Value, request_id: Uuid) -> Result<(), CallError> {
        let call = self.prepare(&NETWORKS_INSERT, &[project])?.json(body)?;
        self.change(call, Home::Global { project }, request_id).await
    }

    pub async fn list_routes<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&ROUTES_LIST, &[project])?, Listing::ITEMS).await
    }

    /// Global addresses, among them the ranges reserved for Private Service Access.
    pub async fn list_global_addresses<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&GLOBAL_ADDRESSES_LIST, &[project])?, Listing::ITEMS).await
    }

    /// A region, with its quotas and their use.
    pub async fn get_region<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<T, CallError> {
        self.ask(&self.prepare(&REGIONS_GET, &[project, region])?).await
    }
}

/// Firewalls.
impl Client {
    pub async fn list_firewalls<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&FIREWALLS_LIST, &[project])?, Listing::ITEMS).await
    }

    /// What hierarchical, global and regional policies and VPC rules make of a network in a region.
    /// `project` is the network's. The document is `{firewalls[], firewallPolicys[]}`, in Google's spelling.
    pub async fn get_effective_firewalls<T: DeserializeOwned>(
        &self,
        project: &str,
        network: &str,
        region: &str,
    ) -> Result<T, CallError> {
        let call = self.prepare(&EFFECTIVE_FIREWALLS, &[project, region])?;
        self.ask(&call.query_name("network", NETWORK_URL, &[project, network])?).await
    }

    pub async fn insert_firewall(&self, project: &str, body: &Value, request_id: Uuid) -> Result<(), CallError> {
        let call = self.prepare(&FIREWALLS_INSERT, &[project])?.json(body)?;
        self.change(call, Home::Global { project }, request_id).await
    }

    pub async fn patch_firewall(
        &self,
        project: &str,
        name: &str,
        body: &Value,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let call = self.prepare(&FIREWALLS_PATCH, &[project, name])?.json(body)?;
        self.change(call, Home::Global { project }, request_id).await
    }

    pub async fn delete_firewall(&self, project: &str, name: &str, request_id: Uuid) -> Result<(), CallError> {
        let call = self.prepare(&FIREWALLS_DELETE, &[project, name])?;
        self.change(call, Home::Global { project }, request_id).await
    }
}

/// Subnetworks.
impl Client {
    pub async fn list_subnetworks<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
    ) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&SUBNETWORKS_LIST, &[project, region])?, Listing::ITEMS).await
    }

    /// The subnetworks of every region.
    pub async fn list_all_subnetworks<T: DeserializeOwned>(&self, project: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&SUBNETWORKS_AGGREGATED, &[project])?, Listing::by_scope("subnetworks")).await
    }

    /// The same, told apart by region.
    pub async fn list_subnetworks_by_region<T: DeserializeOwned>(
        &self,
        project: &str,
    ) -> Result<ByRegion<T>, CallError> {
        let call = self.prepare(&SUBNETWORKS_AGGREGATED, &[project])?;
        self.list_by_region(call.query(PARTIAL, "true"), Listing::by_scope("subnetworks"), None).await
    }

    /// A subnetwork with how much of its ranges is taken.
    pub async fn get_subnetwork_utilization<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
        name: &str,
    ) -> Result<T, CallError> {
        let call = self.prepare(&SUBNETWORKS_GET, &[project, region, name])?;
        self.ask(&call.query("views", "WITH_UTILIZATION")).await
    }

    pub async fn insert_subnetwork(
        &self,
        project: &str,
        region: &str,
        body: &Value,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let call = self.prepare(&SUBNETWORKS_INSERT, &[project, region])?.json(body)?;
        self.change(call, Home::Region { project, region }, request_id).await
    }

    pub async fn set_private_ip_google_access(
        &self,
        project: &str,
        region: &str,
        subnetwork: &str,
        on: bool,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let body = json!({ "privateIpGoogleAccess": on });
        let call = self.prepare(&SUBNETWORKS_SET_PGA, &[project, region, subnetwork])?.json(&body)?;
        self.change(call, Home::Region { project, region }, request_id).await
    }

    pub async fn delete_subnetwork(
        &self,
        project: &str,
        region: &str,
        name: &str,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let call = self.prepare(&SUBNETWORKS_DELETE, &[project, region, name])?;
        self.change(call, Home::Region { project, region }, request_id).await
    }
}

/// Routers, which hold Cloud NAT.
impl Client {
    /// The routers of every region.
    pub async fn list_routers_by_region<T: DeserializeOwned>(&self, project: &str) -> Result<ByRegion<T>, CallError> {
        let call = self.prepare(&ROUTERS_AGGREGATED, &[project])?;
        self.list_by_region(call.query(PARTIAL, "true"), Listing::by_scope("routers"), None).await
    }

    pub async fn list_routers<T: DeserializeOwned>(&self, project: &str, region: &str) -> Result<Vec<T>, CallError> {
        self.list(self.prepare(&ROUTERS_LIST, &[project, region])?, Listing::ITEMS).await
    }

    pub async fn get_router<T: DeserializeOwned>(
        &self,
        project: &str,
        region: &str,
        name: &str,
    ) -> Result<T, CallError> {
        self.ask(&self.prepare(&ROUTERS_GET, &[project, region, name])?).await
    }

    pub async fn insert_router(
        &self,
        project: &str,
        region: &str,
        body: &Value,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let call = self.prepare(&ROUTERS_INSERT, &[project, region])?.json(body)?;
        self.change(call, Home::Region { project, region }, request_id).await
    }

    /// Begins a change of a router, with one attempt: a router has no fingerprint and its lists are replaced whole, so that
    /// whoever sends this reads the router again before another attempt.
    pub async fn begin_router_patch(
        &self,
        project: &str,
        region: &str,
        name: &str,
        body: &Value,
        request_id: Uuid,
    ) -> Result<Operation, CallError> {
        self.ask(&self.prepare(&ROUTERS_PATCH, &[project, region, name])?.json(body)?.once(request_id)).await
    }

    /// Returns when the change has ended well.
    pub async fn end_router_patch(&self, project: &str, region: &str, operation: &Operation) -> Result<(), CallError> {
        self.see_to_end(ROUTERS_PATCH.id, Home::Region { project, region }, operation).await
    }

    /// The operations on a router that Google still remembers, those of others too.
    pub async fn list_router_operations(
        &self,
        project: &str,
        region: &str,
        name: &str,
    ) -> Result<Vec<Operation>, CallError> {
        let call = self.prepare(&REGION_OPERATIONS_LIST, &[project, region])?;
        let router = call.named(ROUTER_URL, &[project, region, name])?;
        let all: Vec<Operation> =
            self.list(call.query("filter", &format!("targetLink = \"{router}\"")), Listing::ITEMS).await?;
        // Whatever version of the API the link is of.
        let path = router.find("/projects/").map_or("", |start| &router[start..]);
        Ok(all.into_iter().filter(|operation| operation.target_link.ends_with(path)).collect())
    }

    pub async fn delete_router(
        &self,
        project: &str,
        region: &str,
        name: &str,
        request_id: Uuid,
    ) -> Result<(), CallError> {
        let call = self.prepare(&ROUTERS_DELETE, &[project, region, name])?;
        self.change(call, Home::Region { project, region }, request_id).await
    }
}
