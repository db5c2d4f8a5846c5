//! Letting go what nothing asks for any more: the connector first, then its line in our NAT's list, its rules with the deny
//! last, and its subnet. Each only after a later look has found what stands before it gone.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::draft::Draft;
use crate::domain::{
    demand::{Demand, PRUNED_AFTER, listed},
    names::{ConnectorRef, last_segment, relative},
    ownership::{infra_rule, stamped, stamped_rules},
    plan::{Change, Object, ObjectId},
    policy::Prune,
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState},
        requirement::{Required, Requirer},
        router::Router,
        subnet::Subnet,
        traffic,
    },
    target::subnet_path,
    text,
};

pub(super) fn plan(draft: &mut Draft<'_>, demand: &Demand) {
    let observed = draft.observed;
    mark(draft, demand);
    draft.findings.extend(demand.left_over.iter().map(text::prune::left_over));
    if let Some(Ok(series)) = &observed.traffic {
        let busy = demand.idle.iter().filter(|connector| traffic::is_busy(series, connector));
        draft.findings.extend(busy.map(text::prune::busy));
    }
    let mut gone = Vec::new();
    for connector in &demand.unused {
        match listed(observed, connector) {
            Some(Some(standing)) => leave(draft, connector, standing),
            Some(None) => gone.push(connector),
            None => {}
        }
    }
    // A workload with Direct VPC egress may be on it: without the gateway's line it has no way out.
    let on_it: BTreeSet<&str> = observed.direct_subnets().map(|subnet| subnet.name.as_str()).collect();
    let subnets: Vec<(ConnectorRef, &Subnet)> = stamped(draft.policy, observed)
        .into_iter()
        .filter(|(connector, stamp, subnet)| gone.contains(&connector) || superseded(draft, connector, stamp, subnet))
        .filter(|(.., subnet)| !on_it.contains(subnet.name.as_str()))
        .map(|(connector, _, subnet)| (connector, subnet))
        .collect();
    let first = match unlist(draft, &subnets) {
        Unlisted::Done => Vec::new(),
        Unlisted::By(step) => vec![step],
        // The subnets are still in use, or nobody knows.
        Unlisted::Later => return,
    };
    for connector in gone {
        let rules = remove_rules(draft, connector, &first);
        for (_, subnet) in subnets.iter().filter(|(named, _)| named == connector) {
            remove_subnet(draft, connector, subnet, [first.clone(), rules.clone()].concat());
        }
    }
    for (connector, subnet) in &subnets {
        if !demand.unused.contains(connector) {
            remove_subnet(draft, connector, subnet, first.clone());
        }
    }
}

/// Since when nothing asks for a connector, written where it lasts: on its infra rule. Who asks for it again wipes it off.
fn mark(draft: &mut Draft<'_>, demand: &Demand) {
    let observed = draft.observed;
    // The days count from a look that saw everything; idle is only what no kind of user names.
    if !observed.failures().is_empty() {
        return;
    }
    let by_somebody = |required: &&Required| required.by.iter().any(|by| *by != Requirer::Stamp);
    let asked_for = demand.connectors.iter().filter(by_somebody).map(|required| &required.connector);
    let marks = demand.idle.iter().map(|connector| (connector, Some(draft.now)));
    let marks: Vec<_> = marks.chain(asked_for.map(|connector| (connector, None))).collect();
    for (connector, since) in marks {
        let Some((stamp, rule)) = infra_rule(draft.policy, observed, connector) else { continue };
        if stamp.unused.is_some() == since.is_some() {
            continue;
        }
        let description = Stamp { unused: since, ..stamp }.to_string();
        let mode = draft.policy.for_connector(connector).mode;
        draft.mark(rule, description, text::prune::mark(connector, since.is_some()), mode);
    }
}

/// The connector itself.
fn leave(draft: &mut Draft<'_>, connector: &ConnectorRef, standing: &Connector) {
    match standing.state {
        ConnectorState::Ready | ConnectorState::Error => {}
        state => {
            draft.waiting_on.push(text::connector::waiting(connector, state));
            return;
        }
    }
    if let Some(Err(failure)) = &draft.observed.traffic {
        // The other proofs have to do.
        draft.findings.push(text::prune::traffic_unread(connector, failure));
    }
    let mode = draft.policy.for_connector(connector).mode;
    let change = Change::Delete(Object::Connector(standing.clone()));
    draft.push(change, Vec::new(), text::prune::connector(connector), mode);
}

