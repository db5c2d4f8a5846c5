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
    /// `HIERARCHY`, `NETWORK`, `NETWORK_REGIONAL` or `SYSTEM…`.
    #[serde(rename = "type")]
    pub kind: String,
    pub rules: Vec<PolicyRule>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    pub priority: u32,
    pub direction: Direction,
    /// `allow`, `deny`, `goto_next`, …
    pub action: String,
    pub disabled: bool,
    #[serde(rename = "match")]
    pub matches: RuleMatch,
    pub target_service_accounts: Vec<String>,
    pub target_secure_tags: Vec<serde_json::Value>,
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

impl RuleMatch {
    /// Addresses, protocols and ports are all that the rule asks about.
    pub fn is_by_range(&self) -> bool {
        self.other.values().all(|asked| asked.as_array().is_some_and(Vec::is_empty))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Layer4Config {
    pub ip_protocol: String,
    pub ports: Vec<String>,
}

impl EffectiveFirewalls {
    /// Without the rules that name other networks only.
    pub fn over(mut self, network: &NetworkRef) -> Self {
        let network = network.to_string();
        for policy in &mut self.firewall_policys {
            policy.rules.retain(|rule| {
                let named = &rule.target_resources;
                named.is_empty() || named.iter().any(|named| relative(named) == network)
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

    pub fn is_hierarchical(&self) -> bool {
        self.kind == "HIERARCHY" || self.kind.starts_with("SYSTEM")
    }
}
