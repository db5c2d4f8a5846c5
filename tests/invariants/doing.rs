//! What a step does to a world, without any wire.

use std::collections::{BTreeMap, HashSet, VecDeque};

use egress_reconciler::domain::{
    desired::desired,
    plan::{
        Budget, Change, Object, Plan, Step, StepId,
        emergency::{self, Pick},
        plan,
    },
    policy::Policy,
    reach::{self, Reach, Sender},
    state::{
        connector::ConnectorState,
        observed::{Observed, Read},
    },
};
use serde_json::Value;

pub fn decide(policy: &Policy, world: &Observed, changes: u32) -> Plan {
    let budget = Budget { changes, limit: "budget.changes_per_run", ..Budget::default() };
    plan(policy, world, &desired(policy, world, &[], world.at), &budget, world.at)
}

pub fn perform(world: &mut Observed, step: &Step) {
    fn put<T>(list: &mut Vec<T>, item: T, same: impl Fn(&T) -> bool) {
        list.retain(|other| !same(other));
        list.push(item);
    }
    let remove = matches!(step.change, Change::Delete(_));
    let Some(object) = step.change.after().or(step.change.before()) else { return };
    match object.clone() {
        Object::Network(_) => {}
        Object::Subnet(mut subnet) => {
            subnet.creation_timestamp = "2026-11-23T12:00:00Z".into();
            let name = subnet.name.clone();
            put(world.subnets.as_mut().unwrap(), subnet, |other| other.name == name);
        }
        Object::Connector(mut connector) => {
            connector.state = ConnectorState::Ready;
            let name = connector.name.clone();
            put(world.connectors.as_mut().unwrap(), connector, |other| other.name == name);
        }
        Object::Router(router) => {
            let name = router.name.clone();
            put(world.routers.as_mut().unwrap(), router, |other| other.name == name);
        }
        Object::Firewall(rule) => {
            let rules = world.firewalls.as_mut().unwrap();
            rules.retain(|other| other.name != rule.name);
            if !remove {
                rules.push(rule);
            }
        }
    }
}

/// The order of a person: every deny of ours down. Their names.
pub fn release(policy: &Policy, world: &mut Observed) -> Vec<String> {
    let (host, firewalls) = (world.network_name.project.clone(), world.firewalls.clone().unwrap());
    let plans = emergency::release(policy, &host, &firewalls, &Pick::default(), "alice", world.at);
    let steps: Vec<Step> = plans.into_iter().flat_map(|plan| plan.steps).collect();
    steps.iter().for_each(|step| perform(world, step));
    steps.into_iter().filter_map(|step| Some(step.id.0.strip_prefix("firewall/")?.to_owned())).collect()
}

/// Every step but one, and but those that wait for it.
pub fn perform_all_but(world: &mut Observed, steps: &[Step], failing: &StepId) {
    let mut out = vec![failing];
    for step in steps {
        if out.contains(&&step.id) || step.after.iter().any(|first| out.contains(&first)) {
            out.push(&step.id);
        } else {
            perform(world, step);
        }
    }
}

/// Two instances at work on one world: each plans on what it saw, and their writes fall between each other's. A creation
/// that comes second is refused, and takes along what waits for it; any other write stands.
pub fn interleave(policy: &Policy, world: &mut Observed, turns: &[bool]) {
    struct Instance {
        steps: VecDeque<Step>,
        lost: HashSet<StepId>,
    }
    let mut instances = [0, 1].map(|_| Instance { steps: VecDeque::new(), lost: HashSet::new() });
    for turn in turns {
        let instance = &mut instances[usize::from(*turn)];
        let Some(step) = instance.steps.pop_front() else {
            // A new round, on what stands by now.
            instance.steps = decide(policy, world, 1000).steps.into();
            instance.lost.clear();
            continue;
        };
        let second = matches!(step.change, Change::Create(_)) && objects(world).contains_key(&step.id.0);
        if second || step.after.iter().any(|first| instance.lost.contains(first)) {
            instance.lost.insert(step.id);
        } else {
            perform(world, &step);
        }
    }
}

/// What stands, by kind and name.
pub fn objects(world: &Observed) -> BTreeMap<String, Value> {
    fn of<T: Clone>(list: &Read<Vec<T>>, object: fn(T) -> Object) -> impl Iterator<Item = Object> + '_ {
        list.iter().flatten().cloned().map(object)
    }
    let all = of(&world.subnets, Object::Subnet)
        .chain(of(&world.connectors, Object::Connector))
        .chain(of(&world.routers, Object::Router))
        .chain(of(&world.firewalls, Object::Firewall));
    all.map(|object| (object.id().0, sorted(object.document()))).collect()
}

/// A list's order says nothing.
fn sorted(mut document: Value) -> Value {
    match &mut document {
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = sorted(item.take());
            }
            items.sort_by_key(Value::to_string);
        }
        Value::Object(map) => map.values_mut().for_each(|value| *value = sorted(value.take())),
        _ => {}
    }
    document
}

/// Rounds of plan and apply until nothing is left to do; every step on the way, in order.
pub fn settle(policy: &Policy, world: &mut Observed, changes: u32) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for _ in 0..60 {
        let plan = decide(policy, world, changes);
        if plan.steps.is_empty() {
            return Some(steps);
        }
        for step in plan.steps {
            perform(world, &step);
            steps.push(step);
        }
    }
    None
}

/// What gets out of `conn-INDEX`.
pub fn reach_of(world: &Observed, index: usize) -> Reach {
    let tag = format!("vpc-connector-europe-west2-conn-{index}");
    let sender = Sender { tag: &tag, range: None };
    reach::allowed(&reach::decide(sender, world.firewalls.as_ref().unwrap(), world.effective.as_ref().unwrap(), false))
}
