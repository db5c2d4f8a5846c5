//! The scoped firewall of each connector: allows first, the deny last, and nothing that another hand closed is opened.

use super::{
    Change, ConnectorEgress, Draft, EgressState, Object, StepId, Verb, Why, Withheld,
    connector::{Ownership, Standing},
    network,
    shadows::{Judge, Neighbours},
};
use crate::domain::{
    names::relative,
    policy::{Enforcement, Rearm},
    reach::Sender,
    rules::{self, Role, Rule, Site},
    stamp::Stamp,
    state::firewall::{Direction, Firewall},
    text,
};

pub(super) fn plan<'a>(draft: &mut Draft<'a>, standings: &[Standing<'a>], network: &network::Standing) {
    let Ok(firewalls) = &draft.observed.firewalls else { return };
    automatic(draft, firewalls);
    let policies_first = matches!(network, network::Standing::Stands { policies_first: true, .. });
    for standing in standings {
        if standing.ownership == Ownership::Foreign {
            draft.findings.push(text::firewall::unmanaged(&standing.required.connector));
            state(draft, standing, EgressState::Unmanaged, None);
        } else {
            scope(draft, standing, firewalls, policies_first);
        }
    }
}

/// Broad egress rules that somebody's automation made: told, never touched here.
fn automatic(draft: &mut Draft<'_>, firewalls: &[Firewall]) {
    let globs = &draft.policy.for_target(&draft.observed.target).firewall.auto_rules;
    let network = draft.observed.network_name.to_string();
    let found = firewalls
        .iter()
        .filter(|rule| relative(&rule.network) == network && rule.direction == Direction::Egress && !rule.disabled)
        .filter(|rule| !rule.name.starts_with("aet-") && !rule.is_deny())
        .filter(|rule| globs.iter().any(|glob| crate::domain::policy::pattern::matches(glob, &rule.name)));
    draft.findings.extend(found.map(|rule| text::firewall::automatic(&rule.name)));
}

/// The set of one connector, rule by rule.
struct Scoping<'a, 'b> {
    standing: &'b Standing<'a>,
    neighbours: Neighbours<'a>,
    set: Vec<Rule>,
    hash: String,
    /// Names of the set that somebody else's rules bear.
    taken: Vec<String>,
    /// Allows of the set that the last look did not find in sync.
    missing_allows: Vec<String>,
}

fn scope<'a>(draft: &mut Draft<'a>, standing: &Standing<'a>, firewalls: &'a [Firewall], policies_first: bool) {
    let observed = draft.observed;
    let connector = &standing.required.connector;
    let site = Site { connector, network: &observed.network_name, range: standing.range };
    let set = rules::rules(standing.settings, site, draft.now);
    let neighbours = Neighbours::new(draft, standing, firewalls);
    let tag = connector.tag();
    let hash = rules::policy_hash(&set);
    let mut scoping = Scoping { standing, neighbours, set, hash, taken: Vec::new(), missing_allows: Vec::new() };
    let sender = Sender { tag: &tag, range: standing.range };
    // Without the policies over the network nobody can say what a rule would open.
    let Ok(effective) = &observed.effective else { return };
    let judge = Judge::new(effective, sender, &scoping.neighbours, policies_first);
    let overridden = &standing.settings.firewall.override_denies;
    let opened: Vec<_> = scoping
        .set
        .iter()
        .filter(|rule| rule.role.is_egress_allow() || rule.role == Role::Watch)
        .filter_map(|rule| judge.opens(&rule.firewall, overridden))
        .collect();
    let shadow = judge.shadowing(&scoping.neighbours, &scoping.set);

    let moved_first = deny_rises(&scoping);
    let mut allows: Vec<StepId> = Vec::new();
    for rule in scoping.set.clone() {
        let taken = firewalls.iter().find(|other| {
            other.name == rule.firewall.name && !scoping.neighbours.own.iter().any(|own| own.name == other.name)
        });
        let opens = opened.iter().find(|opened| opened.rule == rule.firewall.name);
        match (taken, opens) {
            (Some(_), _) => {
                draft.blocked_by.push(text::name_taken("firewall", &rule.firewall.name));
                scoping.taken.push(rule.firewall.name.clone());
                if rule.role.is_allow() {
                    scoping.missing_allows.push(rule.firewall.name.clone());
                }
            }
            (None, Some(opened)) if rule.role == Role::Watch => watch_defeats(draft, &scoping, &rule, &opened.deny),
            (None, Some(opened)) => {
                draft.blocked_by.push(text::firewall::foreign_deny(
                    &opened.rule,
                    &opened.deny,
                    scoping.existing(&rule).is_some(),
                ));
                if scoping.existing(&rule).is_none() {
                    scoping.missing_allows.push(rule.firewall.name.clone());
                }
            }
            (None, None) if rule.role == Role::Deny => {}
            (None, None) => {
                let after = moved_first.iter().cloned().chain(standing.made_by.clone()).collect();
                if let Some(step) = ensure(draft, &scoping, &rule, after)
                    && rule.role.is_allow()
                {
                    scoping.missing_allows.push(rule.firewall.name.clone());
                    allows.push(step);
                }
            }
        }
    }
    let verdict = deny(draft, &scoping);
    retire(draft, &scoping, &allows);
    judge_state(draft, &scoping, verdict, shadow);
}

