//! Our own gateway: what of it differs from the blueprint.

use std::sync::Arc;

use super::draft::Draft;
use crate::domain::{
    audit::signal::Trigger,
    demand::{Demand, listed},
    design::{
        Blueprint, Path,
        gateway::{STATIC_IPS, drift, nat},
    },
    names::{ConnectorRef, last_segment, relative},
    ownership::{own_name, own_nat, own_router, stamped},
    plan::{Change, Note, Object},
    policy::{Policy, Prune},
    state::{
        egress::Egress,
        observed::{Needs, Observed},
        requirement::{Required, Requirer},
        router::{Nat, Router},
    },
    target::subnet_path,
    text::{self, nat::Need},
};

/// Why the uncovered subnets need a gateway: the reason of most weight.
fn need(blueprint: &Blueprint<'_>) -> Need {
    let listed =
        |path: &&Path<'_>| path.subnet.as_ref().is_some_and(|(subnet, _)| blueprint.uncovered.contains(subnet));
    let widest = blueprint.paths.iter().filter(listed).map(|path| path.required.egress).max();
    match widest {
        None => Need::DirectVpc,
        Some(Egress::AllTraffic) => Need::AllTraffic,
        Some(_) => Need::Always,
    }
}

/// Creates or extends our gateway so that it lists what nothing covers; where nothing is uncovered, repairs its settings.
pub(super) fn plan(draft: &mut Draft<'_>, demand: &Demand, blueprint: &Blueprint<'_>) {
    let observed = draft.observed;
    if observed.routers.is_err() || observed.routes.is_err() {
        return;
    }
    let ours = own_router(draft.policy, observed);
    if let Some(router) = ours {
        dead(draft, router, demand, &blueprint.paths);
    }
    let (Some(wanted), uncovered) = (&blueprint.router, &blueprint.uncovered) else { return };
    let settings = draft.policy.for_target(&observed.target);
    let by = draft.context.history.touched_by.get(&own_name(observed).1).map(String::as_str);
    let listed = |path: &&Path<'_>| path.subnet.as_ref().is_some_and(|(subnet, _)| uncovered.contains(subnet));
    let waits_for = blueprint.paths.iter().filter(listed).filter_map(Path::subnet_step).collect();
    match ours {
        None => {
            let reason = text::nat::create(uncovered, need(blueprint), &settings.nat.static_ips);
            draft.push(Change::Create(Object::Router(wanted.clone())), waits_for, reason, settings.mode);
        }
        Some(router) if !uncovered.is_empty() => {
            let reason = text::nat::extend(uncovered, router.nats.is_empty(), by);
            let (before, after) = (Object::Router(router.clone()), Object::Router(with_list_of(router, wanted)));
            draft.push(Change::Extend { before, after }, waits_for, reason, settings.mode);
        }
        Some(router) => {
            let (Some(existing), Some(own)) = (own_nat(router), own_nat(wanted)) else { return };
            let drifted = drift(existing, own);
            if drifted.is_empty() {
                return;
            }
            let (before, after) = (Object::Router(router.clone()), Object::Router(wanted.clone()));
            draft.push(Change::Repair { before, after }, Vec::new(), text::nat::repair(&drifted, by), settings.mode);
        }
    }
}

/// Our router with the list of the one that is wanted; its settings are repaired in a later round.
fn with_list_of(router: &Router, wanted: &Router) -> Router {
    let mut after = router.clone();
    let Some(own) = own_nat(wanted) else { return after };
    match after.nats.iter_mut().find(|nat| nat.name == own.name) {
        Some(nat) => nat.subnetworks.clone_from(&own.subnetworks),
        None => after.nats.push(own.clone()),
    }
    after
}

