//! IPv4 ranges as a person writes them: what is wrong with one is told where it stands.

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Range(Ipv4Net);

impl TryFrom<String> for Range {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let range: Ipv4Net =
            text.parse().map_err(|_| format!("found {text:?}, expected an IPv4 range such as 10.8.0.0/20"))?;
        match range.addr() == range.network() {
            true => Ok(Self(range)),
            false => Err(format!("found {text:?}, expected {}: bits are set beyond the prefix", range.trunc())),
        }
    }
}

/// For `#[serde(deserialize_with)]`.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Ipv4Net>, D::Error> {
    Ok(Vec::<Range>::deserialize(deserializer)?.into_iter().map(|range| range.0).collect())
}
