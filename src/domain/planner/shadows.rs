//! What other people's rules do to a connector's egress.

use super::draft::Draft;
use crate::domain::{
    design::Path,
    firewall::{
        reach::{self, Match, Reach, Sender, Stage, Verdict, VerdictKind},
        rule_set::Rule,
    },
    names::relative,
    ownership,
    stamp::Stamp,
    state::{effective::EffectiveFirewalls, firewall::Firewall},
};

/// The rules of the target's network, by who answers for them.
pub(super) struct NetworkRules<'a> {
    /// Our stamp names this connector.
    pub own: Vec<&'a Firewall>,
    /// Ours, for other connectors: where their tags are lost they decide about this one too.
    pub siblings: Vec<&'a Firewall>,
    pub foreign: Vec<&'a Firewall>,
}

impl<'a> NetworkRules<'a> {
    pub fn new(draft: &Draft<'a>, path: &Path<'_>, firewalls: &'a [Firewall]) -> Self {
        let network = draft.observed.network_name.to_string();
        let mut neighbours = Self { own: Vec::new(), siblings: Vec::new(), foreign: Vec::new() };
        for rule in firewalls.iter().filter(|rule| relative(&rule.network) == network) {
            let stamp = ownership::rule_stamp(draft.policy, draft.observed, rule);
            let list = match stamp {
                Some(stamp) if stamp.is_for(&path.required.connector) => &mut neighbours.own,
                Some(_) => &mut neighbours.siblings,
                None if is_copy(&draft.policy.owner, rule) => &mut neighbours.siblings,
                None => &mut neighbours.foreign,
            };
            list.push(rule);
        }
        // Google's order means nothing, and a plan must not depend on it.
        for list in [&mut neighbours.own, &mut neighbours.siblings, &mut neighbours.foreign] {
            list.sort_by_key(|rule| &rule.name);
        }
        neighbours
    }

    /// All that decides now.
    pub fn all(&self) -> impl Iterator<Item = &'a Firewall> {
        [&self.own, &self.siblings, &self.foreign].into_iter().flatten().copied()
    }

    /// All but those of this connector.
    pub fn others(&self) -> impl Iterator<Item = &'a Firewall> {
        [&self.siblings, &self.foreign].into_iter().flatten().copied()
    }
}

/// An allow with our owner's stamp for another name: a copy of a rule of ours hides no deny either.
fn is_copy(owner: &str, rule: &Firewall) -> bool {
    !rule.is_deny() && Stamp::read(&rule.description).is_some_and(|stamp| stamp.owner == owner)
}

/// A foreign deny that one of our allow rules would open, or a watch rule would defeat.
pub(super) struct Conflict {
    pub rule: String,
    pub deny: String,
    /// The rule stands and lets out more than it should: putting it right opens nothing that is closed now.
    pub narrows: bool,
}

pub(super) struct RuleConflicts<'a> {
    sender: Sender<'a>,
    pub effective: &'a EffectiveFirewalls,
    policies_first: bool,
    /// Foreign denies, judged as if there were no rule of ours, for whichever connector: so that none of ours hides one.
    denies: Vec<Verdict>,
}

impl<'a> RuleConflicts<'a> {
    pub fn new(
        effective: &'a EffectiveFirewalls,
        sender: Sender<'a>,
        neighbours: &NetworkRules<'_>,
        policies_first: bool,
    ) -> Self {
        let verdicts = reach::decide(sender, neighbours.foreign.iter().copied(), effective, policies_first);
        let denies = verdicts.into_iter().filter(|verdict| verdict.kind == VerdictKind::Deny).collect();
        Self { sender, effective, policies_first, denies }
    }

    /// The foreign deny that `rule` would open: it stands before the deny and lets through what the deny stops.
    pub fn opens(&self, rule: &Firewall, existing: Option<&Firewall>, overridden: &[String]) -> Option<Conflict> {
        let packets = reach::of_rule(rule);
        self.denies
            .iter()
            .filter(|deny| !overridden.contains(&deny.by))
            .find(|deny| deny.stage.is_after(rule.priority) && deny.packets.overlaps(&packets))
            .map(|deny| Conflict {
                rule: rule.name.clone(),
                deny: deny.by.clone(),
                narrows: existing.is_some_and(|existing| self.narrows(existing, rule)),
            })
    }

    fn narrows(&self, existing: &Firewall, wanted: &Firewall) -> bool {
        self.sender.hit(existing) == Match::Full
            && existing.priority <= wanted.priority
            && reach::of_rule(existing).contains(&reach::of_rule(wanted))
    }

    /// How these rules decide, with the policies over the network.
    pub fn decide<'r>(&self, rules: impl IntoIterator<Item = &'r Firewall>) -> Vec<Verdict> {
        reach::decide(self.sender, rules, self.effective, self.policies_first)
    }

    /// The rule that lets out what the policy does not name, with these rules of ours in place: somebody else's, or one of
    /// ours that was changed or has not left yet.
    pub fn shadowing(&self, neighbours: &NetworkRules<'_>, set: &[Rule]) -> Option<String> {
        self.beyond(neighbours, &neighbours.own, set).into_iter().next().map(|verdict| verdict.by)
    }

    /// The rule that would let out more beyond the policy than gets out now, were ours moved.
    pub fn uncovered(&self, neighbours: &NetworkRules<'_>, moved: &[&Firewall], set: &[Rule]) -> Option<String> {
        let out = reach::allowed(&self.beyond(neighbours, &neighbours.own, set));
        let more = self.beyond(neighbours, moved, set).into_iter().find(|verdict| !out.contains(&verdict.packets));
        more.map(|verdict| verdict.by)
    }

    /// What rules let out beyond the policy.
    fn beyond(&self, neighbours: &NetworkRules<'_>, own: &[&Firewall], set: &[Rule]) -> Vec<Verdict> {
        let policy = set
            .iter()
            .filter(|rule| rule.role.is_egress_allow())
            .fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)));
        self.decide(own.iter().copied().chain(neighbours.others()))
            .into_iter()
            .filter(|verdict| verdict.kind == VerdictKind::Allow && verdict.stage != Stage::Implied)
            .map(|verdict| Verdict { packets: verdict.packets.without(&policy), ..verdict })
            .filter(|verdict| !verdict.packets.is_empty())
            .collect()
    }
}
