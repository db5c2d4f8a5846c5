//! What a connector can reach: sets of IPv4 range × protocol × ports, and how rules and policies decide over them.

mod services;

use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use super::{
    ports,
    state::{
        effective::{EffectiveFirewalls, FirewallPolicy, PolicyRule},
        firewall::{Direction, Firewall},
    },
};

/// One box of packets; every bound is inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packets {
    to: RangeInclusive<u32>,
    protocol: RangeInclusive<u8>,
    port: RangeInclusive<u16>,
}

/// A set of packets, as boxes that may overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(Vec<Packets>);

impl Reach {
    pub fn everything() -> Self {
        Self(vec![Packets { to: 0..=u32::MAX, protocol: 0..=255, port: 0..=u16::MAX }])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ranges that are not IPv4, and protocols Google would not know, hold no packet here.
    pub fn of<'a>(
        ranges: impl IntoIterator<Item = &'a str>,
        layer4: impl IntoIterator<Item = (&'a str, &'a [String])> + Clone,
    ) -> Self {
        let mut boxes = Vec::new();
        for net in ranges.into_iter().filter_map(|text| text.parse::<Ipv4Net>().ok()) {
            for (protocol, port_texts) in layer4.clone() {
                let Some(protocol) = ports::protocols(protocol) else { continue };
                let all = [0..=u16::MAX];
                let some: Vec<_> = port_texts.iter().filter_map(|text| ports::range(text)).collect();
                let port_ranges = if port_texts.is_empty() { all.as_slice() } else { &some };
                boxes.extend(port_ranges.iter().map(|port| Packets {
                    to: u32::from(net.network())..=u32::from(net.broadcast()),
                    protocol: protocol.clone(),
                    port: port.clone(),
                }));
            }
        }
        Self(boxes)
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().flat_map(|a| other.0.iter().filter_map(move |b| overlap(a, b))).collect())
    }

    pub fn or(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    pub fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for cut in &other.0 {
            left = left.iter().flat_map(|piece| difference(piece, cut)).collect();
        }
        Self(left)
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().any(|a| other.0.iter().any(|b| overlap(a, b).is_some()))
    }

    pub fn contains(&self, other: &Self) -> bool {
        other.without(self).is_empty()
    }
}

fn overlap(a: &Packets, b: &Packets) -> Option<Packets> {
    fn both<T: Ord + Copy>(a: &RangeInclusive<T>, b: &RangeInclusive<T>) -> Option<RangeInclusive<T>> {
        let range = *a.start().max(b.start())..=*a.end().min(b.end());
        (range.start() <= range.end()).then_some(range)
    }
    Some(Packets { to: both(&a.to, &b.to)?, protocol: both(&a.protocol, &b.protocol)?, port: both(&a.port, &b.port)? })
}

/// `a` without `b`: what stands below and above the overlap, one dimension after the other.
fn difference(a: &Packets, b: &Packets) -> Vec<Packets> {
    let Some(hole) = overlap(a, b) else { return vec![a.clone()] };
    let mut rest = a.clone();
    let mut pieces = Vec::new();
    macro_rules! cut {
        ($field:ident) => {
            if rest.$field.start() < hole.$field.start() {
                pieces.push(Packets { $field: *rest.$field.start()..=*hole.$field.start() - 1, ..rest.clone() });
            }
            if rest.$field.end() > hole.$field.end() {
                pieces.push(Packets { $field: *hole.$field.end() + 1..=*rest.$field.end(), ..rest.clone() });
            }
            rest.$field = hole.$field.clone();
        };
    }
    cut!(to);
    cut!(protocol);
    cut!(port);
    // What is left of `rest` is the overlap itself.
    let _ = rest;
    pieces
}

/// What a firewall rule matches for packets that leave.
pub fn of_rule(rule: &Firewall) -> Reach {
    let entries = if rule.is_deny() { &rule.denied } else { &rule.allowed };
    let anywhere = ["0.0.0.0/0".to_owned()];
    let ranges = if rule.destination_ranges.is_empty() { &anywhere[..] } else { &rule.destination_ranges };
    Reach::of(
        ranges.iter().map(String::as_str),
        entries.iter().map(|entry| (entry.protocol.as_str(), entry.ports.as_slice())),
    )
}

