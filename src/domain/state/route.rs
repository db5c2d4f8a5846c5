use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Other;

/// A route: `compute.routes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Route {
    pub name: String,
    pub network: String,
    pub dest_range: String,
    pub priority: u32,
    /// Instances it applies to; none = all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_hop_gateway: String,
    #[serde(flatten)]
    pub other: Other,
}

impl Route {
    pub fn range(&self) -> Option<Ipv4Net> {
        self.dest_range.parse().ok()
    }

    pub fn is_default(&self) -> bool {
        self.dest_range == "0.0.0.0/0"
    }

    pub fn to_internet(&self) -> bool {
        self.next_hop_gateway.ends_with("/default-internet-gateway")
    }

    /// What the packets are handed to, for a person to read.
    pub fn next_hop(&self) -> String {
        if !self.next_hop_gateway.is_empty() {
            return crate::domain::names::last_segment(&self.next_hop_gateway).to_owned();
        }
        [
            "nextHopInstance",
            "nextHopIlb",
            "nextHopIp",
            "nextHopVpnTunnel",
            "nextHopPeering",
            "nextHopHub",
            "nextHopNetwork",
        ]
        .iter()
        .find_map(|key| self.other.get(*key)?.as_str())
        .map_or_else(|| "an unknown next hop".to_owned(), |hop| crate::domain::names::last_segment(hop).to_owned())
    }
}
