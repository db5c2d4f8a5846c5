//! `tcp:443`, `udp:8000-8080`, `icmp`: what the policy writes and Google's rules say.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A protocol and its ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    pub protocol: String,
    /// `None` = all.
    pub ports: Option<RangeInclusive<u16>>,
}

/// Reads one entry: a protocol that Google knows by name or number, with a port or range where it has ports.
pub fn parse(text: &str) -> Option<PortSpec> {
    let (protocol, ports) = match text.split_once(':') {
        Some((protocol, ports)) => (protocol, Some(range(ports)?)),
        None => (text, None),
    };
    protocols(protocol)?;
    let has_ports = ["tcp", "udp", "sctp", "6", "17", "132"].contains(&protocol);
    (has_ports || ports.is_none()).then(|| PortSpec { protocol: protocol.to_owned(), ports })
}

/// The IP protocol numbers that a name stands for; `all` is every one.
pub fn protocols(name: &str) -> Option<RangeInclusive<u8>> {
    Some(match name.to_ascii_lowercase().as_str() {
        "all" => 0..=255,
        "icmp" => 1..=1,
        "tcp" => 6..=6,
        "udp" => 17..=17,
        "esp" => 50..=50,
        "ah" => 51..=51,
        "ipip" => 94..=94,
        "sctp" => 132..=132,
        number => number.parse().ok().map(|n| n..=n)?,
    })
}

/// A port, or a range of them.
pub fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some(from..=to)
}

/// Policy entries as Google's rules write them, one entry a protocol. Entries that do not parse were refused with the policy.
pub fn layer4(entries: &[String]) -> Vec<Layer4> {
    let mut grouped: Vec<Layer4> = Vec::new();
    for spec in entries.iter().filter_map(|text| parse(text)) {
        let port = spec.ports.map(|range| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}-{}", range.start(), range.end()),
        });
        match grouped.iter_mut().find(|entry| entry.protocol == spec.protocol) {
            // All ports of a protocol swallow the single ones.
            Some(entry) => match port {
                Some(port) if !entry.ports.is_empty() => entry.ports.push(port),
                Some(_) => {}
                None => entry.ports.clear(),
            },
            None => grouped.push(Layer4 { protocol: spec.protocol, ports: port.into_iter().collect() }),
        }
    }
    grouped
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Layer4 {
    #[serde(rename = "IPProtocol")]
    pub protocol: String,
    /// Ports and ranges (`443`, `8000-8080`) as text; none = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        for (text, good) in [
            ("tcp:443", true),
            ("tcp", true),
            ("udp:8000-8080", true),
            ("icmp", true),
            ("icmp:8", false),
            ("tcp:70000", false),
            ("tcp:9-1", false),
            ("http", false),
            ("", false),
        ] {
            assert_eq!(parse(text).is_some(), good, "{text}");
        }
        let grouped = layer4(&["tcp:443".into(), "udp".into(), "tcp:80".into(), "udp:53".into()]);
        assert_eq!(grouped.len(), 2);
        assert_eq!(grouped[0].ports, ["443", "80"]);
        assert!(grouped[1].ports.is_empty());
    }
}
