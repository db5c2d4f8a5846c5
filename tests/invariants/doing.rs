//! What a step does to a world, without any wire.

use egress_reconciler::domain::{
    desired::desired,
    plan::{Budget, Change, Object, Plan, Step, plan},
    policy::Policy,
    reach::{self, Reach, Sender},
    state::{connector::ConnectorState, observed::Observed},
};

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