/// All that a policy's rule may match. What it names by anything but ranges may lie anywhere.
fn of_policy_rule(rule: &PolicyRule) -> Reach {
    let anywhere = ["0.0.0.0/0".to_owned()];
    let ranges = &rule.matches.dest_ip_ranges;
    let ranges = if ranges.is_empty() || !rule.matches.is_by_range() { &anywhere[..] } else { ranges };
    Reach::of(
        ranges.iter().map(String::as_str),
        rule.matches.layer4_configs.iter().map(|config| (config.ip_protocol.as_str(), config.ports.as_slice())),
    )
}

/// Whose packets: the tags of a connector's instances and the range they live in.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub tag: &'a str,
    pub range: Option<Ipv4Net>,
}

/// Every connector's instances bear this tag beside their own.
pub const COMMON_TAG: &str = "vpc-connector";

/// Whether a rule decides about a packet that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    Never,
    /// For some instances, or some of the packets, and which of them cannot be told from here.
    Perhaps,
    Always,
}

impl Sender<'_> {
    /// Whether the rule is on, about egress, and meant for these instances. Rules for service accounts are not: a
    /// connector's is Google's own.
    pub fn hit(&self, rule: &Firewall) -> Hit {
        let meant = rule.direction == Direction::Egress
            && !rule.disabled
            && rule.target_service_accounts.is_empty()
            && (rule.target_tags.is_empty() || rule.target_tags.iter().any(|tag| tag == self.tag || tag == COMMON_TAG));
        if meant { self.lives_in(&rule.source_ranges) } else { Hit::Never }
    }

    /// Firewall policies know no network tags: only address ranges can tell a connector.
    fn hit_by_policy(&self, rule: &PolicyRule) -> Hit {
        let meant = rule.direction == Direction::Egress
            && !rule.disabled
            && rule.target_service_accounts.is_empty()
            && rule.target_secure_tags.is_empty();
        let most = if rule.matches.is_by_range() { Hit::Always } else { Hit::Perhaps };
        if meant { self.lives_in(&rule.matches.src_ip_ranges).min(most) } else { Hit::Never }
    }

    fn lives_in(&self, ranges: &[String]) -> Hit {
        // An unknown range may lie in any.
        let Some(own) = self.range.filter(|_| !ranges.is_empty()) else {
            return if ranges.is_empty() { Hit::Always } else { Hit::Perhaps };
        };
        let nets = ranges.iter().filter_map(|text| text.parse::<Ipv4Net>().ok());
        let hits = nets.map(|net| match (net.contains(&own), own.contains(&net)) {
            (true, _) => Hit::Always,
            (false, true) => Hit::Perhaps,
            (false, false) => Hit::Never,
        });
        hits.max().unwrap_or(Hit::Never)
    }
}

/// One rule's verdict over the packets that reached it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The rule's name; for a policy's rule `POLICY rule PRIORITY`.
    pub by: String,
    pub kind: VerdictKind,
    pub stage: Stage,
    pub packets: Reach,
}

/// Where in Google's order a verdict falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A policy that stands before every VPC rule.
    Before,
    /// A VPC rule of this priority.
    Rule(u32),
    /// A network policy behind the VPC rules.
    Behind,
    Implied,
}

