//! The deny: written last, put back only as the policy says, and out of the way first.

use std::collections::HashSet;

use super::{
    draft::Draft,
    scoping::{Scoping, ensure, repair},
    shadows::RuleConflicts,
};
use crate::domain::{
    firewall::{
        reach::{self, Match},
        rule_set::{self, Role, Rule},
    },
    ownership,
    plan::{Change, Object, ObjectId, Step, Verb, Withheld},
    policy::{FARTHEST_PRIORITY, Rearm},
    stamp::{Release, Stamp},
    state::firewall::{Direction, Firewall},
    text,
};

/// A standing deny that moves behind the allows, or leaves, goes first: no allow may fall behind it, and none may be taken
/// away before it.
pub(super) fn lead(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, judge: &RuleConflicts<'_>) -> DenyMove {
    if draft.rearm || scoping.hold_reason().is_some() {
        return DenyMove::Nothing;
    }
    let Some(rule) = scoping.rule(Role::Deny) else {
        // To take a deny away restores nothing.
        if scoping.path.required.hold_reason().is_some() {
            return DenyMove::Nothing;
        }
        let mut retired = scoping.retired();
        let Some(leaving) = retired.find(|own| own.direction == Direction::Egress && own.is_deny()) else {
            return DenyMove::Nothing;
        };
        let first = retire_behind(draft, scoping, leaving, None);
        let change = Change::Delete(Object::Firewall(leaving.clone()));
        return DenyMove::Step(draft.push(change, first, text::firewall::retire(leaving), scoping.mode()));
    };
    let in_force = |existing: &&Firewall| scoping.sender.hit(existing) != Match::None;
    let Some(existing) = scoping.existing(rule).filter(in_force) else { return DenyMove::Nothing };
    if existing.priority >= rule.firewall.priority {
        return DenyMove::Nothing;
    }
    let moved: Vec<&Firewall> = scoping.set.iter().map(|rule| &rule.firewall).collect();
    let uncovered = judge.uncovered(&scoping.neighbours, &moved, &scoping.set);
    match uncovered.filter(|_| !is_moved_alone(scoping, existing, &rule.firewall)) {
        Some(uncovered) => {
            draft.blocked_by.push(text::firewall::would_uncover(&existing.name, existing.priority, &uncovered));
            DenyMove::Held
        }
        None => {
            let first = retire_behind(draft, scoping, existing, Some(rule.firewall.priority));
            let step = if tightens(scoping, existing, &rule.firewall) {
                Some(repair(draft, scoping, rule, existing, &behind(existing, &rule.firewall), first))
            } else {
                ensure(draft, scoping, rule, first)
            };
            match step {
                Some(step) if is_moved_alone(scoping, existing, &rule.firewall) => DenyMove::Back(step),
                Some(step) => DenyMove::Step(step),
                None => DenyMove::Nothing,
            }
        }
    }
}

/// Takes away the allows that the policy no longer asks for and that are behind a deny in force, before it moves to `until` or
/// leaves. They allow nothing now; without the deny before them they would, be it against a deny of others behind them.
fn retire_behind(
    draft: &mut Draft<'_>,
    scoping: &Scoping<'_, '_>,
    deny: &Firewall,
    until: Option<u32>,
) -> Vec<ObjectId> {
    if scoping.moving || scoping.sender.hit(deny) != Match::Full {
        return Vec::new();
    }
    let stopped = reach::of_rule(deny);
    let behind = |own: &&Firewall| {
        own.direction == Direction::Egress
            && !own.is_deny()
            && own.priority >= deny.priority
            && until.is_none_or(|until| own.priority < until)
            && stopped.contains(&reach::of_rule(own))
    };
    let retired = scoping.retired().filter(behind);
    retired
        .map(|own| {
            let change = Change::Delete(Object::Firewall(own.clone()));
            draft.push(change, Vec::new(), text::firewall::retire(own), scoping.mode())
        })
        .collect()
}

/// A deny that goes back to its place opens what the allows behind it let out: those that somebody widened are narrowed
/// first, so that nothing gets out in between that the policy does not name.
pub(super) fn after_narrowing(draft: &mut Draft<'_>, back: &ObjectId) {
    let narrows = |step: &Step| match &step.change {
        Change::Repair { before: Object::Firewall(before), after: Object::Firewall(after) } => {
            !before.is_deny() && !reach::of_rule(after).contains(&reach::of_rule(before))
        }
        _ => false,
    };
    let Some(at) = draft.steps.iter().position(|(step, _)| step.id == *back) else { return };
    let planned = draft.steps.split_off(at);
    // With what they wait for, which stands before them: behind the deny as it is now, none of it lets anything out.
    let mut early: HashSet<ObjectId> = HashSet::new();
    for (step, _) in planned.iter().rev() {
        if step.id != *back && (narrows(step) || early.contains(&step.id)) {
            early.insert(step.id.clone());
            early.extend(step.after.iter().filter(|id| *id != back).cloned());
        }
    }
    let (mut first, mut rest): (Vec<_>, Vec<_>) = planned.into_iter().partition(|(step, _)| early.contains(&step.id));
    for (step, _) in &mut first {
        step.after.retain(|id| id != back);
    }
    if let Some((deny, _)) = rest.first_mut() {
        deny.after.extend(first.iter().map(|(step, _)| step.id.clone()));
    }
    draft.steps.append(&mut first);
    draft.steps.append(&mut rest);
}

