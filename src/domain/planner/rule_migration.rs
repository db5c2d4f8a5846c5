//! In which order the allows of a set change: what one lets go and the set still wants, another lets out before.

use std::collections::{BTreeMap, BTreeSet};

use super::{scoping::Scoping, shadows::Conflict};
use crate::domain::{
    firewall::{
        reach::{self, Match, Reach},
        rule_set::{Role, Rule},
    },
    policy::Mode,
    stamp::Stamp,
    state::firewall::Firewall,
};

/// For each rule that changes the rules that must have changed before it, and the rules that hold what goes round in a circle.
#[derive(Default)]
pub(super) struct RuleOrder {
    pub before: BTreeMap<String, Vec<String>>,
    /// Doubles of standing rules: two rules that trade places would, one after the other, both let out the same for a moment.
    pub bridges: Vec<Firewall>,
}

/// A rule of the set as it stands and as it should.
struct Changing<'a> {
    rule: &'a Rule,
    existing: Option<&'a Firewall>,
    after: Reach,
    /// What it lets out now, will not, and the set still wants.
    lost: Reach,
}

/// `blocked` names rules that stay as they are.
pub(super) fn order(scoping: &Scoping<'_, '_>, standing: &[Firewall], blocked: &[Conflict]) -> RuleOrder {
    let mut order = RuleOrder::default();
    if scoping.path.required.hold_reason().is_some() {
        return order;
    }
    let changing = changing(scoping, blocked);
    for one in changing.iter().filter(|one| !one.lost.is_empty()) {
        let takers = changing.iter().filter(|other| other.rule.firewall.name != one.rule.firewall.name);
        let takers =
            takers.filter(|other| other.after.overlaps(&one.lost)).map(|other| other.rule.firewall.name.clone());
        order.before.insert(one.rule.firewall.name.clone(), takers.collect());
    }
    // Under `create` no rule that stands changes, so none trades places.
    if scoping.mode() == Mode::Create {
        return order;
    }
    while let Some(name) = order.circle() {
        let held = changing.iter().find(|one| one.rule.firewall.name == name);
        let Some((one, existing)) = held.and_then(|one| Some((one, one.existing?))) else { break };
        let bridge = bridge(scoping, one.rule, existing, standing, order.bridges.len());
        order.before.insert(name, vec![bridge.name.clone()]);
        order.bridges.push(bridge);
    }
    order
}

fn changing<'a>(scoping: &'a Scoping<'_, '_>, blocked: &[Conflict]) -> Vec<Changing<'a>> {
    let in_force = |rule: &Firewall| match scoping.sender.hit(rule) != Match::None && !rule.is_deny() {
        true => reach::of_rule(rule),
        false => Reach::default(),
    };
    let wanted = scoping.lets_out().fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)));
    let all = scoping.lets_out().map(|rule| (rule, scoping.existing(rule)));
    let (kept, changing): (Vec<_>, Vec<_>) = all.partition(|(rule, existing)| {
        let is_blocked = blocked.iter().any(|opened| opened.rule == rule.firewall.name && !opened.narrows);
        is_blocked || existing.is_some_and(|own| own.managed() == rule.firewall.managed())
    });
    // Rules that leave do so when all else is done. What a deny of others stops before it comes to a rule, that does not let out.
    let denies = scoping.neighbours.foreign.iter().chain(&scoping.neighbours.siblings);
    let denies: Vec<_> = denies.filter(|rule| rule.is_deny() && scoping.sender.hit(rule) != Match::None).collect();
    let let_out = |rule: &Firewall| {
        let ahead = denies.iter().filter(|deny| deny.priority <= rule.priority);
        ahead.fold(in_force(rule), |left, deny| left.without(&reach::of_rule(deny)))
    };
    let stays = scoping.retired().chain(kept.into_iter().filter_map(|(_, existing)| existing));
    let stays = stays.fold(Reach::default(), |sum, rule| sum.or(&let_out(rule)));
    let lost = |existing: Option<&Firewall>, after: &Reach| {
        existing.map(let_out).unwrap_or_default().without(after).without(&stays).and(&wanted)
    };
    let each = changing.into_iter().map(|(rule, existing)| (rule, existing, reach::of_rule(&rule.firewall)));
    each.map(|(rule, existing, after)| Changing { rule, existing, lost: lost(existing, &after), after }).collect()
}

impl RuleOrder {
    /// A rule that waits for itself.
    fn circle(&self) -> Option<String> {
        self.before.keys().find(|name| self.reaches(name, name, &mut BTreeSet::new())).cloned()
    }

    fn reaches<'a>(&'a self, from: &'a str, to: &str, seen: &mut BTreeSet<&'a str>) -> bool {
        self.before
            .get(from)
            .into_iter()
            .flatten()
            .any(|next| next == to || seen.insert(next) && self.reaches(next, to, seen))
    }

    /// The rules of a set, each behind those it waits for.
    pub fn sorted(&self, set: &[Rule]) -> Vec<Rule> {
        let mut left: Vec<&Rule> = set.iter().collect();
        let mut sorted: Vec<Rule> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let waits = |rule: &&Rule| {
                let before = self.before.get(&rule.firewall.name).into_iter().flatten();
                before.into_iter().any(|name| left.iter().any(|other| other.firewall.name == *name))
            };
            // Only under `create` can all wait for each other; nothing of them is written then.
            let next = left.iter().position(|rule| !waits(rule)).unwrap_or(0);
            sorted.push(left.remove(next).clone());
        }
        sorted
    }
}

/// What the standing rule lets this connector out, and nobody else though its tags are gone, under the next free name of the
/// internet entries: of no use to the set, it leaves as soon as that stands.
fn bridge(scoping: &Scoping<'_, '_>, rule: &Rule, existing: &Firewall, standing: &[Firewall], made: usize) -> Firewall {
    let site = scoping.site;
    let is_free = |name: &String| !standing.iter().any(|rule| rule.name == *name);
    let in_set = scoping.set.iter().filter(|rule| rule.role == Role::Internet).count();
    let names = (in_set.max(1) + 1..).map(|number| format!("allow-{}-eg-{number}", site.base()));
    // Numbers do not end before names do: Google takes some hundred rules in a project.
    let name = names.filter(is_free).nth(made).unwrap_or_default();
    let stamp = Stamp::new(&scoping.path.settings.owner, site.rule_path(&name), Some(site.connector.to_string()));
    Firewall {
        name,
        description: stamp.to_string(),
        priority: existing.priority,
        allowed: existing.allowed.clone(),
        destination_ranges: existing.destination_ranges.clone(),
        ..rule.firewall.clone()
    }
}
