//! One packet on its way through the firewall of a network, rule by rule, on the documents that Google's API returns. It
//! shares no code with `domain::reach`, and works on single packets where that works on sets: a mistake of the one is not
//! the other's.
//! <https://cloud.google.com/firewall/docs/firewall-policies-overview>, <https://cloud.google.com/firewall/docs/firewalls>

use std::{cmp::Reverse, net::Ipv4Addr};

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub to: u32,
    pub protocol: u8,
    pub port: u16,
}

/// The instances that send it. What is unknown of them (service account, secure tags) is Google's own for a connector's:
/// rules for other accounts or tags are not about them.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub tags: &'a [&'a str],
    /// The first and the last of their addresses.
    pub from: Option<(u32, u32)>,
}

/// Whether a rule is about a packet; `Maybe` where the documents do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    No,
    Maybe,
    Yes,
}

/// What can become of a packet: more than one thing where the documents do not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fate {
    /// The rules that allow it, or `implied`.
    pub allowed_by: Vec<String>,
    pub denied_by: Vec<String>,
}

impl Fate {
    pub fn surely_allowed(&self) -> bool {
        self.denied_by.is_empty()
    }

    pub fn surely_denied(&self) -> bool {
        self.allowed_by.is_empty()
    }
}

/// All that decides over a network's packets.
#[derive(Clone, Copy)]
pub struct Network<'a> {
    /// `projects/P/global/networks/N`.
    pub path: &'a str,
    /// VPC rules.
    pub rules: &'a [Value],
    /// The policies of `getEffectiveFirewalls`.
    pub policies: &'a [Value],
    /// `networkFirewallPolicyEnforcementOrder` is BEFORE_CLASSIC_FIREWALL.
    pub policies_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
    /// An inspection decides.
    Either,
    Next,
    Unknown,
}

/// Rules of which the first match decides, or hands on to the stage behind.
struct Stage {
    rules: Vec<(Match, Action, String)>,
    /// Where in the order it counts is unknown: another stage may decide before it.
    unplaced: bool,
}

impl Network<'_> {
    pub fn walk(&self, sender: Sender<'_>, packet: Packet) -> Fate {
        let mut fate = Fate::default();
        for stage in self.stages(sender, packet) {
            let mut passed_on = stage.unplaced;
            let mut decided = false;
            for (matches, action, name) in stage.rules.into_iter().filter(|(matches, ..)| *matches != Match::No) {
                if matches!(action, Action::Allow | Action::Either | Action::Unknown) {
                    fate.allowed_by.push(name.clone());
                }
                if matches!(action, Action::Deny | Action::Either | Action::Unknown) {
                    fate.denied_by.push(name);
                }
                passed_on |= matches!(action, Action::Next | Action::Unknown);
                if matches == Match::Yes {
                    decided = true;
                    break;
                }
            }
            if decided && !passed_on {
                return fate;
            }
        }
        fate.allowed_by.push("implied".to_owned());
        fate
    }

    fn stages(&self, sender: Sender<'_>, packet: Packet) -> Vec<Stage> {
        let mut policies: Vec<&Value> = self.policies.iter().collect();
        let rank = |policy: &Value| match policy["type"].as_str().unwrap_or_default() {
            "HIERARCHY" => 1,
            "SYSTEM" | "SYSTEM_GLOBAL" => 2,
            "SYSTEM_REGIONAL" => 3,
            "NETWORK" => 4,
            "NETWORK_REGIONAL" => 5,
            _ => 0,
        };
        policies.sort_by_key(|policy| {
            (rank(policy), policy["priority"].as_u64().unwrap_or(1000), policy["name"].as_str().map(str::to_owned))
        });
        let stage = |policy: &&Value| Stage { rules: self.policy(sender, packet, policy), unplaced: rank(policy) == 0 };
        let (above, beside): (Vec<&Value>, Vec<&Value>) = policies.into_iter().partition(|policy| rank(policy) < 4);
        let mut stages: Vec<Stage> = above.iter().map(stage).collect();
        let rules = Stage { rules: self.vpc_rules(sender, packet), unplaced: false };
        if self.policies_first {
            stages.extend(beside.iter().map(stage));
            stages.push(rules);
        } else {
            stages.push(rules);
            stages.extend(beside.iter().map(stage));
        }
        stages
    }

    fn vpc_rules(&self, sender: Sender<'_>, packet: Packet) -> Vec<(Match, Action, String)> {
        let about = |rule: &&Value| {
            rule["direction"] == "EGRESS"
                && rule["disabled"] != true
                && rule["network"].as_str().is_some_and(|link| link.ends_with(self.path))
                && texts(&rule["targetServiceAccounts"]).is_empty()
        };
        let mut rules: Vec<&Value> = self.rules.iter().filter(about).collect();
        let denies = |rule: &Value| rule["denied"].as_array().is_some_and(|entries| !entries.is_empty());
        rules.sort_by_key(|rule| (rule["priority"].as_u64().unwrap_or(1000), Reverse(denies(rule))));
        let entry = |rule: &Value| {
            let deny = denies(rule);
            let targets = texts(&rule["targetTags"]);
            let targeted = targets.is_empty() || targets.iter().any(|tag| sender.tags.contains(tag));
            let matches = if targeted { Match::Yes } else { Match::No }
                .min(from(sender, &texts(&rule["sourceRanges"])))
                .min(to(packet, &texts(&rule["destinationRanges"])).unwrap_or(Match::Yes))
                .min(layer4(packet, &rule[if deny { "denied" } else { "allowed" }], "IPProtocol"));
            let name = rule["name"].as_str().unwrap_or_default().to_owned();
            (matches, if deny { Action::Deny } else { Action::Allow }, name)
        };
        rules.into_iter().map(entry).collect()
    }

    fn policy(&self, sender: Sender<'_>, packet: Packet, policy: &Value) -> Vec<(Match, Action, String)> {
        let mut rules: Vec<&Value> = policy["rules"].as_array().into_iter().flatten().collect();
        rules.retain(|rule| rule["direction"] == "EGRESS" && rule["disabled"] != true);
        rules.sort_by_key(|rule| rule["priority"].as_u64());
        let entry = |rule: &Value| {
            let action = match rule["action"].as_str().unwrap_or_default() {
                "allow" => Action::Allow,
                "deny" => Action::Deny,
                "goto_next" => Action::Next,
                "apply_security_profile_group" => Action::Either,
                _ => Action::Unknown,
            };
            let matches = self.targeted(rule).min(matcher(sender, packet, &rule["match"]));
            (matches, action, format!("{} rule {}", policy["name"].as_str().unwrap_or_default(), rule["priority"]))
        };
        rules.into_iter().map(entry).collect()
    }

    fn targeted(&self, rule: &Value) -> Match {
        let networks = texts(&rule["targetResources"]);
        let elsewhere = !networks.is_empty() && !networks.iter().any(|link| link.ends_with(self.path));
        let empty = |field: &str| rule[field].as_array().is_none_or(Vec::is_empty);
        if elsewhere || !empty("targetServiceAccounts") || !empty("targetSecureTags") || !empty("targetForwardingRules")
        {
            return Match::No;
        }
        match rule["targetType"].as_str() {
            None | Some("INSTANCES") => Match::Yes,
            Some("INTERNAL_MANAGED_LB") => Match::No,
            Some(_) => Match::Maybe,
        }
    }
}

