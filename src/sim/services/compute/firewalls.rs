//! VPC firewall rules. <https://cloud.google.com/compute/docs/reference/rest/v1/firewalls>

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{self, Field, any, choice, flag, int, link, message, text},
        links, names,
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

use super::references;

pub static KIND: Kind = Kind {
    collection: "compute.firewalls",
    service: Service::Compute,
    segment: "firewalls",
    regional: false,
    methods: "compute.firewalls",
    permissions: "compute.firewalls",
    message: "compute#firewall",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_firewall_rule", id: "firewall_rule_id", region: None },
    rules: &Firewall,
};

const PROTOCOLS: &[Field] = &[text("IPProtocol"), text("ports").repeated()];

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description"),
    link("network").fixed(),
    choice("direction", &["EGRESS", "INGRESS"]).fixed(),
    int("priority"),
    flag("disabled"),
    message("allowed", PROTOCOLS).repeated(),
    message("denied", PROTOCOLS).repeated(),
    text("sourceRanges").repeated(),
    text("destinationRanges").repeated(),
    text("sourceTags").repeated(),
    text("targetTags").repeated(),
    text("sourceServiceAccounts").repeated(),
    text("targetServiceAccounts").repeated(),
    message("logConfig", &[flag("enable"), choice("metadata", &["EXCLUDE_ALL_METADATA", "INCLUDE_ALL_METADATA"])]),
    any("params"),
];

const WITH_PORTS: [&str; 5] = ["tcp", "udp", "sctp", "6", "17"];

struct Firewall;

impl Rules for Firewall {
    fn complete(&self, draft: &Draft<'_>, document: &mut Map<String, Value>) {
        let network = links::full(&format!("projects/{}/global/networks/default", draft.project));
        let defaults = json!({
            "network": network,
            "direction": "INGRESS",
            "priority": 1000,
            "disabled": false,
            "logConfig": {"enable": false},
        });
        for (name, value) in defaults.as_object().into_iter().flatten() {
            document.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let given = |name: &str| document.contains_key(name);
        let everywhere = if is_egress(document) {
            (!given("destinationRanges")).then_some("destinationRanges")
        } else {
            let sources = ["sourceRanges", "sourceTags", "sourceServiceAccounts"];
            (!sources.into_iter().any(given)).then_some("sourceRanges")
        };
        if let Some(field) = everywhere {
            document.insert(field.to_owned(), json!(["0.0.0.0/0"]));
        }
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        references::reference(draft, document, "network")?;
        let given = |name: &str| document.contains_key(name);
        if given("allowed") == given("denied") {
            let why = "Exactly one of 'allowed' and 'denied' must be specified.";
            return Err(Refusal::value("resource.allowed", "", why));
        }
        if is_egress(document) && (given("sourceTags") || given("sourceServiceAccounts")) {
            let field = if given("sourceTags") { "sourceTags" } else { "sourceServiceAccounts" };
            let why = &format!("Firewall rules with direction EGRESS cannot specify {field}.");
            return Err(Refusal::value(&format!("resource.{field}"), "", why));
        }
        if given("targetTags") && given("targetServiceAccounts") {
            let why = "Target tags and target service accounts cannot be used together.";
            return Err(Refusal::value("resource.targetServiceAccounts", "", why));
        }
        let priority = document.get("priority").and_then(Value::as_i64).unwrap_or_default();
        if !(0..=65535).contains(&priority) {
            let why = "Must be between 0 and 65535, inclusive.";
            return Err(Refusal::value("resource.priority", &priority.to_string(), why));
        }
        check_ranges(document)?;
        check_tags(document)?;
        ["allowed", "denied"].into_iter().try_for_each(|field| check_protocols(document, field))
    }

    fn further_permissions(&self, document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        references::update_policy(document)
    }
}

fn is_egress(document: &Map<String, Value>) -> bool {
    document.get("direction").and_then(Value::as_str) == Some("EGRESS")
}

fn list<'a>(document: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    document.get(field).and_then(Value::as_array).into_iter().flatten().enumerate()
}

/// Ranges of one family, spelled as networks.
fn check_ranges(document: &Map<String, Value>) -> Result<(), Refusal> {
    let mut families = [false; 2];
    for field in ["sourceRanges", "destinationRanges"] {
        for (i, range) in list(document, field) {
            let text = range.as_str().unwrap_or_default();
            // A single address is kept as it is.
            let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
            let Some(parsed) = parsed else {
                let why = "Must be a CIDR address range.";
                return Err(Refusal::value(&format!("resource.{field}[{i}]"), text, why));
            };
            families[usize::from(parsed.addr().is_ipv6())] = true;
        }
    }
    if families == [true; 2] {
        let why = "IPv4 and IPv6 ranges cannot be mixed in one firewall rule.";
        return Err(Refusal::value("resource.sourceRanges", "", why));
    }
    Ok(())
}

fn check_tags(document: &Map<String, Value>) -> Result<(), Refusal> {
    for field in ["sourceTags", "targetTags"] {
        for (i, tag) in list(document, field) {
            let tag = tag.as_str().unwrap_or_default();
            if !names::is_label(tag, 1..=63) {
                return Err(Refusal::value(&format!("resource.{field}[{i}]"), tag, names::WANTED));
            }
        }
    }
    Ok(())
}

/// Protocols are named, ports are decimal and only where the protocol has them.
fn check_protocols(document: &Map<String, Value>, field: &str) -> Result<(), Refusal> {
    for (i, rule) in list(document, field) {
        let at = format!("resource.{field}[{i}]");
        let Some(protocol) = rule["IPProtocol"].as_str().filter(|protocol| !protocol.is_empty()) else {
            return Err(Refusal::required(&format!("{at}.IPProtocol")));
        };
        for (k, ports) in rule["ports"].as_array().into_iter().flatten().enumerate() {
            let ports = ports.as_str().unwrap_or_default();
            let why = "Ports must be a port or a port range of a protocol that has ports.";
            if !WITH_PORTS.contains(&protocol.to_ascii_lowercase().as_str()) || !is_port_range(ports) {
                return Err(Refusal::value(&format!("{at}.ports[{k}]"), ports, why));
            }
        }
    }
    Ok(())
}

fn is_port_range(text: &str) -> bool {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
}
