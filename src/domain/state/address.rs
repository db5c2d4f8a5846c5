use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// An address: `compute.globalAddresses` or `compute.addresses`. Global internal ones take space in their network: ranges for
/// Private Service Access, and single addresses of Private Service Connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    pub name: String,
    pub address: String,
    pub prefix_length: Option<u8>,
    /// `EXTERNAL` (the default) or `INTERNAL`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address_type: String,
    pub purpose: String,
    pub network: String,
    /// The resources that use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
}

impl Address {
    pub fn is_internal(&self) -> bool {
        self.address_type == "INTERNAL"
    }

    /// The range that a global address takes in its network, if it takes any.
    pub fn reserved(&self) -> Option<Ipv4Net> {
        let address = self.address.parse().ok()?;
        let range = Ipv4Net::new(address, self.prefix_length.unwrap_or(32)).ok()?;
        (self.is_internal() || self.purpose == "VPC_PEERING").then(|| range.trunc())
    }
}
