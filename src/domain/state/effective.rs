use serde::{Deserialize, Serialize};

use super::firewall::Direction;
use crate::domain::names::{NetworkRef, relative};

/// What `regionNetworkFirewallPolicies.getEffectiveFirewalls` tells: the firewall policies over a network in a region.
/// Google spells the list `firewallPolicys`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EffectiveFirewalls {
    pub firewall_policys: Vec<FirewallPolicy>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FirewallPolicy {
    pub name: String,
    pub short_name: String,
    pub display_name: String,
    /// `HIERARCHY`, `NETWORK`, `NETWORK_REGIONAL` or `SYSTEM…`: see [`PolicyKind`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The association's: 1 is asked first. Google's default is 1000.
    pub priority: Option<u32>,
    pub rules: Vec<PolicyRule>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    pub priority: u32,
    pub direction: Direction,
    /// `allow`, `deny`, `goto_next`, `apply_security_profile_group`.
    pub action: String,
    pub disabled: bool,
    #[serde(rename = "match")]
    pub matches: RuleMatch,
    pub target_service_accounts: Vec<String>,
    pub target_secure_tags: Vec<serde_json::Value>,
    /// `INSTANCES`, which is the default, or `INTERNAL_MANAGED_LB`.
    pub target_type: String,
    pub target_forwarding_rules: Vec<String>,
    /// Networks the rule is limited to; none = all.
    pub target_resources: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RuleMatch {
    pub src_ip_ranges: Vec<String>,
    pub dest_ip_ranges: Vec<String>,
    pub layer4_configs: Vec<Layer4Config>,
    /// Regions, domain names, address groups, threat lists, …
    #[serde(flatten)]
    pub other: super::Other,
}

/// Parameters of a destination beside its ranges: a packet has to match one of them.
const NAMED_DESTINATIONS: [&str; 4] = ["destAddressGroups", "destFqdns", "destRegionCodes", "destThreatIntelligences"];

impl RuleMatch {
    /// The destination is named by domain names, regions, lists of threats or groups too: which addresses these are is
    /// not known here.
    pub fn names_destinations(&self) -> bool {
        self.asked().any(|field| NAMED_DESTINATIONS.contains(&field))
    }

    /// The rule asks about something else: a network context, or what is not known here.
    pub fn asks_more(&self) -> bool {
        self.asked().any(|field| !NAMED_DESTINATIONS.contains(&field))
    }

    fn asked(&self) -> impl Iterator<Item = &str> {
        let says_nothing = |value: &serde_json::Value| {
            value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == "UNSPECIFIED" || value == ""
        };
        self.other.iter().filter(move |(_, value)| !says_nothing(value)).map(|(field, _)| field.as_str())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Layer4Config {
    pub ip_protocol: String,
    pub ports: Vec<String>,
}

impl EffectiveFirewalls {
    /// Without the rules that name other networks only. One that names a network of this name in a project by its number
    /// may be about this one.
    pub fn over(mut self, network: &NetworkRef) -> Self {
        let path = network.to_string();
        let may_be = |named: &String| {
            let other = NetworkRef::try_from(relative(named).to_owned());
            other.is_ok_and(|other| other.project.is_number() && other.name == network.name)
        };
        for policy in &mut self.firewall_policys {
            policy.rules.retain_mut(|rule| {
                let named = &rule.target_resources;
                if named.is_empty() || named.iter().any(|named| relative(named) == path) {
                    return true;
                }
                let perhaps = named.iter().any(may_be);
                if perhaps {
                    rule.matches.other.insert("targetResources".to_owned(), serde_json::json!(named));
                }
                perhaps
            });
        }
        self
    }
}

impl FirewallPolicy {
    pub fn title(&self) -> &str {
        [&self.short_name, &self.display_name, &self.name]
            .into_iter()
            .find(|name| !name.is_empty())
            .map_or("unnamed policy", |name| name)
    }

    pub fn kind(&self) -> PolicyKind {
        match self.kind.as_str() {
            "HIERARCHY" => PolicyKind::Hierarchy,
            "SYSTEM" | "SYSTEM_GLOBAL" => PolicyKind::System,
            "SYSTEM_REGIONAL" => PolicyKind::SystemRegional,
            "NETWORK" => PolicyKind::Network,
            "NETWORK_REGIONAL" => PolicyKind::NetworkRegional,
            _ => PolicyKind::Unknown,
        }
    }

    pub fn association_priority(&self) -> u32 {
        self.priority.unwrap_or(1000)
    }
}

/// What kind of policy it is, in the order in which Google asks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyKind {
    /// Where it is asked is unknown.
    Unknown,
    Hierarchy,
    System,
    SystemRegional,
    Network,
    NetworkRegional,
}

impl PolicyKind {
    /// The network says whether it is asked before the VPC rules or behind them.
    pub fn is_of_network(self) -> bool {
        matches!(self, Self::Network | Self::NetworkRegional)
    }
}