/// The deny is not where a policy of ours would have put it beside the allows that stand: somebody moved it, and where it is
/// now it may stop all that they let out. It goes back whatever lies between.
fn is_moved_alone(scoping: &Scoping<'_, '_>, existing: &Firewall, wanted: &Firewall) -> bool {
    let own = scoping.neighbours.own.iter().filter(|own| own.direction == Direction::Egress && !own.is_deny());
    let steps = own.filter_map(|own| Some((rule_set::distance(&own.name)?, own.priority)));
    let mut bases = steps.filter_map(|(step, priority)| priority.checked_sub(step));
    existing.priority != wanted.priority
        && !bases.any(|base| base.checked_add(FARTHEST_PRIORITY) == Some(existing.priority))
}

/// What has drifted of the deny besides its place is put right when the allows stand; it stops no more than now.
fn behind(existing: &Firewall, wanted: &Firewall) -> Firewall {
    Firewall { priority: wanted.priority, target_tags: wanted.target_tags.clone(), ..existing.clone() }
}

/// Whether the deny has to go first.
pub(super) enum DenyMove {
    Nothing,
    Step(ObjectId),
    /// Somebody moved it before the allows, and it goes back.
    Back(ObjectId),
    /// The policy moves it, and it may not go: a foreign allow stands between where it is and where it would be.
    Held,
}

/// The repair would stop something that gets out now: it waits until every allow stands.
fn tightens(scoping: &Scoping<'_, '_>, existing: &Firewall, wanted: &Firewall) -> bool {
    let (before, after) = (existing.managed(), wanted.managed());
    let same = |field| before.get(field) == after.get(field);
    let harmless = ["priority", "logging"];
    let alike = before.keys().all(|field| harmless.contains(field) || same(*field));
    // Of packets that leave it can be told what the standing one stops already, whatever has drifted.
    let stops_it = scoping.sender.hit(existing) == Match::Full
        && scoping.sender.hit(wanted) != Match::None
        && reach::of_rule(existing).contains(&reach::of_rule(wanted));
    existing.disabled || existing.priority > wanted.priority || !alike && !stops_it
}

/// What became of the deny.
pub(super) enum Deny {
    NotAsked,
    InSync,
    Missing,
    Disarmed(Option<String>),
}

pub(super) fn plan(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>) -> Deny {
    let Some(rule) = scoping.rule(Role::Deny) else { return Deny::NotAsked };
    if scoping.taken.contains(&rule.firewall.name) {
        return Deny::Missing;
    }
    let connector = &scoping.path.required.connector;
    let existing = scoping.existing(rule);
    let infra = scoping.rule(Role::Infra).and_then(|rule| scoping.existing(rule));
    let marks = infra.or_else(|| scoping.retired().find(|own| ownership::is_infra(own)));
    let armed = marks.and_then(|infra| Stamp::read(&infra.description)).and_then(|stamp| stamp.armed);
    // Under whichever name: what is down stays down.
    let last = existing.or(scoping.renamed_deny());
    if existing.is_some_and(|existing| existing.managed() == rule.firewall.managed()) {
        arm(draft, scoping, infra, armed.as_deref());
        existing.into_iter().for_each(|existing| clear_mark(draft, scoping, existing));
        return Deny::InSync;
    }
    if draft.rearm {
        return rearm(draft, scoping, rule, armed.is_some());
    }
    let release = last.and_then(released);
    if let (Some(deny), Some(release)) = (last, &release)
        && release.holds(draft.now)
    {
        return Deny::Disarmed(Some(tell_release(draft, scoping, deny, release)));
    }
    let down = last.is_none_or(|deny| deny.disabled);
    let same_policy = match &armed {
        Some(armed) => *armed == scoping.hash,
        // A deny that was released before it was marked as active.
        None => release.is_some(),
    };
    let disarmed = down && same_policy;
    let name = last.map_or(&rule.firewall.name, |deny| &deny.name);
    let by = match &release {
        Some(release) => Some(released_by(draft, scoping, name, release)),
        None => draft.context.history.touched_by.get(&scoping.rule_path(name)).cloned(),
    };
    if disarmed && scoping.path.settings.firewall.rearm == Rearm::Manual {
        if let (Some(deny), Some(release)) = (last, &release) {
            return Deny::Disarmed(Some(tell_release(draft, scoping, deny, release)));
        }
        draft.blocked_by.push(text::firewall::disarmed(name, connector, by.as_deref(), last.is_some()));
        return Deny::Disarmed(by);
    }
    if let Some(frozen) = scoping.hold_reason().map(str::to_owned) {
        draft.findings.push(text::firewall::frozen(connector, &frozen));
        return Deny::Missing;
    }
    if waits_for_allows(draft, scoping, rule) {
        return Deny::Missing;
    }
    ensure(draft, scoping, rule, Vec::new());
    if disarmed { Deny::Disarmed(by) } else { Deny::Missing }
}

