//! Mode and budget: what they hold back, with all that depends on it.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::domain::{
    plan::{HoldReason, Kind, ObjectId, Plan, Step, Withheld},
    policy::Mode,
    state::observed::Observed,
    text,
};

/// Orders the steps, holds back what may not be done, and closes the plan.
pub(super) fn apply(draft: Draft<'_>) -> Plan {
    let observed = draft.observed;
    let mut withheld = draft.withheld;
    let mut blocked_by = draft.blocked_by;
    let mut held: BTreeSet<ObjectId> = BTreeSet::new();
    let mut steps: Vec<Step> = Vec::new();
    for (step, mode) in ordered(draft.steps) {
        let waits_for_held = step.after.iter().find(|id| held.contains(*id)).cloned();
        let room = u32::try_from(steps.len()).unwrap_or(u32::MAX) < draft.context.limits.changes;
        let left_alone = draft.context.history.left_alone.get(&step.repeat());
        let (why, text) = match (step.change.permitted_by(mode), waits_for_held, left_alone) {
            (false, ..) => (HoldReason::Mode, text::limits::mode(mode, step.change.verb(), &step.reason)),
            (true, Some(first), _) => (reason_of(&withheld, &first), text::limits::depends(&first, &step.reason)),
            (true, None, Some(until)) => {
                let by = draft.context.history.touched_by.get(&path(observed, &step)).map(String::as_str);
                blocked_by.push(text::limits::left_alone(&step.id, *until, by));
                (HoldReason::Budget, text::limits::undone(*until, &step.reason))
            }
            (true, None, None) if !room => {
                (HoldReason::Budget, text::limits::budget(draft.context.limits.key, &step.reason))
            }
            (true, None, None) => {
                steps.push(step);
                continue;
            }
        };
        held.insert(step.id.clone());
        withheld.push(Withheld::of(step, why, text));
    }
    let mut plan = Plan {
        target: observed.target.clone(),
        network: observed.network_name.clone(),
        steps,
        withheld,
        waiting_on: draft.waiting_on,
        blocked_by,
        findings: draft.findings,
        egress: draft.egress,
    };
    for notes in [&mut plan.waiting_on, &mut plan.blocked_by, &mut plan.findings] {
        notes.sort();
        notes.dedup();
    }
    plan.egress.sort();
    plan
}

/// The relative name of what a step changes.
fn path(observed: &Observed, step: &Step) -> String {
    let (host, region) = (&observed.network_name.project, &observed.target.region);
    let ObjectId { kind, name } = &step.id;
    match kind {
        Kind::Connector => format!("{}/connectors/{name}", observed.target),
        Kind::Subnet => format!("projects/{host}/regions/{region}/subnetworks/{name}"),
        Kind::Router => format!("projects/{host}/regions/{region}/routers/{name}"),
        Kind::Network => format!("projects/{host}/global/networks/{name}"),
        Kind::Firewall => format!("projects/{host}/global/firewalls/{name}"),
    }
}

fn reason_of(withheld: &[Withheld], step: &ObjectId) -> HoldReason {
    withheld.iter().find(|entry| entry.step == *step).map_or(HoldReason::Mode, |entry| entry.why)
}

/// Steps after what they wait for; else by kind and name, so that list order changes nothing.
fn ordered(mut steps: Vec<(Step, Mode)>) -> Vec<(Step, Mode)> {
    // What others stand on comes first.
    let rank = |step: &Step| match step.id.kind {
        Kind::Network => 0,
        Kind::Subnet => 1,
        Kind::Connector => 2,
        Kind::Router => 3,
        Kind::Firewall => 4,
    };
    // Within the firewall family the planner's own order counts: it follows the roles.
    steps.sort_by_key(|(step, _)| rank(step));
    let mut done: BTreeSet<ObjectId> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(steps.len());
    while !steps.is_empty() {
        let ready = steps.iter().position(|(step, _)| step.after.iter().all(|id| done.contains(id)));
        // The planner makes no cycles; if it did, the rest would stand in its own order rather than be lost.
        let (step, mode) = steps.remove(ready.unwrap_or(0));
        done.insert(step.id.clone());
        sorted.push((step, mode));
    }
    sorted
}