impl<'a> Scoping<'a, '_> {
    fn existing(&self, rule: &Rule) -> Option<&'a Firewall> {
        self.neighbours.own.iter().copied().find(|own| own.name == rule.firewall.name)
    }

    fn rule(&self, role: Role) -> Option<&Rule> {
        self.set.iter().find(|rule| rule.role == role)
    }

    fn mode(&self) -> crate::domain::policy::Mode {
        self.standing.settings.mode
    }
}

/// Creates or repairs one rule; `None` = it is in sync.
fn ensure(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, rule: &Rule, after: Vec<StepId>) -> Option<StepId> {
    let connector = &scoping.standing.required.connector;
    let Some(existing) = scoping.existing(rule) else {
        let reason = text::firewall::create(rule.role, connector);
        return Some(draft.push(
            Change::Create(Object::Firewall(rule.firewall.clone())),
            after,
            reason,
            scoping.mode(),
        ));
    };
    if existing.managed() == rule.firewall.managed() {
        return None;
    }
    let repaired = with_managed(existing, &rule.firewall);
    let by = draft.budget.touched_by.get(&scoping.path(&existing.name)).map(String::as_str);
    let reason = text::firewall::repair(rule.role, existing, &rule.firewall, by);
    let change = Change::Repair { before: Object::Firewall(existing.clone()), after: Object::Firewall(repaired) };
    Some(draft.push(change, after, reason, scoping.mode()))
}

impl Scoping<'_, '_> {
    fn path(&self, name: &str) -> String {
        let network = self.set.first().map_or("", |rule| rule.firewall.network.as_str());
        let project = network.split('/').nth(1).unwrap_or_default();
        format!("projects/{project}/global/firewalls/{name}")
    }
}

/// The standing document with our fields put right: what Google filled in, and the stamp's marks, stay.
fn with_managed(existing: &Firewall, wanted: &Firewall) -> Firewall {
    Firewall {
        description: existing.description.clone(),
        network: existing.network.clone(),
        other: existing.other.clone(),
        log_config: wanted.log_config.clone().or_else(|| existing.log_config.as_ref().map(|_| Default::default())),
        ..wanted.clone()
    }
}