impl Stage {
    /// An allow rule of `priority` decides before this verdict; at equal priority a deny does.
    pub fn is_after(self, priority: u32) -> bool {
        match self {
            Self::Before => false,
            Self::Rule(own) => own > priority,
            Self::Behind | Self::Implied => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    Allow,
    Deny,
}

/// How everything is decided, in Google's order: hierarchical policies, VPC rules, network policies (or these before the
/// rules, where the network says so), then the implied allow. A rule that decides only perhaps leaves its packets to those
/// behind it too: what may be let out counts as let out, what may be stopped as stopped. All other verdicts are disjoint.
pub fn decide<'a>(
    sender: Sender<'_>,
    rules: impl IntoIterator<Item = &'a Firewall>,
    effective: &EffectiveFirewalls,
    policies_first: bool,
) -> Vec<Verdict> {
    let mut table = Table { left: Reach::everything(), verdicts: Vec::new() };
    let (above, beside): (Vec<&FirewallPolicy>, Vec<_>) =
        effective.firewall_policys.iter().partition(|policy| policy.is_hierarchical());
    let hits = rules.into_iter().map(|rule| (rule, sender.hit(rule)));
    let mut vpc: Vec<(&Firewall, Hit)> = hits.filter(|(_, hit)| *hit != Hit::Never).collect();
    // "DENY rules take precedence over ALLOW rules if they have equal priority."
    vpc.sort_by_key(|(rule, _)| (rule.priority, !rule.is_deny(), rule.name.as_str()));

    above.iter().for_each(|policy| table.policy(sender, policy, Stage::Before));
    if policies_first {
        beside.iter().for_each(|policy| table.policy(sender, policy, Stage::Before));
    }
    for (rule, hit) in vpc {
        let kind = if rule.is_deny() { VerdictKind::Deny } else { VerdictKind::Allow };
        table.take(&rule.name, &[kind], Stage::Rule(rule.priority), &of_rule(rule), hit);
    }
    if !policies_first {
        beside.iter().for_each(|policy| table.policy(sender, policy, Stage::Behind));
    }
    let left = std::mem::take(&mut table.left);
    table.verdicts.push(Verdict {
        by: "the implied allow".into(),
        kind: VerdictKind::Allow,
        stage: Stage::Implied,
        packets: left,
    });
    table.verdicts
}

/// All that gets out.
pub fn allowed(verdicts: &[Verdict]) -> Reach {
    verdicts
        .iter()
        .filter(|verdict| verdict.kind == VerdictKind::Allow)
        .fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets))
}

/// How a verdict names a policy's rule.
pub fn name_of(policy: &FirewallPolicy, rule: &PolicyRule) -> String {
    format!("{} rule {}", policy.title(), rule.priority)
}

struct Table {
    left: Reach,
    verdicts: Vec<Verdict>,
}

impl Table {
    fn take(&mut self, by: &str, kinds: &[VerdictKind], stage: Stage, matched: &Reach, hit: Hit) {
        let packets = self.left.and(matched);
        if packets.is_empty() {
            return;
        }
        if hit == Hit::Always {
            self.left = self.left.without(&packets);
        }
        self.verdicts.extend(kinds.iter().map(|&kind| Verdict {
            by: by.to_owned(),
            kind,
            stage,
            packets: packets.clone(),
        }));
    }

    /// Within one policy the first match counts; `goto_next` and no match hand on to what stands behind.
    fn policy(&mut self, sender: Sender<'_>, policy: &FirewallPolicy, stage: Stage) {
        let hits = policy.rules.iter().map(|rule| (rule, sender.hit_by_policy(rule)));
        let mut rules: Vec<_> = hits.filter(|(_, hit)| *hit != Hit::Never).collect();
        rules.sort_by_key(|(rule, _)| rule.priority);
        let mut passed_on = Reach::default();
        for (rule, hit) in rules {
            let matched = of_policy_rule(rule);
            let name = name_of(policy, rule);
            match rule.action.as_str() {
                "allow" => self.take(&name, &[VerdictKind::Allow], stage, &matched, hit),
                "deny" => self.take(&name, &[VerdictKind::Deny], stage, &matched, hit),
                // An inspection decides for each packet, and nothing behind it is asked.
                "apply_security_profile_group" => {
                    self.take(&name, &[VerdictKind::Allow, VerdictKind::Deny], stage, &matched, hit);
                }
                _ => {
                    passed_on = passed_on.or(&self.left.and(&matched));
                    if hit == Hit::Always {
                        self.left = self.left.without(&matched);
                    }
                }
            }
        }
        self.left = std::mem::take(&mut self.left).or(&passed_on);
    }
}
