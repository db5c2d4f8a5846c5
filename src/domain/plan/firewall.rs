//! The scoped firewall of each connector: allows first, the deny last, and nothing that another hand closed is opened.

use super::{
    Change, ConnectorEgress, Draft, EgressState, Object, StepId, automatic,
    connector::{Ownership, Standing},
    deny::{self, Deny, Lead},
    network,
    shadows::{Judge, Neighbours, Opened},
};
use crate::domain::{
    owned,
    policy::Mode,
    reach::{self, Reach, Sender},
    rules::{self, Role, Rule, Site},
    stamp::Stamp,
    state::firewall::{Direction, Firewall},
    text,
};

pub(super) fn plan<'a>(draft: &mut Draft<'a>, standings: &[Standing<'a>], network: &network::Standing) {
    let Ok(firewalls) = &draft.observed.firewalls else { return };
    // Whether network policies stand before the rules is the network's to say: unread, nobody can judge.
    if matches!(draft.observed.network, Some(Err(_))) {
        return;
    }
    let policies_first = matches!(network, network::Standing::Stands { policies_first: true, .. });
    let mut scoped = Vec::new();
    for standing in standings {
        let stands = if standing.ownership == Ownership::Foreign {
            draft.findings.push(text::firewall::unmanaged(&standing.required.connector));
            state(draft, standing, EgressState::Unmanaged, None);
            false
        } else {
            let planned = draft.steps.len();
            scope(draft, standing, firewalls, policies_first) && draft.steps.len() == planned
        };
        scoped.push((standing, stands));
    }
    automatic::plan(draft, &scoped, firewalls);
}

/// The set of one connector, rule by rule.
pub(super) struct Scoping<'a, 'b> {
    pub standing: &'b Standing<'a>,
    pub neighbours: Neighbours<'a>,
    pub set: Vec<Rule>,
    pub hash: String,
    /// Names of the set that somebody else's rules bear.
    pub taken: Vec<String>,
    /// Allows of the set that the last look did not find in sync.
    pub missing_allows: Vec<String>,
}

/// Whether the set stands whole.
fn scope<'a>(draft: &mut Draft<'a>, standing: &Standing<'a>, firewalls: &'a [Firewall], policies_first: bool) -> bool {
    let observed = draft.observed;
    let connector = &standing.required.connector;
    let site = Site { connector, network: &observed.network_name, range: standing.range };
    let set = rules::rules(standing.settings, site, draft.now);
    let neighbours = Neighbours::new(draft, standing, firewalls);
    let tag = connector.tag();
    let hash = rules::policy_hash(standing.settings);
    let mut scoping = Scoping { standing, neighbours, set, hash, taken: Vec::new(), missing_allows: Vec::new() };
    let sender = Sender { tag: &tag, range: standing.range };
    // Without the policies over the network nobody can say what a rule would open.
    let Ok(effective) = &observed.effective else { return false };
    let judge = Judge::new(effective, sender, &scoping.neighbours, policies_first);
    let overridden = &standing.settings.firewall.override_denies;
    let opened: Vec<_> = scoping
        .set
        .iter()
        .filter(|rule| rule.role.is_egress_allow() || rule.role == Role::Watch)
        .filter_map(|rule| judge.opens(&rule.firewall, overridden))
        .collect();
    let shadow = judge.shadowing(&scoping.neighbours.foreign, &scoping.neighbours.own, &scoping.set);

    let lead = match deny::lead(draft, &scoping, &judge) {
        Lead::Nothing => None,
        Lead::Step(step) => Some(step),
        Lead::Held => {
            judge_state(draft, &scoping, Deny::InSync, shadow);
            return false;
        }
    };
    // What is missing comes first, then what lets more out, then what lets less out: a rule may take over what another
    // lets go.
    let order = |rule: &Rule| scoping.existing(rule).map(|existing| !lets_more(existing, &rule.firewall));
    let mut rules = scoping.set.clone();
    rules.sort_by_key(order);
    let stages: Vec<Vec<Rule>> = rules.chunk_by(|a, b| order(a) == order(b)).map(<[Rule]>::to_vec).collect();
    let mut first: Vec<StepId> = lead.iter().cloned().chain(standing.made_by.clone()).collect();
    let standing_deny = scoping.neighbours.own.iter().find(|own| own.direction == Direction::Egress && own.is_deny());
    let standing_deny = standing_deny.map(|deny| deny.priority);
    for stage in stages {
        let mut steps = Vec::new();
        for rule in stage {
            let opens = opened.iter().find(|opened| opened.rule == rule.firewall.name);
            // A missing allow that fits before the deny as it stands need not wait for the deny to go.
            let fits = rule.role.is_allow() && standing_deny.is_some_and(|deny| rule.firewall.priority < deny);
            let waits: Vec<StepId> = match fits && scoping.existing(&rule).is_none() {
                true => standing.made_by.iter().cloned().collect(),
                false => first.clone(),
            };
            steps.extend(one(draft, &mut scoping, &rule, firewalls, opens, &waits));
        }
        first.extend(steps);
    }
    let verdict = match lead {
        Some(_) => Deny::Missing,
        None => deny::plan(draft, &scoping),
    };
    retire(draft, &scoping, &first);
    let stands = scoping.missing_allows.is_empty() && matches!(verdict, Deny::InSync | Deny::NotAsked);
    judge_state(draft, &scoping, verdict, shadow);
    stands
}

