use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;

/// A subnet: `compute.subnetworks`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subnet {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub network: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub self_link: String,
    pub ip_cidr_range: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secondary_ip_ranges: Vec<SecondaryRange>,
    pub private_ip_google_access: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub creation_timestamp: String,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecondaryRange {
    pub range_name: String,
    pub ip_cidr_range: String,
}

impl Subnet {
    /// The primary range; `None` for a subnet with IPv6 only.
    pub fn cidr(&self) -> Option<Ipv4Net> {
        self.ip_cidr_range.parse().ok()
    }

    /// Every IPv4 range that the subnet takes, primary first.
    pub fn ranges(&self) -> impl Iterator<Item = Ipv4Net> + '_ {
        self.cidr()
            .into_iter()
            .chain(self.secondary_ip_ranges.iter().filter_map(|range| range.ip_cidr_range.parse().ok()))
    }

    pub fn created(&self) -> Option<Timestamp> {
        self.creation_timestamp.parse().ok()
    }
}
