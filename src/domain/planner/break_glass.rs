//! What the person on call may order: our denies down, and back. Neither is limited by mode, budget, breaker or opt-out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    connector, deny,
    draft::{Draft, diff},
    firewall,
};
use crate::domain::{
    codes::Code,
    demand::{self, Demand, listed},
    design::design,
    firewall::proof::Proof,
    names::{ConnectorRef, NetworkRef, ProjectId, Region},
    ownership,
    plan::{Change, EgressState, Note, Object, PathEgress, Plan, PlanContext, Step},
    policy::{Enforcement, Policy, Rearm, pattern},
    stamp::{Release, Stamp},
    state::{
        egress::Egress,
        firewall::{Direction, Firewall},
        observed::Observed,
        requirement::{Required, Requirer},
    },
    target::Target,
    text,
};

/// Which denies an order is about: all in the policy's scope, narrowed by what is named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DenySelector {
    /// The project that owns the connector, not the host of a Shared VPC.
    pub project: Option<ProjectId>,
    pub region: Option<Region>,
    /// A connector's name or full name; `*` stands for any text.
    pub connector: Option<String>,
}

impl DenySelector {
    pub fn holds(&self, policy: &Policy, connector: &ConnectorRef) -> bool {
        policy.covers(connector)
            && self.project.as_ref().is_none_or(|project| *project == connector.project)
            && self.region.as_ref().is_none_or(|region| *region == connector.region)
            && self.connector.as_ref().is_none_or(|glob| pattern::names(glob, connector))
    }

    /// Something is named.
    pub fn is_narrow(&self) -> bool {
        *self != Self::default()
    }
}

/// The rules of ours in one project, `host`, that stand for picked connectors.
fn picked<'a>(
    policy: &Policy,
    host: &ProjectId,
    firewalls: &'a [Firewall],
    pick: &DenySelector,
) -> Vec<(ConnectorRef, Stamp, &'a Firewall)> {
    let own = |rule: &'a Firewall| {
        let stamp = ownership::stamp_of_rule(policy, host, rule)?;
        let connector = ConnectorRef::try_from(stamp.purpose.clone()?).ok()?;
        pick.holds(policy, &connector).then_some((connector, stamp, rule))
    };
    firewalls.iter().filter_map(own).collect()
}

/// Some rule of ours stands for a picked connector.
pub fn is_known(policy: &Policy, host: &ProjectId, firewalls: &[Firewall], pick: &DenySelector) -> bool {
    !picked(policy, host, firewalls, pick).is_empty()
}

/// Takes our denies down, one plan for each target: whatever the policy asks for, each that stands for a picked connector.
/// What is down by an earlier release for as long is reported, and not written.
pub fn release(
    policy: &Policy,
    host: &ProjectId,
    firewalls: &[Firewall],
    pick: &DenySelector,
    release: &Release,
) -> Vec<Plan> {
    let mut plans: BTreeMap<(Target, NetworkRef), Plan> = BTreeMap::new();
    let denies = picked(policy, host, firewalls, pick).into_iter().filter(|(.., rule)| rule.is_deny());
    for (connector, _, rule) in denies {
        let target = Target::from(&connector);
        let Ok(network) = NetworkRef::parse(&rule.network, host) else { continue };
        let key = (target.clone(), network.clone());
        let plan = plans.entry(key).or_insert_with(|| Plan::empty(target, network));
        let standing = deny::released(rule);
        let rearm = policy.for_connector(&connector).firewall.rearm;
        if rule.disabled && rule.direction == Direction::Egress {
            let by = standing.as_ref().map_or_else(|| "unknown".to_owned(), |own| who(own, release));
            plan.egress.push(PathEgress::of_connector(connector.clone(), EgressState::Disarmed, Some(by)));
        }
        match standing {
            // One whose time cannot be so, or is over, is written anew.
            Some(own) if own.outlasts(release) => {
                let by = who(&own, release);
                plan.findings.push(match own.ends() == release.ends() {
                    true => text::break_glass::released(rule, &connector, &own, &by, rearm),
                    false => text::break_glass::kept(rule, &connector, &own, &by, rearm, release),
                });
            }
            Some(_) | None => plan.steps.push(take_down(rule, release, rearm)),
        }
    }
    plans.into_values().map(sorted).collect()
}

