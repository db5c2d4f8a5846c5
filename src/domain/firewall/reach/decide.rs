//! How rules and policies decide over a connector's packets, in Google's order.
//! <https://cloud.google.com/firewall/docs/firewall-policies-rule-eval-order>

use ipnet::Ipv4Net;

use super::{
    dimensions::Address,
    matching::{self, Matched},
    packets::Reach,
};
use crate::domain::state::{
    effective::{EffectiveFirewalls, FirewallPolicy, PolicyKind, PolicyRule},
    firewall::{Direction, Firewall},
};

/// Whose packets: which instances, and the range they live in.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    pub machines: Machines<'a>,
    pub range: Option<Ipv4Net>,
}

/// What tells a rule's targets apart.
#[derive(Debug, Clone, Copy)]
pub enum Machines<'a> {
    /// A connector's, by its own tag. Their service account is Google's.
    Connector(&'a str),
    /// Those of Direct VPC egress, by the network tags of the interface. Their service account is the workload's.
    Direct(&'a [String]),
}

/// Every connector's instances bear this tag beside their own.
pub const COMMON_TAG: &str = "vpc-connector";

/// Whether a rule decides about a packet that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    None,
    /// For some instances, or some of the packets, and which of them cannot be told from here.
    Partial,
    Full,
}

impl<'a> Sender<'a> {
    pub fn connector(tag: &'a str, range: Option<Ipv4Net>) -> Self {
        Self { machines: Machines::Connector(tag), range }
    }

    /// Whether the rule is on, about egress, and meant for these instances.
    pub fn hit(&self, rule: &Firewall) -> Match {
        let tagged = || rule.target_tags.is_empty() || rule.target_tags.iter().any(|tag| self.machines.bear(tag));
        match rule.direction == Direction::Egress && !rule.disabled && tagged() {
            true => self.lives_in(&rule.source_ranges).min(self.machines.run_as(&rule.target_service_accounts)),
            false => Match::None,
        }
    }

    /// Firewall policies know no network tags: only address ranges can tell a connector. Its instances are Google's: no
    /// secure tag can be bound to them, and load balancers they are not.
    fn hit_by_policy(&self, rule: &PolicyRule) -> Match {
        let meant = rule.direction == Direction::Egress
            && !rule.disabled
            && rule.target_secure_tags.is_empty()
            && rule.target_forwarding_rules.is_empty();
        let target = match rule.target_type.as_str() {
            _ if !meant => Match::None,
            "" | "INSTANCES" => Match::Full,
            "INTERNAL_MANAGED_LB" => Match::None,
            _ => Match::Partial,
        };
        let accounts = self.machines.run_as(&rule.target_service_accounts);
        self.lives_in(&rule.matches.src_ip_ranges).min(target).min(accounts)
    }

    fn lives_in(&self, ranges: &[String]) -> Match {
        if ranges.is_empty() {
            return Match::Full;
        }
        let (mut nets, mut unknown) = (Vec::new(), false);
        for text in ranges {
            match Address::read(text) {
                Address::V4(net) => nets.push(net),
                Address::V6 => {}
                Address::Unknown => unknown = true,
            }
        }
        let nets = Ipv4Net::aggregate(&nets);
        let hit = match self.range {
            // An unknown range may lie in any.
            None if nets.is_empty() => Match::None,
            None => Match::Partial,
            Some(own) if nets.iter().any(|net| net.contains(&own)) => Match::Full,
            Some(own) if nets.iter().any(|net| own.contains(net)) => Match::Partial,
            Some(_) => Match::None,
        };
        if unknown { hit.max(Match::Partial) } else { hit }
    }
}

impl Machines<'_> {
    fn bear(self, tag: &str) -> bool {
        match self {
            Self::Connector(own) => tag == own || tag == COMMON_TAG,
            Self::Direct(tags) => tags.iter().any(|own| own == tag),
        }
    }

    /// Whether a rule for these service accounts is meant: not for a connector, and of a workload its account is not read.
    fn run_as(self, accounts: &[String]) -> Match {
        match self {
            _ if accounts.is_empty() => Match::Full,
            Self::Connector(_) => Match::None,
            Self::Direct(_) => Match::Partial,
        }
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
    /// Once asked, the rule decides so over all of them.
    pub is_certain: bool,
}

/// Where in Google's order a verdict falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A policy that stands before every VPC rule.
    BeforeRules,
    /// A VPC rule of this priority.
    Rule(u32),
    /// A network policy behind the VPC rules.
    AfterRules,
    /// A policy of a kind that is not known: it may be asked at any time.
    Unknown,
    Implied,
}

impl Stage {
    /// An allow rule of `priority` decides, or may decide, before this verdict; at equal priority a deny does.
    pub fn is_after(self, priority: u32) -> bool {
        match self {
            Self::BeforeRules => false,
            Self::Rule(own) => own > priority,
            Self::AfterRules | Self::Unknown | Self::Implied => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    Allow,
    Deny,
}

/// How everything is decided, in Google's order: hierarchical policies, Google's own, VPC rules, network policies (or these
/// before the rules, where the network says so), then the implied allow. What a rule decides only perhaps it leaves to those
/// behind it too: what may be let out counts as let out, what may be stopped as stopped. All other verdicts are disjoint.
pub fn decide<'a>(
    sender: Sender<'_>,
    rules: impl IntoIterator<Item = &'a Firewall>,
    effective: &EffectiveFirewalls,
    policies_first: bool,
) -> Vec<Verdict> {
    let mut table = Table { sender, left: Reach::everything(), verdicts: Vec::new() };
    let (beside, above): (Vec<&FirewallPolicy>, Vec<_>) =
        effective.firewall_policys.iter().partition(|policy| policy.kind().is_of_network());
    table.policies(above, Stage::BeforeRules);
    if policies_first {
        table.policies(beside, Stage::BeforeRules);
        table.rules(rules);
    } else {
        table.rules(rules);
        table.policies(beside, Stage::AfterRules);
    }
    let left = std::mem::take(&mut table.left);
    table.verdicts.push(Verdict {
        by: "the implied allow".into(),
        kind: VerdictKind::Allow,
        stage: Stage::Implied,
        packets: left,
        is_certain: true,
    });
    table.verdicts
}

/// All that gets out, or may.
pub fn allowed(verdicts: &[Verdict]) -> Reach {
    all(verdicts, VerdictKind::Allow)
}

/// All that is stopped, or may be.
pub fn denied(verdicts: &[Verdict]) -> Reach {
    all(verdicts, VerdictKind::Deny)
}

fn all(verdicts: &[Verdict], kind: VerdictKind) -> Reach {
    let of_kind = verdicts.iter().filter(|verdict| verdict.kind == kind);
    of_kind.fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets))
}