/// When priorities rise, the deny moves first: an allow must never fall behind it.
fn deny_rises(scoping: &Scoping<'_, '_>) -> Vec<StepId> {
    let Some(rule) = scoping.rule(Role::Deny) else { return Vec::new() };
    match scoping.existing(rule) {
        Some(existing) if !existing.disabled && existing.priority < rule.firewall.priority => {
            vec![Object::Firewall(rule.firewall.clone()).id()]
        }
        _ => Vec::new(),
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

/// What became of the deny.
enum Deny {
    NotAsked,
    InSync,
    Missing,
    Disarmed(Option<String>),
}

fn deny(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>) -> Deny {
    let Some(rule) = scoping.rule(Role::Deny) else { return Deny::NotAsked };
    if scoping.taken.contains(&rule.firewall.name) {
        return Deny::Missing;
    }
    let connector = &scoping.standing.required.connector;
    let existing = scoping.existing(rule);
    let infra = scoping.rule(Role::Infra).and_then(|rule| scoping.existing(rule));
    let armed = infra.and_then(|infra| Stamp::read(&infra.description)).and_then(|stamp| stamp.armed);
    if existing.is_some_and(|existing| existing.managed() == rule.firewall.managed()) {
        arm(draft, scoping, infra, armed.as_deref());
        return Deny::InSync;
    }
    let down = existing.is_none_or(|existing| existing.disabled);
    let released = existing.and_then(|existing| Stamp::read(&existing.description)).and_then(|stamp| stamp.released_by);
    let disarmed = down && armed.as_deref() == Some(scoping.hash.as_str());
    let by = draft.budget.touched_by.get(&scoping.path(&rule.firewall.name)).cloned();
    if down && (released.is_some() || disarmed && scoping.standing.settings.firewall.rearm == Rearm::Manual) {
        let by = released.or(by);
        draft.blocked_by.push(text::firewall::disarmed(
            &rule.firewall.name,
            connector,
            by.as_deref(),
            existing.is_some(),
        ));
        return Deny::Disarmed(by);
    }
    if let Some(frozen) = &scoping.standing.required.frozen {
        draft.findings.push(text::firewall::frozen(connector, frozen));
        return Deny::Missing;
    }
    let tightens = down || existing.is_some_and(|existing| existing.priority > rule.firewall.priority);
    if tightens && !scoping.missing_allows.is_empty() {
        draft.withheld.push(Withheld {
            step: Object::Firewall(rule.firewall.clone()).id(),
            verb: if existing.is_some() { Verb::Repair } else { Verb::Create },
            why: Why::AllowsFirst,
            text: text::firewall::allows_first(&scoping.missing_allows),
        });
        return Deny::Missing;
    }
    ensure(draft, scoping, rule, Vec::new());
    if disarmed { Deny::Disarmed(by) } else { Deny::Missing }
}

/// Once the deny was read back in sync, the infra rule remembers under which policy: what tells a deny that somebody took
/// down from one not yet written.
fn arm(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, infra: Option<&Firewall>, armed: Option<&str>) {
    let Some(infra) = infra.filter(|_| armed != Some(scoping.hash.as_str())) else { return };
    // A repair of the same rule comes first; the mark follows in the next round.
    if draft.steps.iter().any(|(step, _)| step.id == Object::Firewall(infra.clone()).id()) {
        return;
    }
    let Some(mut stamp) = Stamp::read(&infra.description) else { return };
    stamp.armed = Some(scoping.hash.clone());
    let after = Firewall { description: stamp.to_string(), ..infra.clone() };
    let change = Change::Extend { before: Object::Firewall(infra.clone()), after: Object::Firewall(after) };
    draft.push(change, Vec::new(), text::firewall::arm(), scoping.mode());
}

/// Rules of ours that the policy no longer asks for. A watch leaves after the deny stands, a deny after the watch, and an
/// allow only when what replaces it stands.
fn retire(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, allows: &[StepId]) {
    let deny_stands = scoping
        .rule(Role::Deny)
        .and_then(|rule| scoping.existing(rule).map(|own| own.managed() == rule.firewall.managed()));
    let wants_deny = scoping.standing.settings.firewall.enforcement == Enforcement::Enforce;
    for own in &scoping.neighbours.own {
        if scoping.set.iter().any(|rule| rule.firewall.name == own.name) {
            continue;
        }
        let is_watch = own.name.starts_with("watch-");
        if is_watch && wants_deny && deny_stands != Some(true) {
            continue;
        }
        let change = Change::Delete(Object::Firewall((*own).clone()));
        draft.push(change, allows.to_vec(), text::firewall::retire(own), scoping.mode());
    }
}

fn judge_state(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, deny: Deny, shadow: Option<String>) {
    let connector = &scoping.standing.required.connector;
    let watch_stands =
        scoping.rule(Role::Watch).is_some_and(|rule| scoping.existing(rule).is_some_and(|own| !own.disabled));
    let allows_stand =
        scoping.set.iter().filter(|rule| rule.role.is_egress_allow()).any(|rule| scoping.existing(rule).is_some());
    let (state_now, by) = match (deny, shadow) {
        (Deny::Disarmed(by), _) => (EgressState::Disarmed, Some(by.unwrap_or_else(|| "unknown".to_owned()))),
        (Deny::InSync, Some(rule)) => {
            draft.blocked_by.push(text::firewall::shadowed(connector, &rule));
            (EgressState::Shadowed, Some(rule))
        }
        (Deny::InSync, None) => (EgressState::Scoped, None),
        (Deny::NotAsked | Deny::Missing, _) if watch_stands => (EgressState::Observed, None),
        // Nothing of ours stands yet: there is nothing to tell before the first rule is written.
        (Deny::NotAsked | Deny::Missing, _) if !allows_stand => return,
        (Deny::NotAsked | Deny::Missing, _) => (EgressState::AllowOnly, None),
    };
    state(draft, scoping.standing, state_now, by);
}

fn state(draft: &mut Draft<'_>, standing: &Standing<'_>, state: EgressState, by: Option<String>) {
    draft.egress.push(ConnectorEgress { connector: standing.required.connector.clone(), state, by });
}