/// A subnet of an earlier attempt, whose connector stands on a later one.
fn superseded(draft: &Draft<'_>, connector: &ConnectorRef, stamp: &Stamp, subnet: &Subnet) -> bool {
    let Some(Some(standing)) = listed(draft.observed, connector) else { return false };
    // One that was not read may have opted out.
    if !draft.observed.reads_every_user() {
        return false;
    }
    let elsewhere = standing.subnet.as_ref().is_some_and(|form| form.name != subnet.name);
    let age = |at| -> SignedDuration { draft.now.duration_since(at) };
    elsewhere
        && stamp.attempt.unwrap_or(1) == 1
        && standing.state == ConnectorState::Ready
        && subnet.created().is_some_and(|at| age(at) >= PRUNED_AFTER)
        && draft.policy.for_connector(connector).connector.prune == Prune::SevenDays
}

enum Unlisted {
    /// No gateway lists them.
    Done,
    By(ObjectId),
    Later,
}

/// Takes the subnets off the list of our gateway; Google deletes no subnet that a gateway lists.
fn unlist(draft: &mut Draft<'_>, subnets: &[(ConnectorRef, &Subnet)]) -> Unlisted {
    let observed = draft.observed;
    let Ok(routers) = &observed.routers else { return Unlisted::Later };
    let leaving: BTreeSet<String> =
        subnets.iter().map(|(_, subnet)| subnet_path(&observed.network_name, &observed.target, &subnet.name)).collect();
    let lists = |router: &&Router| {
        let mut entries = router.nats.iter().flat_map(|nat| &nat.subnetworks);
        entries.any(|entry| leaving.contains(relative(&entry.name)))
    };
    let mut listing = routers.iter().filter(lists);
    let Some(router) = listing.next() else { return Unlisted::Done };
    let region = &observed.target.region;
    let path = format!("projects/{}/regions/{region}/routers/{}", observed.network_name.project, router.name);
    let id = Object::Router(router.clone()).id();
    let is_ours = Stamp::ours(&router.description, &draft.policy.owner, &path).is_some();
    if !is_ours || listing.next().is_some() || draft.steps.iter().any(|(step, _)| step.id == id) {
        return Unlisted::Later;
    }
    let mut after = router.clone();
    for nat in &mut after.nats {
        nat.subnetworks.retain(|entry| !leaving.contains(relative(&entry.name)));
    }
    // Google takes no list without an entry.
    after.nats.retain(|nat| nat.covers_all_subnets() || !nat.subnetworks.is_empty());
    let names: Vec<_> = leaving.iter().map(|path| last_segment(path).to_owned()).collect();
    let change = Change::Repair { before: Object::Router(router.clone()), after: Object::Router(after) };
    let mode = draft.policy.for_target(&observed.target).mode;
    Unlisted::By(draft.push(change, Vec::new(), text::prune::unlist(&names), mode))
}

/// The rules of a connector that is gone; the deny goes when nothing else is left.
fn remove_rules(draft: &mut Draft<'_>, connector: &ConnectorRef, first: &[ObjectId]) -> Vec<ObjectId> {
    let mode = draft.policy.for_connector(connector).mode;
    let mut rules = stamped_rules(draft.policy, draft.observed, connector);
    rules.sort_by_key(|rule| (rule.is_deny(), rule.name.clone()));
    let mut steps = Vec::new();
    for rule in rules {
        let after = if rule.is_deny() { [first, &steps].concat() } else { first.to_vec() };
        let change = Change::Delete(Object::Firewall(rule.clone()));
        steps.push(draft.push(change, after, text::prune::rule(connector), mode));
    }
    steps
}

fn remove_subnet(draft: &mut Draft<'_>, connector: &ConnectorRef, subnet: &Subnet, after: Vec<ObjectId>) {
    let mode = draft.policy.for_connector(connector).mode;
    let change = Change::Delete(Object::Subnet(subnet.clone()));
    draft.push(change, after, text::prune::subnet(connector), mode);
}