/// Reports a deny that is down by a release, and gives who released it. Nobody need act before the release is over.
fn tell_release(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, deny: &Firewall, release: &Release) -> String {
    let connector = &scoping.path.required.connector;
    let by = released_by(draft, scoping, &deny.name, release);
    if release.holds(draft.now) {
        let rearm = scoping.path.settings.firewall.rearm;
        draft.tell(text::break_glass::released(deny, connector, release, &by, rearm));
    } else {
        draft.blocked_by.push(text::break_glass::release_over(deny, connector, release, &by, draft.now));
    }
    by
}

/// The principal of the audit entry, since whoever may update a rule may write its stamp.
fn released_by(draft: &Draft<'_>, scoping: &Scoping<'_, '_>, deny: &str, release: &Release) -> String {
    let heard = draft.context.history.touched_by.get(&scoping.rule_path(deny)).cloned();
    heard.unwrap_or_else(|| text::break_glass::claimed(release))
}

/// The mark of `release` on a deny that is down. One that somebody enabled by hand is in force, whatever the mark says.
pub(super) fn released(deny: &Firewall) -> Option<Release> {
    Stamp::read(&deny.description).and_then(|stamp| stamp.released).filter(|_| deny.disabled)
}

/// Puts back a deny that is down, whoever took it down; one that never stood is not missed.
fn rearm(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, rule: &Rule, stood: bool) -> Deny {
    let existing = scoping.existing(rule);
    match existing {
        Some(standing) if !standing.disabled => {
            clear_mark(draft, scoping, standing);
            return Deny::Missing;
        }
        None if !stood => return Deny::Missing,
        _ => {}
    }
    if scoping.missing_allows.is_empty() {
        ensure(draft, scoping, rule, Vec::new());
    } else {
        let connector = &scoping.path.required.connector;
        let note = text::break_glass::allows_missing(&rule.firewall.name, connector, &scoping.missing_allows);
        draft.blocked_by.push(note);
    }
    let last = existing.or(scoping.renamed_deny());
    Deny::Disarmed(last.and_then(|deny| Some(released_by(draft, scoping, &deny.name, &released(deny)?))))
}

/// A deny in force bears no mark of a release: the next hand that takes it down is another one.
fn clear_mark(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, standing: &Firewall) {
    let description = Stamp::with_release(&standing.description, None);
    draft.mark(standing, description, text::break_glass::clear_mark(), scoping.mode());
}

/// The deny of `firewall.ingress.harden`: what it would cut off must be open before. It obeys the same orders.
pub(super) fn ingress(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>) {
    let Some(rule) = scoping.rule(Role::IngressDeny) else { return };
    if scoping.taken.contains(&rule.firewall.name) {
        return;
    }
    if draft.rearm {
        rearm(draft, scoping, rule, false);
        return;
    }
    let existing = scoping.existing(rule);
    let manual = scoping.path.settings.firewall.rearm == Rearm::Manual;
    if let Some((deny, release)) = existing.and_then(|deny| Some((deny, released(deny)?)))
        && (manual || release.holds(draft.now))
    {
        tell_release(draft, scoping, deny, &release);
    } else if let Some(standing) = existing.filter(|own| own.managed() == rule.firewall.managed()) {
        clear_mark(draft, scoping, standing);
    } else if scoping.hold_reason().is_none() && !waits_for_allows(draft, scoping, rule) {
        ensure(draft, scoping, rule, Vec::new());
    }
}

/// What hardens ingress is in sync, or not asked for.
pub(super) fn ingress_stands(scoping: &Scoping<'_, '_>) -> bool {
    scoping
        .rule(Role::IngressDeny)
        .is_none_or(|rule| scoping.existing(rule).is_some_and(|existing| existing.managed() == rule.firewall.managed()))
}

/// A deny that would stop something that gets through now is held back until a look finds every allow standing.
fn waits_for_allows(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, rule: &Rule) -> bool {
    let existing = scoping.existing(rule);
    if scoping.missing_allows.is_empty()
        || existing.is_some_and(|existing| !tightens(scoping, existing, &rule.firewall))
    {
        return false;
    }
    let verb = if existing.is_some() { Verb::Repair } else { Verb::Create };
    let text = text::firewall::allows_first(&scoping.missing_allows);
    draft.withheld.push(Withheld::until_later(verb, &Object::Firewall(rule.firewall.clone()), text));
    true
}

/// Once the deny was read back in sync, the infra rule remembers under which policy: what tells a deny that somebody took
/// down from one not yet written.
fn arm(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, infra: Option<&Firewall>, armed: Option<&str>) {
    let Some(infra) = infra.filter(|_| armed != Some(scoping.hash.as_str())) else { return };
    let Some(stamp) = Stamp::read(&infra.description) else { return };
    let armed = Stamp { armed: Some(scoping.hash.clone()), ..stamp };
    draft.mark(infra, armed.to_string(), text::firewall::arm(), scoping.mode());
}
