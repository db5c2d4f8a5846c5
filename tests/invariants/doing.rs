//! What a step does to a world, without any wire.

use std::collections::{BTreeMap, HashSet, VecDeque};

use egress_reconciler::domain::{
    demand::demand,
    design::design,
    names::{last_segment, short_hash},
    plan::{Change, Limits, Object, ObjectId, Plan, PlanContext, Step},
    planner::{
        break_glass::{self, DenySelector},
        plan,
    },
    policy::Policy,
    stamp::{RELEASED_FOR, Release},
    state::{
        connector::{Connector, ConnectorState},
        firewall::Firewall,
        observed::Observed,
        read::Read,
        router::Router,
        subnet::Subnet,
    },
};
use serde_json::{Value, json};

pub fn decide(policy: &Policy, world: &Observed, changes: u32) -> Plan {
    let limits = Limits { changes, key: "budget.changes_per_run" };
    let context = PlanContext { limits, ..PlanContext::default() };
    let demand = demand(policy, world, &[], world.at);
    plan(policy, world, &demand, &design(policy, world, &demand, &context.history), &context)
}

pub fn perform(world: &mut Observed, step: &Step) {
    fn put<T>(list: &mut Read<Vec<T>>, item: Option<T>, same: impl Fn(&T) -> bool) {
        let list = list.as_mut().unwrap();
        list.retain(|other| !same(other));
        list.extend(item);
    }
    let stays = !matches!(step.change, Change::Delete(_));
    let Some(object) = step.change.after().or(step.change.before()) else { return };
    let name = object.name().to_owned();
    let now = world.at.to_string();
    let is_new = matches!(step.change, Change::Create(_));
    match object.clone() {
        Object::Network(_) => {}
        Object::Subnet(subnet) => {
            let made = Subnet { creation_timestamp: now, ..subnet };
            put(&mut world.subnets, stays.then_some(made), |other| other.name == name);
        }
        Object::Connector(connector) => {
            let made = Connector { state: ConnectorState::Ready, ..connector };
            put(&mut world.connectors, stays.then_some(made), |other| last_segment(&other.name) == name);
        }
        Object::Router(router) => put(&mut world.routers, stays.then_some(router), |other| other.name == name),
        Object::Firewall(mut rule) => {
            if is_new {
                rule.other.insert("creationTimestamp".into(), json!(now));
            }
            put(&mut world.firewalls, stays.then_some(rule), |other: &Firewall| other.name == name);
        }
    }
}

/// How a plan is carried out: steps that may go side by side end in any order, and one may fail.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    pub seed: u64,
    /// The how manieth step of all, and whether whatever waits for it is left out with it.
    pub fails: Option<usize>,
    pub changes: u32,
}

impl Course {
    pub fn undisturbed(changes: u32) -> Self {
        Self { seed: 0, fails: None, changes }
    }
}

/// Rounds of plan and apply until nothing is left to do; every step on the way, in order. `None` = there is always more.
pub fn settle(policy: &Policy, world: &mut Observed, course: Course) -> Option<Vec<Step>> {
    let mut done: Vec<Step> = Vec::new();
    let mut tried = 0;
    for _ in 0..80 {
        let plan = decide(policy, world, course.changes);
        if plan.steps.is_empty() {
            return Some(done);
        }
        let mut out: HashSet<ObjectId> = HashSet::new();
        for step in in_some_order(plan.steps, course.seed) {
            let fails = course.fails == Some(tried);
            tried += 1;
            if fails || step.after.iter().any(|first| out.contains(first)) {
                out.insert(step.id);
            } else {
                perform(world, &step);
                done.push(step);
            }
        }
    }
    None
}

