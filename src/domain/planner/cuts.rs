//! A path that a deny of another hand cuts or narrows, whatever our rules let out.

use std::collections::BTreeMap;

use super::{
    draft::Draft,
    scoping::Scoping,
    shadows::{Conflict, RuleConflicts},
};
use crate::domain::{
    firewall::{
        reach::{self, Reach, Verdict, VerdictKind},
        rule_set::{Role, Rule},
    },
    text::{
        self,
        firewall::{Part, Stopper},
    },
};

/// The rule that cuts a path.
pub(super) struct Cut {
    pub by: String,
    pub is_ours: bool,
}

/// Notes what other people's denies stop of the set, were it in place. Gives the rule that cuts the path.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    scoping: &Scoping<'_, '_>,
    judge: &RuleConflicts<'_>,
    opened: &[Conflict],
) -> Option<Cut> {
    let ours = scoping.set.iter().filter(|rule| rule.role.is_egress_allow());
    // A rule that is not written lets nothing out, unless it stands already.
    let in_place = ours.clone().filter_map(|rule| match opened.iter().any(|one| one.rule == rule.firewall.name) {
        true => scoping.existing(rule),
        false => Some(&rule.firewall),
    });
    let verdicts = judge.decide(scoping.neighbours.foreign.iter().copied().chain(in_place));
    let mut found = Found::default();
    ours.for_each(|rule| found.judge(rule, &verdicts));
    let connector = &scoping.path.required.connector;
    let told = |by: &String| opened.iter().any(|one| one.deny == *by);
    for (by, parts) in found.narrowed.iter().filter(|(by, _)| !told(by) && !found.cut.contains_key(*by)) {
        draft.findings.push(text::firewall::narrowed(connector, &stopper(draft, judge, by), parts));
    }
    for (by, parts) in &found.cut {
        draft.blocked_by.push(text::firewall::cut_off(connector, &stopper(draft, judge, by), parts));
    }
    found.first.map(|by| Cut { by, is_ours: false })
}

/// Whose control traffic somebody stops, though nothing of ours is written for the connector. Gives the rule that does.
pub(super) fn control(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, judge: &RuleConflicts<'_>) -> Option<Cut> {
    let standing = scoping.neighbours.all();
    let verdicts =
        judge.decide(standing.filter(|rule| !scoping.neighbours.own.iter().any(|own| own.name == rule.name)));
    let mut found = Found::default();
    found.judge(scoping.rule(Role::Infra)?, &verdicts);
    for (by, parts) in &found.cut {
        let connector = &scoping.path.required.connector;
        draft.blocked_by.push(text::firewall::cut_off(connector, &stopper(draft, judge, by), parts));
    }
    found.first.map(|by| Cut { by, is_ours: false })
}

/// What leaves nothing open of all that the policy names, as everything stands now. One of our own rules may, that was moved
/// before the others or is left without them.
pub(super) fn closing(scoping: &Scoping<'_, '_>, judge: &RuleConflicts<'_>) -> Option<Cut> {
    let wanted = scoping.set.iter().filter(|rule| rule.role.is_egress_allow());
    let wanted = wanted.fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)));
    let verdicts = judge.decide(scoping.neighbours.all());
    if reach::allowed(&verdicts).overlaps(&wanted) {
        return None;
    }
    let by = denies(&verdicts, &wanted).next()?.by.clone();
    let is_ours = scoping.neighbours.own.iter().chain(&scoping.neighbours.siblings).any(|own| own.name == by);
    Some(Cut { by, is_ours })
}

#[derive(Default)]
struct Found {
    /// By rule, what it stops.
    cut: BTreeMap<String, Vec<Part>>,
    narrowed: BTreeMap<String, Vec<Part>>,
    /// The first rule that cuts, in the order of the set.
    first: Option<String>,
}

impl Found {
    /// Of control traffic all has to get through, of any other entry something.
    fn judge(&mut self, rule: &Rule, verdicts: &[Verdict]) {
        let (entry, out) = (reach::of_rule(&rule.firewall), reach::allowed(verdicts));
        let stopped = entry.without(&out);
        let is_cut = match rule.role {
            Role::Infra => !stopped.is_empty(),
            _ => !out.overlaps(&entry),
        };
        let part = || Part::of(rule.role, &rule.firewall);
        if !is_cut {
            for deny in denies(verdicts, &entry) {
                let parts = self.narrowed.entry(deny.by.clone()).or_default();
                if !parts.contains(&part()) {
                    parts.push(part());
                }
            }
        } else if let Some(deny) = denies(verdicts, &stopped).next() {
            self.cut.entry(deny.by.clone()).or_default().push(part());
            self.first.get_or_insert_with(|| deny.by.clone());
        }
    }
}

fn denies<'a>(verdicts: &'a [Verdict], of: &'a Reach) -> impl Iterator<Item = &'a Verdict> {
    verdicts.iter().filter(|verdict| verdict.kind == VerdictKind::Deny && verdict.packets.overlaps(of))
}

/// The rule as a person finds it again.
fn stopper<'a>(draft: &Draft<'a>, judge: &RuleConflicts<'a>, by: &'a str) -> Stopper<'a> {
    let rules = judge.effective.firewall_policys.iter();
    let policy = rules.flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    Stopper {
        by,
        policy: policy.into_iter().find(|(policy, rule)| reach::name_of(policy, rule) == by),
        project: &draft.observed.network_name.project,
        region: &draft.observed.target.region,
    }
}
