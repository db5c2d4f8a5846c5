//! What other people's rules do to a connector's egress.

use super::{Draft, connector::Standing};
use crate::domain::{
    names::relative,
    owned,
    reach::{self, Reach, Sender, Stage, Verdict, VerdictKind},
    rules::Rule,
    state::{effective::EffectiveFirewalls, firewall::Firewall},
};

/// The rules of the target's network; those that carry our stamp for this connector, apart.
pub(super) struct Neighbours<'a> {
    pub own: Vec<&'a Firewall>,
    pub foreign: Vec<&'a Firewall>,
}

impl<'a> Neighbours<'a> {
    pub fn new(draft: &Draft<'a>, standing: &Standing<'_>, firewalls: &'a [Firewall]) -> Self {
        let network = draft.observed.network_name.to_string();
        let is_own = |rule: &&Firewall| {
            owned::rule_stamp(draft.policy, draft.observed, rule)
                .is_some_and(|stamp| stamp.is_for(&standing.required.connector))
        };
        let (own, foreign) = firewalls.iter().filter(|rule| relative(&rule.network) == network).partition(is_own);
        Self { own, foreign }
    }
}

/// A foreign deny that one of our allow rules would open, or a watch rule would defeat.
pub(super) struct Opened {
    pub rule: String,
    pub deny: String,
}

pub(super) struct Judge<'a> {
    sender: Sender<'a>,
    effective: &'a EffectiveFirewalls,
    policies_first: bool,
    /// Foreign denies, judged as if no rule of ours stood: so that none of ours can hide one.
    denies: Vec<Verdict>,
}

impl<'a> Judge<'a> {
    pub fn new(
        effective: &'a EffectiveFirewalls,
        sender: Sender<'a>,
        neighbours: &Neighbours<'_>,
        policies_first: bool,
    ) -> Self {
        let verdicts = reach::decide(sender, neighbours.foreign.iter().copied(), effective, policies_first);
        let denies = verdicts.into_iter().filter(|verdict| verdict.kind == VerdictKind::Deny).collect();
        Self { sender, effective, policies_first, denies }
    }

    /// The foreign deny that `rule` would open: it stands before the deny and lets through what the deny stops.
    pub fn opens(&self, rule: &Firewall, overridden: &[String]) -> Option<Opened> {
        let packets = reach::of_rule(rule);
        self.denies
            .iter()
            .filter(|deny| !overridden.contains(&deny.by))
            .find(|deny| deny.stage.is_after(rule.priority) && deny.packets.overlaps(&packets))
            .map(|deny| Opened { rule: rule.name.clone(), deny: deny.by.clone() })
    }

    /// The rule that lets out what the policy does not name, with these rules of ours in place: somebody else's, or one of
    /// ours that was changed or has not left yet.
    pub fn shadowing(&self, foreign: &[&Firewall], own: &[&Firewall], set: &[Rule]) -> Option<String> {
        self.beyond(foreign, own, set).into_iter().next().map(|verdict| verdict.by)
    }

    /// The rule that would let out more beyond the policy than gets out now, were ours moved.
    pub fn uncovered(
        &self,
        foreign: &[&Firewall],
        now: &[&Firewall],
        moved: &[&Firewall],
        set: &[Rule],
    ) -> Option<String> {
        let out = self.beyond(foreign, now, set).iter().fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets));
        let more = self.beyond(foreign, moved, set).into_iter().find(|verdict| !out.contains(&verdict.packets));
        more.map(|verdict| verdict.by)
    }

    /// What rules let out beyond the policy.
    fn beyond(&self, foreign: &[&Firewall], own: &[&Firewall], set: &[Rule]) -> Vec<Verdict> {
        let standing = own.iter().chain(foreign).copied();
        let policy = set
            .iter()
            .filter(|rule| rule.role.is_egress_allow())
            .fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)));
        reach::decide(self.sender, standing, self.effective, self.policies_first)
            .into_iter()
            .filter(|verdict| verdict.kind == VerdictKind::Allow && verdict.stage != Stage::Implied)
            .map(|verdict| Verdict { packets: verdict.packets.without(&policy), ..verdict })
            .filter(|verdict| !verdict.packets.is_empty())
            .collect()
    }
}
