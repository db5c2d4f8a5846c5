use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Other;
use crate::domain::names::{last_segment, relative};

/// A Cloud Router with its NAT gateways: `compute.routers`. It has no fingerprint, and a PATCH replaces `nats` whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub network: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nats: Vec<Nat>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Nat {
    pub name: String,
    /// `PUBLIC` (the default) or `PRIVATE`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    pub source_subnetwork_ip_ranges_to_nat: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnetworks: Vec<NatSubnet>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub nat_ip_allocate_option: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nat_ips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drain_nat_ips: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_config: Option<NatLog>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoint_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ports_per_vm: Option<u32>,
    /// Of use with dynamic port allocation alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ports_per_vm: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dynamic_port_allocation: Option<bool>,
    /// Google takes either this or dynamic port allocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_endpoint_independent_mapping: Option<bool>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatSubnet {
    /// The URL of the subnet.
    pub name: String,
    pub source_ip_ranges_to_nat: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NatLog {
    pub enable: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    #[serde(flatten)]
    pub other: Other,
}

pub const ALL_RANGES: &str = "ALL_SUBNETWORKS_ALL_IP_RANGES";
pub const ALL_PRIMARY: &str = "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES";
pub const LIST: &str = "LIST_OF_SUBNETWORKS";

impl Router {
    /// It speaks BGP with somebody, and so may learn routes.
    pub fn has_peers(&self) -> bool {
        self.other.get("bgpPeers").and_then(serde_json::Value::as_array).is_some_and(|peers| !peers.is_empty())
    }

    /// What a person reads of its gateways, by `NAT.FIELD`.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let row = |nat: &Nat, field: &str, value: String| (format!("{}.{field}", nat.name), value);
        self.nats
            .iter()
            .flat_map(|nat| {
                let log = nat.log_config.as_ref().filter(|log| log.enable).map_or("off", |log| log.filter.as_str());
                let entries = nat.subnetworks.iter();
                let subnets = entries
                    .map(|entry| format!("{} {}", last_segment(&entry.name), entry.source_ip_ranges_to_nat.join("+")));
                let ports = |ports: Option<u32>| ports.map_or_else(String::new, |ports| ports.to_string());
                let on = |flag: Option<bool>| if flag == Some(true) { "on".to_owned() } else { String::new() };
                [
                    row(nat, "minPortsPerVm", ports(nat.min_ports_per_vm)),
                    row(nat, "maxPortsPerVm", ports(nat.max_ports_per_vm)),
                    row(nat, "enableDynamicPortAllocation", on(nat.enable_dynamic_port_allocation)),
                    row(nat, "enableEndpointIndependentMapping", on(nat.enable_endpoint_independent_mapping)),
                    row(nat, "sourceSubnetworkIpRangesToNat", nat.source_subnetwork_ip_ranges_to_nat.clone()),
                    row(nat, "subnetworks", subnets.collect::<Vec<_>>().join(", ")),
                    row(nat, "natIpAllocateOption", nat.nat_ip_allocate_option.clone()),
                    row(nat, "natIps", short(&nat.nat_ips)),
                    row(nat, "drainNatIps", short(&nat.drain_nat_ips)),
                    row(nat, "logConfig", log.to_owned()),
                ]
            })
            .collect()
    }
}

fn short(urls: &[String]) -> String {
    urls.iter().map(|url| last_segment(url)).collect::<Vec<_>>().join(", ")
}

impl Nat {
    pub fn is_public(&self) -> bool {
        self.kind.is_empty() || self.kind == "PUBLIC"
    }

    /// Connectors are virtual machines: a gateway for other endpoints (Secure Web Proxy, load balancers) is none of theirs.
    pub fn serves_vms(&self) -> bool {
        self.endpoint_types.is_empty() || self.endpoint_types.iter().any(|kind| kind == "ENDPOINT_TYPE_VM")
    }

    /// Every address is draining: existing connections live on, new ones get none.
    pub fn is_draining(&self) -> bool {
        self.nat_ips.is_empty() && !self.drain_nat_ips.is_empty()
    }

    pub fn covers_all_subnets(&self) -> bool {
        [ALL_RANGES, ALL_PRIMARY].contains(&self.source_subnetwork_ip_ranges_to_nat.as_str())
    }

    /// How many subnet ranges its list holds.
    pub fn listed_ranges(&self) -> usize {
        self.subnetworks.iter().map(|entry| entry.source_ip_ranges_to_nat.len()).sum()
    }

    /// Lists the primary range of the subnet with this relative name.
    pub fn lists(&self, subnet: &str) -> bool {
        self.source_subnetwork_ip_ranges_to_nat == LIST
            && self.subnetworks.iter().any(|entry| {
                relative(&entry.name) == subnet
                    && entry
                        .source_ip_ranges_to_nat
                        .iter()
                        .any(|range| range == "ALL_IP_RANGES" || range == "PRIMARY_IP_RANGE")
            })
    }
}

/// The gateway that carries the subnet's primary range (`None` = a hidden one) to the internet, whoever owns it.
pub fn covering<'a>(routers: &[&'a Router], subnet: Option<&str>) -> Option<&'a Nat> {
    let gateways = routers.iter().flat_map(|router| &router.nats);
    gateways
        .filter(|nat| nat.is_public() && nat.serves_vms() && !nat.is_draining())
        .find(|nat| nat.covers_all_subnets() || subnet.is_some_and(|subnet| nat.lists(subnet)))
}

/// The router that a gateway is on.
pub fn router_of<'a>(routers: &[&'a Router], nat: &Nat) -> Option<&'a Router> {
    routers.iter().copied().find(|router| router.nats.iter().any(|own| std::ptr::eq(own, nat)))
}
