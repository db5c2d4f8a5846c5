use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::domain::names::last_segment;

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
    /// `ACTIVE`, `DROPPED`, `INACTIVE` or `PENDING`; not all routes have one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub route_status: String,
    #[serde(flatten)]
    pub other: Other,
}

impl Route {
    pub fn range(&self) -> Option<Ipv4Net> {
        range(&self.dest_range)
    }

    pub fn to_internet(&self) -> bool {
        self.next_hop_gateway.ends_with("/default-internet-gateway")
    }

    /// Packets follow it: it was neither dropped nor rejected, and Google has finished with it.
    pub fn is_active(&self) -> bool {
        matches!(self.route_status.as_str(), "" | "ACTIVE")
    }

    /// Whether it is for instances with these tags.
    pub fn applies_to(&self, tags: &[&str]) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(&tag.as_str()))
    }

    /// Google made it for a subnet, of this network or of a peer: no other subnet can overlap it, however wide it is.
    pub fn is_of_subnet(&self) -> bool {
        let kind = self.other.get("routeType").and_then(serde_json::Value::as_str).unwrap_or_default();
        match self.other.contains_key("nextHopNetwork") {
            true => true,
            false => self.other.contains_key("nextHopPeering") && matches!(kind, "" | "SUBNET"),
        }
    }

    /// What the packets are handed to, for a person to read: `internal load balancer 10.0.0.9`.
    pub fn next_hop(&self) -> String {
        if self.to_internet() {
            return "the default internet gateway".to_owned();
        }
        if !self.next_hop_gateway.is_empty() {
            return last_segment(&self.next_hop_gateway).to_owned();
        }
        let hops = [
            ("nextHopInstance", "instance"),
            ("nextHopIlb", "internal load balancer"),
            ("nextHopIp", "address"),
            ("nextHopVpnTunnel", "VPN tunnel"),
            ("nextHopPeering", "peering"),
            ("nextHopHub", "hub"),
            ("nextHopNetwork", "network"),
        ];
        let named = hops.iter().find_map(|(key, kind)| Some((kind, self.other.get(*key)?.as_str()?)));
        named.map_or_else(|| "an unknown next hop".to_owned(), |(kind, hop)| format!("{kind} {}", last_segment(hop)))
    }
}

/// A range as routes have it; a bare address is a range of one.
pub(super) fn range(text: &str) -> Option<Ipv4Net> {
    let net: Option<Ipv4Net> = text.parse().ok();
    net.or_else(|| Some(Ipv4Net::from(text.parse::<std::net::Ipv4Addr>().ok()?))).map(|net| net.trunc())
}
