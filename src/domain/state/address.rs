use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// A global address: `compute.globalAddresses`. Those with purpose VPC_PEERING reserve a range for Private Service Access.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    pub name: String,
    pub address: String,
    pub prefix_length: Option<u8>,
    pub purpose: String,
    pub network: String,
}

impl Address {
    /// The range that it reserves, if it reserves one.
    pub fn reserved(&self) -> Option<Ipv4Net> {
        let address = self.address.parse().ok()?;
        Ipv4Net::new(address, self.prefix_length?).ok().filter(|_| self.purpose == "VPC_PEERING")
    }
}
