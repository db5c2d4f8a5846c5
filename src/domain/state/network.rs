use serde::{Deserialize, Serialize};

use super::{Other, is_false};

/// A VPC network: `compute.networks`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub self_link: String,
    pub auto_create_subnetworks: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peerings: Vec<Peering>,
    /// `AFTER_CLASSIC_FIREWALL` (the default) or `BEFORE_CLASSIC_FIREWALL`: where network firewall policies stand.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_firewall_policy_enforcement_order: String,
    #[serde(flatten)]
    pub other: Other,
}

impl Network {
    /// A network without subnets, from before there were any: it takes none, and so no connector.
    pub fn is_legacy(&self) -> bool {
        self.other.get("IPv4Range").and_then(serde_json::Value::as_str).is_some_and(|range| !range.is_empty())
    }

    /// Network firewall policies are asked before VPC rules.
    pub fn policies_first(&self) -> bool {
        self.network_firewall_policy_enforcement_order == "BEFORE_CLASSIC_FIREWALL"
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Peering {
    pub name: String,
    pub network: String,
    #[serde(skip_serializing_if = "is_false")]
    pub exchange_subnet_routes: bool,
    #[serde(flatten)]
    pub other: Other,
}