/// Who released a deny: the caller of this command where it wrote the stamp, else whoever the stamp claims.
fn who(own: &Release, caller: &Release) -> String {
    if own == caller { own.by().to_owned() } else { text::break_glass::claimed(own) }
}

/// Says of each connector whose egress deny is down what `prove` has found, where that deny is told. What is not proven to be
/// open needs a person.
pub fn tell_proof(
    plan: &mut Plan,
    policy: &Policy,
    host: &ProjectId,
    firewalls: &[Firewall],
    prove: impl Fn(&ConnectorRef) -> Proof,
) {
    let scoped_by = |note: &Note| {
        let rule = firewalls.iter().find(|rule| note.object == Object::Firewall((*rule).clone()).id().to_string())?;
        let stamp = ownership::stamp_of_rule(policy, host, rule).filter(|_| rule.direction == Direction::Egress)?;
        ConnectorRef::try_from(stamp.purpose?).ok()
    };
    for mut note in std::mem::take(&mut plan.findings) {
        let proof = scoped_by(&note).map(|connector| (prove(&connector), connector));
        if let Some((proof, connector)) = &proof {
            note.text = format!("{}; {}", note.text, text::break_glass::proof(connector, proof));
        }
        match proof {
            None | Some((Proof::Open, _)) => plan.findings.push(note),
            Some(_) => plan.blocked_by.push(note),
        }
    }
}

fn take_down(rule: &Firewall, release: &Release, rearm: Rearm) -> Step {
    let description = Stamp::with_release(&rule.description, Some(release.clone()));
    let (before, after) = (Object::Firewall(rule.clone()), Firewall { disabled: true, description, ..rule.clone() });
    let after = Object::Firewall(after);
    let (change, reason) = match rule.disabled {
        true => (Change::Extend { before, after }, text::break_glass::keep_down(release, rearm)),
        false => (Change::Repair { before, after }, text::break_glass::release(release, rearm)),
    };
    let object = Object::Firewall(rule.clone());
    Step { id: object.id(), after: Vec::new(), diff: diff(&change), change, reason }
}

/// Where a deny of ours is down, or is gone though it once stood: the targets that `rearm` has to look at.
pub fn down(policy: &Policy, host: &ProjectId, firewalls: &[Firewall], pick: &DenySelector) -> BTreeSet<Target> {
    let mut by_connector: BTreeMap<ConnectorRef, Vec<(Stamp, &Firewall)>> = BTreeMap::new();
    for (connector, stamp, rule) in picked(policy, host, firewalls, pick) {
        by_connector.entry(connector).or_default().push((stamp, rule));
    }
    let is_down = |rules: &Vec<(Stamp, &Firewall)>| {
        let mut denies = rules.iter().filter(|(_, rule)| rule.is_deny());
        let gone = !denies.clone().any(|(_, rule)| rule.direction == Direction::Egress);
        denies.any(|(stamp, rule)| rule.disabled || stamp.released.is_some())
            || gone && rules.iter().any(|(stamp, _)| stamp.armed.is_some())
    };
    let down = by_connector.into_iter().filter(|(_, rules)| is_down(rules));
    down.map(|(connector, _)| Target::from(&connector)).collect()
}

/// Puts our denies back, whoever took them down, where the last look found every allow in sync. Nothing else is planned.
pub fn rearm(policy: &Policy, observed: &Observed, pick: &DenySelector) -> Plan {
    let demand = asked(policy, observed, pick);
    let context = PlanContext::default();
    let mut draft = Draft { rearm: true, ..Draft::new(policy, observed, &context, observed.at) };
    let blueprint = design(policy, observed, &demand, &context.history);
    draft.take(&blueprint.notes);
    connector::plan(&mut draft, &blueprint);
    firewall::plan(&mut draft, &blueprint);
    // Who uses a connector changes nothing of its rules.
    let needed = observed.failures().into_iter().filter(|failure| !failure.call.starts_with("run."));
    let unread: Vec<Note> =
        needed.filter_map(|failure| text::reads::blocked(failure, &draft.asked_at(failure))).collect();
    let steps = draft.steps.into_iter().map(|(step, _)| step).filter(puts_back);
    let steps: Vec<_> = steps.map(|step| Step { after: Vec::new(), ..step }).collect();
    let about_rules = |note: &&Note| note.object.starts_with("firewall/") || note.code == Code::Shadowed;
    let mut plan = Plan {
        steps,
        blocked_by: draft.blocked_by.iter().filter(about_rules).cloned().collect(),
        egress: draft.egress,
        ..Plan::empty(observed.target.clone(), observed.network_name.clone())
    };
    plan.blocked_by.extend(unread);
    let mut notes = [draft.blocked_by, draft.findings].concat();
    notes.sort();
    left_down(&mut plan, policy, observed, pick, &notes);
    sorted(plan)
}

