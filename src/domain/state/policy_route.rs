use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::domain::names::{last_segment, relative};

/// A policy-based route: `networkconnectivity.projects.locations.global.policyBasedRoutes`. It goes before all other routes.
/// <https://cloud.google.com/vpc/docs/policy-based-routes>
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRoute {
    pub name: String,
    pub network: String,
    pub filter: RouteFilter,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Which instances it is for; without it, and without an interconnect attachment, all of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine: Option<Machines>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interconnect_attachment: Option<serde_json::Value>,
    /// The internal load balancer that the packets are handed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_ilb_ip: Option<String>,
    /// `DEFAULT_ROUTING`: the packets are left to the other routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_hop_other_routes: Option<String>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteFilter {
    /// `TCP`, `UDP` or `ALL` (the default).
    pub ip_protocol: String,
    pub protocol_version: String,
    pub src_range: String,
    pub dest_range: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Machines {
    pub tags: Vec<String>,
}

impl PolicyRoute {
    pub fn short_name(&self) -> &str {
        last_segment(&self.name)
    }

    /// 1000 where none is given.
    pub fn priority(&self) -> u32 {
        self.priority.unwrap_or(1000)
    }

    /// Whether IPv4 packets of instances with these tags come by.
    pub fn applies_to(&self, network: &str, tags: &[&str]) -> bool {
        let machines = match (&self.virtual_machine, &self.interconnect_attachment) {
            (Some(machines), _) => {
                machines.tags.is_empty() || machines.tags.iter().any(|tag| tags.contains(&tag.as_str()))
            }
            (None, Some(_)) => false,
            (None, None) => true,
        };
        machines && self.filter.protocol_version != "IPV6" && relative(&self.network) == network
    }

    /// The packets are left to the other routes.
    pub fn to_other_routes(&self) -> bool {
        self.next_hop_other_routes.as_deref() == Some("DEFAULT_ROUTING")
    }

    /// `None` = no IPv4 range.
    pub fn destination(&self) -> Option<Ipv4Net> {
        range(&self.filter.dest_range)
    }

    /// Whether all packets of these addresses to its destination match; of unknown addresses only a route for every address
    /// is sure to match.
    pub fn takes_all_of(&self, from: Option<Ipv4Net>) -> bool {
        let all_protocols = matches!(self.filter.ip_protocol.as_str(), "" | "ALL");
        let source = range(&self.filter.src_range);
        all_protocols && source.is_some_and(|source| source.contains(&from.unwrap_or_default()))
    }

    /// Whether some of them may match.
    pub fn may_take_from(&self, from: Option<Ipv4Net>) -> bool {
        let from = from.unwrap_or_default();
        range(&self.filter.src_range).is_some_and(|source| source.contains(&from) || from.contains(&source))
    }
}

fn range(text: &str) -> Option<Ipv4Net> {
    if text.is_empty() { Some(Ipv4Net::default()) } else { super::route::range(text) }
}
