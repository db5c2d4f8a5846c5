//! The scoped firewall of each connector: allows first, the deny last, and nothing that another hand closed is opened.

use super::{
    automatic,
    cuts::{self, Cut},
    deny::{self, Deny, DenyMove},
    draft::Draft,
    moving::Judges,
    rule_migration,
    scoping::{Scoping, displaced, ensure},
    shadows::{Conflict, RuleConflicts},
};
use crate::domain::{
    design::{Blueprint, Ground, Ownership, Path},
    firewall::{
        reach::Sender,
        rule_set::{Role, Rule},
    },
    plan::{Change, EgressState, Kind, Object, ObjectId, PathEgress, Verb},
    state::{
        effective::EffectiveFirewalls,
        firewall::{Direction, Firewall},
    },
    text,
};

pub(super) fn plan<'a>(draft: &mut Draft<'a>, blueprint: &Blueprint<'a>) {
    let Ok(firewalls) = &draft.observed.firewalls else { return };
    // Whether network policies stand before the rules is the network's to say: unread, nobody can judge.
    if matches!(draft.observed.network, Some(Err(_))) {
        return;
    }
    let policies_first = matches!(blueprint.network, Ground::Stands { policies_first: true, .. });
    let effective = policies_over(draft, &blueprint.network);
    let mut scoped = Vec::new();
    for path in &blueprint.paths {
        let stands = if path.ownership == Ownership::Foreign {
            leave(draft, path, firewalls, policies_first);
            false
        } else {
            let planned = draft.steps.len();
            // Without the policies over the network nobody can say what a rule would open.
            effective.is_some_and(|effective| scope(draft, path, firewalls, effective, policies_first))
                && draft.steps.len() == planned
        };
        scoped.push((path, stands));
    }
    automatic::plan(draft, &scoped, firewalls);
}

/// The policies over the network; `None` = not known. With one that is not made yet no policy is associated but the
/// hierarchical ones, which decide before any rule: what they stop, no rule opens.
fn policies_over<'a>(draft: &Draft<'a>, network: &Ground) -> Option<&'a EffectiveFirewalls> {
    static NONE: EffectiveFirewalls = EffectiveFirewalls { firewall_policys: Vec::new() };
    match (&draft.observed.effective, network) {
        (Ok(effective), _) => Some(effective),
        (Err(failure), Ground::New(_)) if failure.is_absent() => Some(&NONE),
        (Err(_), _) => None,
    }
}

/// No rule is written for a connector that is neither ours nor adopted; what is wrong with its path is told.
fn leave<'a>(draft: &mut Draft<'a>, path: &Path<'a>, firewalls: &'a [Firewall], policies_first: bool) {
    draft.findings.push(text::firewall::unmanaged(&path.required.connector));
    let tag = path.required.connector.tag();
    let scoping = Scoping::new(draft, path, &tag, firewalls);
    draft.blocked_by.extend(text::firewall::unkept(&path.required.connector, &scoping.neighbours.own));
    let cut = draft.observed.effective.as_ref().ok().and_then(|effective| {
        let judge = RuleConflicts::new(effective, scoping.sender, &scoping.neighbours, policies_first);
        cuts::control(draft, &scoping, &judge)
    });
    match cut {
        Some(cut) => state(draft, path, EgressState::CutOff, Some(cut.by)),
        None => state(draft, path, EgressState::Unmanaged, None),
    }
}

/// Whether the set stands whole.
fn scope<'a>(
    draft: &mut Draft<'a>,
    path: &Path<'a>,
    firewalls: &'a [Firewall],
    effective: &'a EffectiveFirewalls,
    policies_first: bool,
) -> bool {
    let tag = path.required.connector.tag();
    let mut scoping = Scoping::new(draft, path, &tag, firewalls);
    if !scoping.site.is_told_apart() {
        draft.findings.push(text::firewall::range_unknown(&path.required.connector));
        state(draft, path, EgressState::Unmanaged, None);
        return false;
    }
    let judge = |sender| RuleConflicts::new(effective, sender, &scoping.neighbours, policies_first);
    let next = path.next.map(|range| judge(Sender { range: Some(range), ..scoping.sender }));
    let judges = Judges { here: judge(scoping.sender), next };
    judges.aim(&mut scoping);
    let judge = &judges.here;
    let shadow = judge.shadowing(&scoping.neighbours, &scoping.set);
    let opened: Vec<_> = scoping.lets_out().filter_map(|rule| judges.opens(&scoping, rule)).collect();
    let cut = cuts::plan(draft, &scoping, judge, &opened).or_else(|| cuts::closing(&scoping, judge));
    let mut back = None;
    let lead = match deny::lead(draft, &scoping, judge) {
        DenyMove::Nothing => None,
        DenyMove::Step(step) => Some(step),
        DenyMove::Back(step) => {
            back = Some(step.clone());
            Some(step)
        }
        DenyMove::Held => {
            judge_state(draft, &scoping, Deny::InSync, shadow, cut);
            return false;
        }
    };
    let steps = allows(draft, &mut scoping, firewalls, &opened, lead.as_ref());
    if let Some(back) = &back {
        deny::after_narrowing(draft, back);
    }
    deny::ingress(draft, &scoping);
    let verdict = match lead {
        Some(_) => Deny::Missing,
        None => deny::plan(draft, &scoping),
    };
    let stands = scoping.missing_allows.is_empty() && matches!(verdict, Deny::InSync | Deny::NotAsked);
    // What exists under other names leaves when all of it exists under the new ones.
    if !scoping.is_renamed() || stands && deny::ingress_stands(&scoping) {
        retire(draft, &scoping, &steps);
    }
    judge_state(draft, &scoping, verdict, shadow, cut);
    stands
}

