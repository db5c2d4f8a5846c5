use serde::{Deserialize, Serialize};

use super::route::Route;

/// What a router is doing: `compute.routers.getRouterStatus`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterStatus {
    /// The dynamic routes of the network as the router's region has them, in global routing mode those of other regions too.
    pub best_routes: Vec<Route>,
    pub nat_status: Vec<NatStatus>,
}

/// How Google wraps it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StatusAnswer {
    pub result: RouterStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatStatus {
    pub name: String,
    /// How many more addresses the NAT would need to give every instance its ports.
    pub min_extra_nat_ips_needed: u32,
    pub auto_allocated_nat_ips: Vec<String>,
    pub drain_auto_allocated_nat_ips: Vec<String>,
    pub user_allocated_nat_ips: Vec<String>,
    pub drain_user_allocated_nat_ips: Vec<String>,
}

impl RouterStatus {
    pub fn of_nat(&self, name: &str) -> Option<&NatStatus> {
        self.nat_status.iter().find(|status| status.name == name)
    }
}

impl NatStatus {
    /// The addresses that the world sees.
    pub fn addresses(&self) -> impl Iterator<Item = &String> {
        self.auto_allocated_nat_ips.iter().chain(&self.user_allocated_nat_ips)
    }
}

/// A route that a peer exchanges: `compute.networks.listPeeringRoutes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PeeringRoute {
    pub dest_range: String,
    /// Whether it is in force here.
    pub imported: bool,
    /// `SUBNET_PEERING_ROUTE`, `STATIC_PEERING_ROUTE` or `DYNAMIC_PEERING_ROUTE`.
    #[serde(rename = "type")]
    pub kind: String,
}