fn lets_more(existing: &Firewall, wanted: &Firewall) -> bool {
    existing.disabled || !reach::of_rule(existing).contains(&reach::of_rule(wanted))
}

/// One rule of the set; the deny has its own rules.
fn one(
    draft: &mut Draft<'_>,
    scoping: &mut Scoping<'_, '_>,
    rule: &Rule,
    firewalls: &[Firewall],
    opens: Option<&Opened>,
    first: &[StepId],
) -> Option<StepId> {
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
            None
        }
        None if rule.role == Role::Deny => return None,
        None if rule.role == Role::IngressDeny && stays_released(draft, scoping, rule) => return None,
        None => ensure(draft, scoping, rule, first.to_vec()),
    };
    let in_sync = stands && step.is_none();
    if rule.role.is_allow() && !in_sync {
        scoping.missing_allows.push(name.clone());
    }
    step
}

/// `release` takes down what hardens ingress, too, and only `rearm` puts it back.
fn stays_released(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, rule: &Rule) -> bool {
    let release = scoping.existing(rule).and_then(deny::released).filter(|_| !draft.rearm);
    let connector = &scoping.standing.required.connector;
    let note = release.map(|release| text::emergency::released(&rule.firewall, connector, &release));
    let stays = note.is_some();
    draft.blocked_by.extend(note);
    stays
}

/// Somebody else's rule bears the name, or one of ours does in another network: a rule cannot be moved, so ours leaves.
fn make_room(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, holder: &Firewall) {
    let connector = &scoping.standing.required.connector;
    let ours = owned::rule_stamp(draft.policy, draft.observed, holder).is_some_and(|stamp| stamp.is_for(connector));
    if !ours {
        draft.blocked_by.push(text::name_taken("firewall", &holder.name));
    } else if scoping.standing.required.untouchable().is_none() {
        let change = Change::Delete(Object::Firewall(holder.clone()));
        draft.push(change, Vec::new(), text::firewall::other_network(holder, connector), scoping.mode());
    }
}

impl<'a> Scoping<'a, '_> {
    pub fn existing(&self, rule: &Rule) -> Option<&'a Firewall> {
        self.neighbours.own.iter().copied().find(|own| own.name == rule.firewall.name)
    }

    pub fn rule(&self, role: Role) -> Option<&Rule> {
        self.set.iter().find(|rule| rule.role == role)
    }

    /// Rules of ours that are not in the set.
    pub fn retired(&self) -> impl Iterator<Item = &'a Firewall> {
        let own = self.neighbours.own.iter().copied();
        own.filter(|own| !self.set.iter().any(|rule| rule.firewall.name == own.name))
    }

    /// A deny of ours is in force for all that nothing decides before it, however it has drifted and whoever wants it gone.
    fn stops_the_rest(&self) -> bool {
        let tag = self.standing.required.connector.tag();
        let sender = Sender { tag: &tag, range: self.standing.range };
        let mut denies = self.neighbours.own.iter().filter(|own| own.is_deny() && sender.is_hit_by(own));
        denies.any(|deny| reach::of_rule(deny).contains(&Reach::everything()))
    }

    pub fn mode(&self) -> Mode {
        self.standing.settings.mode
    }
}