/// Whose changes Google refused because of our gateway.
pub fn refused_for(policy: &Policy, observed: &Observed, triggers: &[Arc<Trigger>]) -> Vec<Note> {
    let network = observed.network_name.to_string();
    let here = || observed.routers.iter().flatten().filter(|router| relative(&router.network) == network);
    let Some((router, own)) = own_router(policy, observed).and_then(|router| Some((router, own_nat(router)?))) else {
        return Vec::new();
    };
    // Beside a gateway for all subnets there is no other: then that one is in the way, not ours.
    let others = || {
        let nats = here().filter(|other| other.name != router.name).flat_map(|other| &other.nats);
        nats.filter(|nat| nat.is_public() && nat.serves_vms())
    };
    if others().any(Nat::covers_all_subnets) {
        return Vec::new();
    }
    let of_network = |trigger: &&Arc<Trigger>| {
        let name = last_segment(&trigger.resource);
        let known = observed.routers.iter().flatten().find(|router| router.name == name);
        // The router of a refused insert exists nowhere; a bare or partial link has the name alone.
        let asked = trigger.told.nat_network.as_deref().map(relative);
        let is_here =
            |named: &str| network == named || network.ends_with(&format!("/{}", named.trim_start_matches('/')));
        asked.is_none_or(is_here) && known.is_none_or(|router| relative(&router.network) == network)
    };
    let place = (&observed.network_name.project, &observed.target.region);
    let mut notes: Vec<Note> = Vec::new();
    for trigger in triggers.iter().filter(of_network) {
        let Some(words) = &trigger.refusal else { continue };
        if !is_about(words, &trigger.told.nat_subnets, own, others().next().is_some()) {
            continue;
        }
        let note = text::nat::refused(trigger.principal.as_deref(), &trigger.resource, words, (router, own), place);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// Whether a gateway is the one that Google's words are about: of a subnet that two list, they do not name the other.
fn is_about(words: &str, asked: &[String], own: &Nat, has_others: bool) -> bool {
    match words.contains("already configured") {
        false => true,
        true if asked.is_empty() => !has_others,
        true => own.subnetworks.iter().any(|entry| asked.iter().any(|name| name == last_segment(&entry.name))),
    }
}

/// What has to be known before our gateway is written; `uncovered` = it is to list one more subnet.
pub(super) fn needs(policy: &Policy, observed: &Observed, uncovered: bool, needs: &mut Needs) {
    let settings = policy.for_target(&observed.target);
    let ours = own_router(policy, observed);
    let own = ours.and_then(own_nat);
    let drifted = own.map(|own| drift(own, &nat(settings, observed, &[]))).unwrap_or_default();
    let written = uncovered || !drifted.is_empty();
    let addresses = (own.is_none() && uncovered) || drifted.contains(&STATIC_IPS);
    needs.policy_routes |= uncovered;
    needs.addresses |= addresses && !settings.nat.static_ips.is_empty();
    needs.router_status.extend(ours.filter(|_| own.is_some() && written).map(|router| router.name.clone()));
}

/// Subnets of ours that the gateway lists though no connector stands on them, now or after this plan. Other projects'
/// subnets are theirs to judge.
fn dead(draft: &mut Draft<'_>, router: &Router, demand: &Demand, paths: &[Path<'_>]) {
    let observed = draft.observed;
    let Ok(connectors) = &observed.connectors else { return };
    let entries: Vec<_> = router.nats.iter().flat_map(|nat| &nat.subnetworks).collect();
    let stays = |connector: &ConnectorRef| draft.policy.for_connector(connector).connector.prune == Prune::Never;
    for (connector, _, subnet) in stamped(draft.policy, observed).into_iter().filter(|(of, ..)| stays(of)) {
        let name = subnet_path(&observed.network_name, &observed.target, &subnet.name);
        // One that could not be created yet is still asked for.
        let is_missing = matches!(listed(observed, &connector), Some(None));
        let asked = |required: &Required| {
            is_missing && required.connector == connector && required.by.iter().any(Requirer::is_alive)
        };
        let in_use = demand.connectors.iter().any(asked)
            || connectors.iter().any(|other| other.subnet.as_ref().is_some_and(|form| form.name == subnet.name))
            || paths.iter().any(|path| path.subnet.as_ref().is_some_and(|(used, _)| *used == name));
        if !in_use && entries.iter().any(|entry| relative(&entry.name) == name) {
            draft.findings.push(text::nat::dead_subnet(&router.name, &subnet.name, &connector));
        }
    }
}