/// The order of a person: every deny of ours down. Their names.
pub fn release(policy: &Policy, world: &mut Observed) -> Vec<String> {
    let (host, firewalls) = (world.network_name.project.clone(), world.firewalls.clone().unwrap());
    let plans = break_glass::release(
        policy,
        &host,
        &firewalls,
        &DenySelector::default(),
        &Release::new("alice", world.at, RELEASED_FOR),
    );
    let steps: Vec<Step> = plans.into_iter().flat_map(|plan| plan.steps).collect();
    steps.iter().for_each(|step| perform(world, step));
    steps.into_iter().filter_map(|step| Some(step.id.to_string().strip_prefix("firewall/")?.to_owned())).collect()
}

/// One of the orders in which steps can end: any that keeps what waits behind what it waits for.
fn in_some_order(mut left: Vec<Step>, seed: u64) -> Vec<Step> {
    let mut ordered: Vec<Step> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = |step: &Step| step.after.iter().all(|id| left.iter().all(|other| other.id != *id));
        let next = (0..left.len())
            .filter(|at| ready(&left[*at]))
            .min_by_key(|at| if seed == 0 { String::new() } else { short_hash(&format!("{seed}{}", left[*at].id)) });
        ordered.push(left.remove(next.expect("steps that wait for each other")));
    }
    ordered
}

/// Two instances at work on one world: each plans on what it saw, and their writes fall between each other's. A creation
/// that comes second is refused, as is a write to what is gone; it takes along what waits for it. Any other write stands.
pub fn interleave(policy: &Policy, world: &mut Observed, turns: &[bool]) {
    struct Instance {
        steps: VecDeque<Step>,
        lost: HashSet<ObjectId>,
    }
    let mut instances = [0, 1].map(|_| Instance { steps: VecDeque::new(), lost: HashSet::new() });
    for turn in turns {
        // A connector's deletion takes Google minutes: the other's plan is done by then.
        let deletes = |step: &Step| matches!(step.change, Change::Delete(Object::Connector(_)));
        let turn = match instances[usize::from(*turn)].steps.front() {
            Some(step)
                if deletes(step) && instances[usize::from(!turn)].steps.front().is_some_and(|step| !deletes(step)) =>
            {
                !turn
            }
            _ => *turn,
        };
        let instance = &mut instances[usize::from(turn)];
        let Some(step) = instance.steps.pop_front() else {
            // A new round, on what stands by now.
            instance.steps = decide(policy, world, 1000).steps.into();
            instance.lost.clear();
            continue;
        };
        if is_refused(world, &step) || step.after.iter().any(|first| instance.lost.contains(first)) {
            instance.lost.insert(step.id);
        } else {
            perform(world, &step);
        }
    }
}

/// Google takes no second object of a name, no write to what is gone, and keeps gateways and subnets consistent.
fn is_refused(world: &Observed, step: &Step) -> bool {
    let stands = objects(world);
    let lists = |router: &Router, subnet: &str| {
        router.nats.iter().flat_map(|nat| &nat.subnetworks).any(|entry| last_segment(&entry.name) == subnet)
    };
    let known = |router: &Router| {
        let mut entries = router.nats.iter().flat_map(|nat| &nat.subnetworks);
        entries.all(|entry| stands.contains_key(&format!("subnet/{}", last_segment(&entry.name))))
    };
    match (step.change.before(), step.change.after()) {
        (None, Some(Object::Router(after))) => stands.contains_key(&step.id.to_string()) || !known(after),
        (None, _) => stands.contains_key(&step.id.to_string()),
        (Some(Object::Router(_)), Some(Object::Router(after))) => {
            !stands.contains_key(&step.id.to_string()) || !known(after)
        }
        (Some(Object::Subnet(subnet)), None) => {
            world.routers.iter().flatten().any(|router| lists(router, &subnet.name))
        }
        // A connector is looked at once more before it is deleted.
        (Some(before @ Object::Connector(_)), _) => {
            stands.get(&step.id.to_string()) != Some(&sorted(before.document()))
        }
        (Some(_), _) => !stands.contains_key(&step.id.to_string()),
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
    all.map(|object| (object.id().to_string(), sorted(object.document()))).collect()
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
