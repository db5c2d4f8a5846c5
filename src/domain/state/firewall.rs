use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Other;
use crate::domain::ports::Layer4;

/// A VPC firewall rule: `compute.firewalls`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Firewall {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub network: String,
    pub direction: Direction,
    pub priority: u32,
    /// `true` = as if absent.
    pub disabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Layer4>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Layer4>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_ranges: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_ranges: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_service_accounts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_service_accounts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_config: Option<LogConfig>,
    #[serde(flatten)]
    pub other: Other,
}

/// Google's default is INGRESS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    #[default]
    Ingress,
    Egress,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// Said even where it is off: a merge patch keeps what it does not say.
    pub enable: bool,
    #[serde(flatten)]
    pub other: Other,
}

impl Firewall {
    /// The fields that we manage, in a form in which equal means equal: Google's fill-ins made explicit, lists as sets.
    pub fn managed(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("network", super::super::names::relative(&self.network).to_owned()),
            ("direction", format!("{:?}", self.direction).to_uppercase()),
            ("priority", self.priority.to_string()),
            ("disabled", self.disabled.to_string()),
            ("allowed", protocols(&self.allowed)),
            ("denied", protocols(&self.denied)),
            ("sourceRanges", ranges(&self.source_ranges)),
            ("destinationRanges", ranges(&self.destination_ranges)),
            ("sourceTags", set(&self.source_tags)),
            ("targetTags", set(&self.target_tags)),
            ("sourceServiceAccounts", set(&self.source_service_accounts)),
            ("targetServiceAccounts", set(&self.target_service_accounts)),
            ("logging", self.is_logged().to_string()),
        ])
    }

    pub fn is_logged(&self) -> bool {
        self.log_config.as_ref().is_some_and(|log| log.enable)
    }

    pub fn created(&self) -> Option<Timestamp> {
        self.other.get("creationTimestamp")?.as_str()?.parse().ok()
    }

    pub fn is_deny(&self) -> bool {
        !self.denied.is_empty()
    }
}

fn set(values: &[String]) -> String {
    values.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

/// A single address may be written without its prefix.
fn ranges(values: &[String]) -> String {
    let whole = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address).to_string(),
        Err(_) => text.clone(),
    };
    set(&values.iter().map(whole).collect::<Vec<_>>())
}

fn protocols(entries: &[Layer4]) -> String {
    let mut by_protocol: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut whole: BTreeSet<String> = BTreeSet::new();
    for entry in entries {
        let protocol = entry.protocol.to_ascii_lowercase();
        if entry.ports.is_empty() {
            whole.insert(protocol.clone());
        }
        by_protocol.entry(protocol).or_default().extend(entry.ports.iter().map(String::as_str));
    }
    by_protocol
        .into_iter()
        .map(|(protocol, ports)| match whole.contains(&protocol) || ports.is_empty() {
            true => protocol,
            false => format!("{protocol}:{}", ports.into_iter().collect::<Vec<_>>().join(",")),
        })
        .collect::<Vec<_>>()
        .join(" ")
}