/// How a verdict names a policy's rule.
pub fn name_of(policy: &FirewallPolicy, rule: &PolicyRule) -> String {
    format!("{} rule {}", policy.title(), rule.priority)
}

struct Table<'s> {
    sender: Sender<'s>,
    left: Reach,
    verdicts: Vec<Verdict>,
}

impl Table<'_> {
    fn rules<'a>(&mut self, rules: impl IntoIterator<Item = &'a Firewall>) {
        let hits = rules.into_iter().map(|rule| (rule, self.sender.hit(rule)));
        let mut vpc: Vec<(&Firewall, Match)> = hits.filter(|(_, hit)| *hit != Match::None).collect();
        // "DENY rules take precedence over ALLOW rules if they have equal priority."
        vpc.sort_by_key(|(rule, _)| (rule.priority, !rule.is_deny(), rule.name.as_str()));
        for (rule, hit) in vpc {
            let kind = if rule.is_deny() { VerdictKind::Deny } else { VerdictKind::Allow };
            let left = std::mem::take(&mut self.left);
            let matched = certain_if(hit == Match::Full, matching::vpc_rule(rule));
            let decided = self.tell(&rule.name, &[kind], Stage::Rule(rule.priority), &left, &matched);
            self.left = left.without(&decided);
        }
    }

    /// Policies by type and the association's priority. Which of two of one rank comes first the answer does not say: each
    /// is asked as if it were first.
    fn policies(&mut self, mut policies: Vec<&FirewallPolicy>, stage: Stage) {
        let rank = |policy: &&FirewallPolicy| (policy.kind(), policy.association_priority());
        policies.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.title().cmp(b.title())));
        for equals in policies.chunk_by(|a, b| rank(a) == rank(b)) {
            let is_first = equals.len() == 1;
            let decided = equals.iter().map(|policy| self.policy(policy, stage, is_first)).collect::<Vec<_>>();
            let left = std::mem::take(&mut self.left);
            self.left = decided.iter().fold(left, |left, decided| left.without(decided));
        }
    }

    /// What one policy decides for good: within it the first match counts; `goto_next` and no match hand on to what comes
    /// behind.
    fn policy(&mut self, policy: &FirewallPolicy, stage: Stage, is_first: bool) -> Reach {
        use VerdictKind::{Allow, Deny};
        let placed = policy.kind() != PolicyKind::Unknown;
        let stage = if placed { stage } else { Stage::Unknown };
        let hits = policy.rules.iter().map(|rule| (rule, self.sender.hit_by_policy(rule)));
        let mut rules: Vec<_> = hits.filter(|(_, hit)| *hit != Match::None).collect();
        rules.sort_by_key(|(rule, _)| rule.priority);
        let (mut left, mut all, mut passed_on) = (self.left.clone(), Reach::default(), Reach::default());
        let told = self.verdicts.len();
        for (rule, hit) in rules {
            let matched = certain_if(hit == Match::Full, matching::policy_rule(rule));
            let (kinds, is_final): (&[VerdictKind], bool) = match rule.action.as_str() {
                "allow" => (&[Allow], true),
                "deny" => (&[Deny], true),
                // An inspection decides for each packet, and nothing behind it is asked.
                "apply_security_profile_group" => (&[Allow, Deny], true),
                "goto_next" => (&[], false),
                _ => (&[Allow, Deny], false),
            };
            let decided = self.tell(&name_of(policy, rule), kinds, stage, &left, &matched);
            match is_final {
                true => all = all.or(&decided),
                false => passed_on = passed_on.or(&left.and(&matched.may)),
            }
            left = left.without(&decided);
        }
        if !(placed && is_first) {
            self.verdicts[told..].iter_mut().for_each(|verdict| verdict.is_certain = false);
        }
        if placed { all.without(&passed_on) } else { Reach::default() }
    }

    /// Notes what a rule says about the packets that reach it. Gives those that it takes from the rules behind it.
    fn tell(&mut self, by: &str, kinds: &[VerdictKind], stage: Stage, left: &Reach, matched: &Matched) -> Reach {
        let packets = left.and(&matched.may);
        let decided = left.and(&matched.must);
        if !packets.is_empty() {
            let is_certain = kinds.len() == 1 && decided.contains(&packets);
            let verdict =
                |&kind: &VerdictKind| Verdict { by: by.to_owned(), kind, stage, packets: packets.clone(), is_certain };
            self.verdicts.extend(kinds.iter().map(verdict));
        }
        decided
    }
}

fn certain_if(is_certain: bool, matched: Matched) -> Matched {
    match is_certain {
        true => matched,
        false => Matched { must: Reach::default(), ..matched },
    }
}

#[cfg(test)]
mod tests;