/// Every deny that is down and stays so is told with why.
fn left_down(plan: &mut Plan, policy: &Policy, observed: &Observed, pick: &DenySelector, notes: &[Note]) {
    let Ok(firewalls) = &observed.firewalls else { return };
    for (connector, _, rule) in picked(policy, &observed.network_name.project, firewalls, pick) {
        let id = Object::Firewall(rule.clone()).id();
        let told = plan.steps.iter().any(|step| step.id == id)
            || plan.blocked_by.iter().any(|note| note.code == Code::NotRearmed && note.object == id.to_string());
        if !rule.is_deny() || !rule.disabled || told || !observed.target.has(&connector) {
            continue;
        }
        let settings = &policy.for_connector(&connector).firewall;
        let asked = match rule.direction {
            Direction::Egress => settings.enforcement == Enforcement::Enforce,
            Direction::Ingress => settings.ingress.harden,
        };
        let about = [format!("connector/{}", connector.name), id.to_string()];
        let why: Vec<_> = notes.iter().filter(|n| about.contains(&n.object)).map(|n| n.text.as_str()).collect();
        match listed(observed, &connector) {
            _ if !asked => plan.findings.push(text::break_glass::not_asked(&rule.name)),
            Some(None) => plan.findings.push(text::break_glass::connector_gone(&rule.name, &connector)),
            _ if why.is_empty() => {
                plan.blocked_by.push(text::break_glass::not_rearmed(&rule.name, text::break_glass::UNJUDGED))
            }
            _ => plan.blocked_by.push(text::break_glass::not_rearmed(&rule.name, &why.join("; "))),
        }
    }
}

/// A deny that comes back into force, or is made again, or loses the mark of its release.
fn puts_back(step: &Step) -> bool {
    match &step.change {
        Change::Create(Object::Firewall(rule)) => rule.is_deny() && rule.direction == Direction::Egress,
        Change::Extend { before: Object::Firewall(before), .. } => before.is_deny() && !before.disabled,
        Change::Repair { before: Object::Firewall(before), .. } => before.is_deny() && before.disabled,
        _ => false,
    }
}

/// The picked connectors that stand, opt-outs aside: those that are required, and those that only rules of ours speak of.
fn asked(policy: &Policy, observed: &Observed, pick: &DenySelector) -> Demand {
    let mut demand = demand::demand(policy, observed, &[], observed.at);
    let firewalls = observed.firewalls.as_deref().unwrap_or_default();
    for (connector, ..) in picked(policy, &observed.network_name.project, firewalls, pick) {
        let is_known = demand.connectors.iter().any(|required| required.connector == connector);
        if !is_known && observed.target.has(&connector) {
            let (by, egress) = (vec![Requirer::Stamp], Egress::PrivateRangesOnly);
            demand.connectors.push(Required { connector, by, users: Vec::new(), egress, frozen: None, unread: None });
        }
    }
    let stands = |required: &Required| matches!(listed(observed, &required.connector), Some(Some(_)));
    demand.connectors.retain(|required| pick.holds(policy, &required.connector) && stands(required));
    for required in &mut demand.connectors {
        required.frozen = None;
        required.unread = None;
    }
    Demand { connectors: demand.connectors, ..Demand::default() }
}

/// In an order of its own, whatever that of the lists.
fn sorted(mut plan: Plan) -> Plan {
    plan.steps.sort_by(|a, b| a.id.cmp(&b.id));
    for notes in [&mut plan.blocked_by, &mut plan.findings] {
        notes.sort();
        notes.dedup();
    }
    plan.egress.sort();
    plan.egress.dedup();
    plan
}