/// Creates or repairs one rule; `None` = it is in sync.
pub(super) fn ensure(
    draft: &mut Draft<'_>,
    scoping: &Scoping<'_, '_>,
    rule: &Rule,
    after: Vec<StepId>,
) -> Option<StepId> {
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
    if existing.managed() == rule.firewall.managed() || scoping.standing.required.untouchable().is_some() {
        return None;
    }
    let repaired = with_managed(existing, &rule.firewall);
    let by = draft.budget.touched_by.get(&scoping.path(&existing.name)).map(String::as_str);
    let reason = text::firewall::repair(rule.role, existing, &rule.firewall, by);
    let change = Change::Repair { before: Object::Firewall(existing.clone()), after: Object::Firewall(repaired) };
    Some(draft.push(change, after, reason, scoping.mode()))
}

impl Scoping<'_, '_> {
    pub fn path(&self, name: &str) -> String {
        let network = self.set.first().map_or("", |rule| rule.firewall.network.as_str());
        let project = network.split('/').nth(1).unwrap_or_default();
        format!("projects/{project}/global/firewalls/{name}")
    }
}

/// The standing document with our fields put right: what Google filled in, and the stamp's marks, stay; but what comes
/// into force is released no more.
fn with_managed(existing: &Firewall, wanted: &Firewall) -> Firewall {
    Firewall {
        description: Stamp::with_release(&existing.description, None),
        network: existing.network.clone(),
        other: existing.other.clone(),
        log_config: wanted.log_config.clone().or_else(|| existing.log_config.as_ref().map(|_| Default::default())),
        ..wanted.clone()
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

/// Rules of ours that the policy no longer asks for, after what replaces them. A watch leaves when the deny stands.
fn retire(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, first: &[StepId]) {
    let deny = scoping.rule(Role::Deny);
    let watch_stays =
        deny.is_some_and(|rule| scoping.existing(rule).is_none_or(|own| own.managed() != rule.firewall.managed()));
    let frozen = scoping.standing.required.untouchable().is_some();
    for own in scoping.retired() {
        let id = Object::Firewall(own.clone()).id();
        if frozen || own.name.starts_with("watch-") && watch_stays || first.contains(&id) {
            continue;
        }
        let change = Change::Delete(Object::Firewall(own.clone()));
        draft.push(change, first.to_vec(), text::firewall::retire(own), scoping.mode());
    }
}

fn judge_state(draft: &mut Draft<'_>, scoping: &Scoping<'_, '_>, deny: Deny, shadow: Option<String>) {
    let connector = &scoping.standing.required.connector;
    let watch_stands =
        scoping.rule(Role::Watch).is_some_and(|rule| scoping.existing(rule).is_some_and(|own| !own.disabled));
    let allows_stand =
        scoping.set.iter().filter(|rule| rule.role.is_egress_allow()).any(|rule| scoping.existing(rule).is_some());
    let deny = match deny {
        Deny::Missing | Deny::NotAsked if scoping.stops_the_rest() => Deny::InSync,
        deny => deny,
    };
    let (state_now, by) = match (deny, shadow) {
        (Deny::Disarmed(by), _) => (EgressState::Disarmed, Some(by.unwrap_or_else(|| "unknown".to_owned()))),
        (Deny::InSync, Some(rule)) => {
            // A rule of ours that this plan changes or takes away needs nobody else.
            let planned = StepId(format!("firewall/{rule}"));
            if !draft.steps.iter().any(|(step, _)| step.id == planned) {
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
    state(draft, scoping.standing, state_now, by);
}

fn state(draft: &mut Draft<'_>, standing: &Standing<'_>, state: EgressState, by: Option<String>) {
    draft.egress.push(ConnectorEgress { connector: standing.required.connector.clone(), state, by });
}