/// The rules of the set but for its denies, each after those it waits for. Gives the steps, with those that come first.
fn allows(
    draft: &mut Draft<'_>,
    scoping: &mut Scoping<'_, '_>,
    firewalls: &[Firewall],
    opened: &[Conflict],
    lead: Option<&ObjectId>,
) -> Vec<ObjectId> {
    let path = scoping.path;
    let order = rule_migration::order(scoping, firewalls, opened);
    let network = Kind::Network.named(draft.observed.network_name.name.as_str());
    // A rule needs the network; one that names the connector's range needs its subnet too, for Google may refuse the range.
    let made_by = |rule: &Firewall| {
        let names_range = rule.direction == Direction::Egress && !rule.source_ranges.is_empty();
        let subnet = path.subnet_step().filter(|_| names_range);
        std::iter::once(network.clone()).chain(subnet).collect::<Vec<ObjectId>>()
    };
    let behind_lead = |rule: &Firewall| lead.cloned().into_iter().chain(made_by(rule)).collect::<Vec<ObjectId>>();
    let deny_at = scoping.neighbours.own.iter().find(|own| own.direction == Direction::Egress && own.is_deny());
    let deny_at = deny_at.map(|deny| deny.priority);
    let mut steps: Vec<ObjectId> = lead.cloned().into_iter().chain(path.subnet_step()).collect();
    for bridge in &order.bridges {
        let change = Change::Create(Object::Firewall(bridge.clone()));
        steps.push(draft.push(change, behind_lead(bridge), text::firewall::bridge(), scoping.mode()));
    }
    for rule in order.sorted(&scoping.set) {
        if scoping.moving && order.before.contains_key(&rule.firewall.name) {
            scoping.missing_allows.push(rule.firewall.name);
            continue;
        }
        // A missing allow that fits before the deny as it stands need not wait for the deny to go.
        let fits = rule.role.is_allow() && deny_at.is_some_and(|deny| rule.firewall.priority < deny);
        let is_missing = fits && scoping.existing(&rule).is_none();
        let mut waits = if is_missing { made_by(&rule.firewall) } else { behind_lead(&rule.firewall) };
        let before = order.before.get(&rule.firewall.name).into_iter().flatten();
        waits.extend(before.map(|name| Kind::Firewall.named(name.as_str())));
        let opens = opened.iter().find(|opened| opened.rule == rule.firewall.name);
        steps.extend(one(draft, scoping, &rule, firewalls, opens, &waits));
    }
    steps
}

/// One rule of the set; the deny has its own rules.
fn one(
    draft: &mut Draft<'_>,
    scoping: &mut Scoping<'_, '_>,
    rule: &Rule,
    firewalls: &[Firewall],
    opens: Option<&Conflict>,
    first: &[ObjectId],
) -> Option<ObjectId> {
    let name = &rule.firewall.name;
    let stands = scoping.existing(rule).is_some();
    let holder = firewalls.iter().find(|other| other.name == *name).filter(|_| !stands);
    let step = match opens {
        _ if let Some(holder) = holder => {
            scoping.taken.push(name.clone());
            make_room(draft, scoping, holder);
            None
        }
        Some(opened) if rule.role == Role::Watch => {
            watch_defeats(draft, scoping, rule, &opened.deny);
            return None;
        }
        Some(opened) => {
            draft.blocked_by.push(text::firewall::foreign_deny(name, &opened.deny, stands));
            // What drifted wider is put right all the same.
            if opened.narrows { ensure(draft, scoping, rule, first.to_vec()) } else { None }
        }
        None if rule.role.is_deny() => return None,
        None => ensure(draft, scoping, rule, first.to_vec()),
    };
    // What exists and may not be changed is not yet what the policy wants.
    let serves = |own: &Firewall| opens.is_none() || own.managed() == rule.firewall.managed();
    let in_sync = step.is_none() && scoping.existing(rule).is_some_and(serves);
    if rule.role.is_allow() && !in_sync {
        scoping.missing_allows.push(name.clone());
    }
    step
}

/// Somebody else's rule bears the name, or one of ours does in another network: a rule cannot be moved, so ours leaves.
fn make_room(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, holder: &Firewall) {
    let connector = &scoping.path.required.connector;
    if !displaced(draft, holder, connector) {
        draft.blocked_by.push(text::name_taken("firewall", &holder.name));
    } else if scoping.path.required.hold_reason().is_none() {
        let change = Change::Delete(Object::Firewall(holder.clone()));
        draft.push(change, Vec::new(), text::firewall::other_network(holder, connector), scoping.mode());
    }
}

