//! Address ranges, as the rules compare them.

use ipnet::Ipv4Net;
use serde_json::Value;

/// The range a text names, if it is one in its canonical spelling or not.
pub fn range(text: &str) -> Option<Ipv4Net> {
    text.parse().ok()
}

pub fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Every range a subnetwork holds: its primary range and its secondary ranges.
pub fn of_subnetwork(subnetwork: &Value) -> Vec<Ipv4Net> {
    let secondary = subnetwork["secondaryIpRanges"].as_array().into_iter().flatten();
    let texts = std::iter::once(&subnetwork["ipCidrRange"]).chain(secondary.map(|range| &range["ipCidrRange"]));
    texts.filter_map(|text| range(text.as_str()?)).collect()
}
