//! Address ranges.

use ipnet::Ipv4Net;
use serde_json::Value;

/// Parses a range, whose host bits may be set.
pub fn range(text: &str) -> Option<Ipv4Net> {
    text.parse().ok()
}

pub fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// A subnetwork's primary and secondary ranges.
pub fn of_subnetwork(subnetwork: &Value) -> Vec<Ipv4Net> {
    let secondary = subnetwork["secondaryIpRanges"].as_array().into_iter().flatten();
    let texts = std::iter::once(&subnetwork["ipCidrRange"]).chain(secondary.map(|range| &range["ipCidrRange"]));
    texts.filter_map(|text| range(text.as_str()?)).collect()
}