/// A policy rule's `match`. Of a destination's parameters one has to match, and its network context beside them.
fn matcher(sender: Sender<'_>, packet: Packet, matcher: &Value) -> Match {
    let ranges = to(packet, &texts(&matcher["destIpRanges"]));
    let (mut named, mut rest) = (None, Match::Yes);
    for (field, value) in matcher.as_object().into_iter().flatten() {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == "UNSPECIFIED";
        match field.as_str() {
            "srcIpRanges" | "destIpRanges" | "layer4Configs" => {}
            _ if is_empty => {}
            "destFqdns" | "destRegionCodes" | "destThreatIntelligences" | "destAddressGroups" => {
                named = Some(Match::Maybe);
            }
            _ => rest = Match::Maybe,
        }
    }
    let destination = ranges.max(named).unwrap_or(Match::Yes);
    from(sender, &texts(&matcher["srcIpRanges"])).min(destination).min(rest).min(layer4(
        packet,
        &matcher["layer4Configs"],
        "ipProtocol",
    ))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The first and the last address of a range, or of a single address.
pub fn range(text: &str) -> Option<(u32, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let hosts = match bits.parse().ok()? {
        0 => u32::MAX,
        bits @ 1..=32_u32 => (1_u32 << (32 - bits)).wrapping_sub(1),
        _ => return None,
    };
    Some((address & !hosts, address | hosts))
}

fn is_v6(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "128"));
    address.parse::<std::net::Ipv6Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 128)
}

/// Whether a destination lies in one of the ranges; `None` = there are none.
fn to(packet: Packet, ranges: &[&str]) -> Option<Match> {
    let one = |text: &&str| match range(text) {
        Some((first, last)) if first <= packet.to && packet.to <= last => Match::Yes,
        Some(_) => Match::No,
        None if is_v6(text) => Match::No,
        None => Match::Maybe,
    };
    ranges.iter().map(one).max()
}

fn from(sender: Sender<'_>, ranges: &[&str]) -> Match {
    if ranges.is_empty() {
        return Match::Yes;
    }
    let Some((first, last)) = sender.from else {
        return if ranges.iter().all(|text| is_v6(text)) { Match::No } else { Match::Maybe };
    };
    let each = (first..=last).map(|address| to(Packet { to: address, protocol: 0, port: 0 }, ranges));
    let each: Vec<Match> = each.flatten().collect();
    match (each.iter().min(), each.iter().max()) {
        (Some(least), Some(most)) if least == most => *least,
        _ => Match::Maybe,
    }
}

fn layer4(packet: Packet, entries: &Value, key: &str) -> Match {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |entry: &Value| {
        let protocol = match entry[key].as_str().unwrap_or_default().to_lowercase().as_str() {
            "all" => Match::Yes,
            name => match number(name) {
                Some(number) if number == packet.protocol => Match::Yes,
                Some(_) => Match::No,
                None => Match::Maybe,
            },
        };
        let ports = texts(&entry["ports"]).into_iter().map(|text| port(packet.port, text)).max();
        protocol.min(ports.unwrap_or(Match::Yes))
    };
    // Google asks for one at least.
    entries.iter().map(one).max().unwrap_or(Match::Maybe)
}

pub fn number(name: &str) -> Option<u8> {
    let known = [("icmp", 1), ("tcp", 6), ("udp", 17), ("esp", 50), ("ah", 51), ("ipip", 94), ("sctp", 132)];
    known.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).or_else(|| name.parse().ok())
}

fn port(port: u16, text: &str) -> Match {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.trim().parse::<u16>(), high.trim().parse::<u16>()) {
        (Ok(low), Ok(high)) if low <= port && port <= high => Match::Yes,
        (Ok(_), Ok(_)) => Match::No,
        _ => Match::Maybe,
    }
}
