//! Values of one word: names, ranges, ports, dates. The schema knows them by the names of these types.

use ipnet::Ipv4Net;
use jiff::civil::Date;
use schemars::JsonSchema;

use super::sections;
use crate::domain::{
    names::{ConnectorName, NameError, ProjectId, Region, ResourceName},
    ports,
};

/// An IPv4 range, such as `10.8.0.0/20`.
#[derive(JsonSchema)]
pub struct Ipv4Range(#[allow(dead_code, reason = "its schema is what is used")] String);

/// A protocol with a port or a range of ports, or a protocol alone: `tcp:443`, `udp:8000-8080`, `icmp`.
#[derive(JsonSchema)]
pub struct Ports(#[allow(dead_code, reason = "its schema is what is used")] String);

/// A day, such as `2027-01-31`.
#[derive(JsonSchema)]
pub struct Day(#[allow(dead_code, reason = "its schema is what is used")] String);

/// A network's name, or `projects/PROJECT_ID/global/networks/NAME`.
#[derive(JsonSchema)]
pub struct NetworkName(#[allow(dead_code, reason = "its schema is what is used")] String);

/// The name of a static regional address.
#[derive(JsonSchema)]
pub struct StaticAddress(#[allow(dead_code, reason = "its schema is what is used")] String);

/// A network tag: 1 to 63 lower-case letters, digits and hyphens.
#[derive(JsonSchema)]
pub struct NetworkTag(#[allow(dead_code, reason = "its schema is what is used")] String);

/// Tells what is wrong with a word.
type Read = fn(&str) -> Result<(), String>;

/// What a word must be.
pub(super) struct Leaf {
    pub expected: &'static str,
    /// Taken in place of a word that is wrong, so that the rest of the policy can be checked too.
    pub placeholder: &'static str,
    pub read: Read,
}

/// By the name of its type in the schema.
pub(super) fn of(name: &str) -> Option<Leaf> {
    let (expected, placeholder, read): (_, _, Read) = match name {
        "ProjectId" => ("a project id", "unknown-project", |text| named(ProjectId::parse(text))),
        "Region" => ("a region such as europe-west2", "unknown-region1", |text| named(Region::parse(text))),
        "ConnectorName" => ("the name of a connector", "unknown", |text| named(ConnectorName::parse(text))),
        "NetworkName" => ("a network's name, or projects/PROJECT_ID/global/networks/NAME", "unknown", |text| {
            named(sections::NetworkName::try_from(text.to_owned()))
        }),
        "StaticAddress" => ("the name of a regional address", "unknown", |text| named(ResourceName::parse(text))),
        "NetworkTag" => ("a network tag", "unknown", |text| named(ResourceName::parse(text))),
        "Ipv4Range" => ("an IPv4 range such as 10.8.0.0/20", "192.0.2.0/24", |text| range(text).map(|_| ())),
        "Ports" => ("a protocol and ports such as tcp:443, udp:8000-8080 or icmp", "tcp:443", |text| {
            let words = || format!("found {text:?}, expected one such as tcp:443, udp:8000-8080 or icmp");
            ports::parse(text).map(|_| ()).ok_or_else(words)
        }),
        "Day" => ("a day such as 2027-01-31", "9999-12-30", |text| {
            let words = |_| format!("found {text:?}, expected a day such as 2027-01-31");
            text.parse::<Date>().map(|_| ()).map_err(words)
        }),
        _ => return None,
    };
    Some(Leaf { expected, placeholder, read })
}

fn named<T>(read: Result<T, NameError>) -> Result<(), String> {
    read.map(|_| ()).map_err(|NameError { found, expected, .. }| format!("found {found:?}, expected {expected}"))
}

/// An IPv4 range as a person writes it.
pub(super) fn range(text: &str) -> Result<Ipv4Net, String> {
    match text.parse::<Ipv4Net>() {
        Ok(range) if range.addr() == range.network() => Ok(range),
        Ok(range) => Err(format!("found {text:?}, expected {}: bits are set beyond the prefix", range.trunc())),
        Err(_) if text.contains(':') => Err(format!(
            "found {text:?}, expected an IPv4 range such as 10.8.0.0/20: traffic through a connector is IPv4 only"
        )),
        Err(_) if is_host(text) => Err(format!(
            "found the host name {text:?}, expected an IPv4 range such as 203.0.113.0/24: VPC firewall rules match addresses, not names. List the ranges that its owner publishes; or allow the name by a rule with `--dest-fqdns` in a firewall policy that is evaluated before VPC firewall rules; or send this traffic through a proxy, such as Secure Web Proxy, and allow the proxy's address"
        )),
        Err(_) => Err(format!("found {text:?}, expected an IPv4 range such as 10.8.0.0/20")),
    }
}

/// `api.example.com`, `*.example.com`, `localhost`: anything with letters and no prefix.
fn is_host(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.*".contains(&b))
        && text.contains('.')
}