/// A watch rule that would let out what a foreign deny stops is taken out of force, in every mode that writes.
fn watch_defeats(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, rule: &Rule, deny: &str) {
    draft.findings.push(text::firewall::watch_defeats(&rule.firewall.name, deny));
    if let Some(existing) = scoping.existing(rule)
        && !existing.disabled
    {
        let after = Firewall { disabled: true, ..existing.clone() };
        let change = Change::Extend { before: Object::Firewall(existing.clone()), after: Object::Firewall(after) };
        draft.push(change, Vec::new(), text::firewall::disable_watch(deny), scoping.mode());
    }
}

/// Rules of ours that the policy no longer asks for: denies first, allows after what replaces them, and on a range that the
/// connector leaves not before it has left, where what replaces them is for the other range alone. A watch leaves when the
/// deny stands.
fn retire(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, first: &[ObjectId]) {
    if scoping.path.required.hold_reason().is_some() || scoping.moving {
        return;
    }
    let deny = scoping.rule(Role::Deny);
    let watch_stays =
        deny.is_some_and(|rule| scoping.existing(rule).is_none_or(|own| own.managed() != rule.firewall.managed()));
    let mut leaving: Vec<_> =
        scoping.retired().filter(|own| !(own.name.starts_with("watch-") && watch_stays)).collect();
    leaving.sort_by_key(|own| (!own.is_deny(), own.name.as_str()));
    let mut denies = Vec::new();
    for own in leaving {
        let id = Object::Firewall(own.clone()).id();
        if first.contains(&id) || draft.steps.iter().any(|(step, _)| step.id == id) {
            continue;
        }
        let lets_out = own.direction == Direction::Egress && !own.is_deny();
        if lets_out && scoping.aimed {
            continue;
        }
        if let Some(stray) = scoping.stray_deny().filter(|_| lets_out) {
            draft.hold_beside(own, Verb::Delete, stray);
            continue;
        }
        let after = if own.is_deny() { Vec::new() } else { [first, &denies].concat() };
        let change = Change::Delete(Object::Firewall(own.clone()));
        let step = draft.push(change, after, text::firewall::retire(own), scoping.mode());
        if own.is_deny() {
            denies.push(step);
        }
    }
}

/// `cut`: what cuts the path.
fn judge_state(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, deny: Deny, shadow: Option<String>, cut: Option<Cut>) {
    let connector = &scoping.path.required.connector;
    let watch_stands =
        scoping.rule(Role::Watch).is_some_and(|rule| scoping.existing(rule).is_some_and(|own| !own.disabled));
    let allows_stand =
        scoping.set.iter().filter(|rule| rule.role.is_egress_allow()).any(|rule| scoping.existing(rule).is_some());
    let deny = match deny {
        Deny::Missing | Deny::NotAsked if scoping.stops_the_rest() => Deny::InSync,
        deny => deny,
    };
    if let Some(Cut { by, is_ours }) = cut {
        // What this plan puts right needs no person, and what another hand stops is told already.
        if is_ours && !is_planned(draft, &by) {
            draft.blocked_by.push(text::firewall::closed(connector, &by));
        }
        return state(draft, scoping.path, EgressState::CutOff, Some(by));
    }
    let (state_now, by) = match (deny, shadow) {
        (Deny::Disarmed(by), _) => (EgressState::Disarmed, Some(by.unwrap_or_else(|| "unknown".to_owned()))),
        (Deny::InSync, Some(rule)) => {
            // A rule of ours that this plan changes or takes away needs nobody else.
            if !is_planned(draft, &rule) {
                draft.blocked_by.push(text::firewall::shadowed(connector, &rule));
            }
            (EgressState::Shadowed, Some(rule))
        }
        (Deny::InSync, None) => (EgressState::Scoped, None),
        (Deny::NotAsked | Deny::Missing, _) if watch_stands => (EgressState::Observed, None),
        // Nothing of ours stands yet: there is nothing to tell before the first rule is written.
        (Deny::NotAsked | Deny::Missing, _) if !allows_stand => return,
        (Deny::NotAsked | Deny::Missing, _) => (EgressState::AllowOnly, None),
    };
    state(draft, scoping.path, state_now, by);
}

/// This plan changes the rule or takes it away, now or when nothing holds it back any more.
fn is_planned(draft: &Draft<'_>, rule: &str) -> bool {
    let id = Kind::Firewall.named(rule);
    draft.steps.iter().any(|(step, _)| step.id == id) || draft.withheld.iter().any(|held| held.step == id)
}

fn state(draft: &mut Draft<'_>, path: &Path<'_>, state: EgressState, by: Option<String>) {
    let egress = PathEgress::of_connector(path.required.connector.clone(), state, by);
    draft.egress.push(egress.used_by(&path.required.users));
}
