//! IPv4 ranges as a person writes them.

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, de::Error};

use super::leaf;

/// For `#[serde(deserialize_with)]`.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Ipv4Net>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| leaf::range(text).map_err(D::Error::custom)).collect()
}
