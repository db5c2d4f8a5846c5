//! The way to the internet: any gateway that covers the subnet is right; otherwise ours, on a router of our own.

use super::{Draft, StepId, connector::Standing, gateway};
use crate::domain::{
    names::relative,
    owned::subnet_path,
    policy::EnsureNat,
    reach::COMMON_TAG,
    state::{
        route::Route,
        router::{Nat, Router},
    },
    text,
    wanted::Egress,
};

pub(super) fn plan(draft: &mut Draft<'_>, standings: &[Standing<'_>]) {
    let observed = draft.observed;
    let (Ok(routers), Ok(routes)) = (&observed.routers, &observed.routes) else { return };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let mut uncovered: Vec<String> = Vec::new();
    let mut waits_for: Vec<StepId> = Vec::new();
    for standing in standings.iter().filter(|standing| needs_nat(standing)) {
        let connector = &standing.required.connector;
        if !leads_out(draft, way_out(routes, &network, &[COMMON_TAG, &connector.tag()])) {
            continue;
        }
        match &standing.subnet {
            Some((subnet, _)) if covering(&routers, Some(subnet)).is_none() => {
                uncovered.push(subnet.clone());
                waits_for.extend(standing.made_by.clone());
            }
            None if covering(&routers, None).is_none() => {
                draft.blocked_by.push(text::nat::hidden_subnet(connector));
            }
            Some(_) | None => {}
        }
    }
    let direct = direct_subnets(draft);
    // Which tags a Direct VPC workload bears is its owner's business.
    if !direct.is_empty() && leads_out(draft, way_out(routes, &network, &[])) {
        uncovered.extend(direct.into_iter().filter(|subnet| covering(&routers, Some(subnet)).is_none()));
    }
    uncovered.sort();
    uncovered.dedup();
    gateway::plan(draft, standings, &routers, &uncovered, waits_for);
}

/// Whether a NAT is of use there; if not, why is told.
fn leads_out(draft: &mut Draft<'_>, way: WayOut<'_>) -> bool {
    let note = match way {
        WayOut::Internet => return true,
        WayOut::Nowhere => {
            draft.findings.push(text::nat::no_default_route(&draft.observed.network_name));
            // The route may come later, and the gateway does no harm before.
            return true;
        }
        WayOut::Appliance(route) => text::nat::appliance(&route.name, &route.next_hop()),
    };
    draft.findings.push(note);
    false
}

/// Subnets of Direct VPC workloads that the policy names here.
fn direct_subnets(draft: &mut Draft<'_>) -> Vec<String> {
    let observed = draft.observed;
    let section = &draft.policy.for_target(&observed.target).nat;
    let Ok(subnets) = &observed.subnets else { return Vec::new() };
    if section.ensure == EnsureNat::Never {
        return Vec::new();
    }
    let network = observed.network_name.to_string();
    let mut found = Vec::new();
    for entry in &section.direct_vpc_subnets {
        let Some((region, name)) = entry.split_once('/') else { continue };
        if region != observed.target.region.as_str() {
            continue;
        }
        match subnets.iter().any(|subnet| subnet.name == name && relative(&subnet.network) == network) {
            true => found.push(subnet_path(&observed.network_name, &observed.target, name)),
            false => draft.findings.push(text::nat::no_direct_subnet(entry, &observed.network_name)),
        }
    }
    found
}

fn needs_nat(standing: &Standing<'_>) -> bool {
    match standing.settings.nat.ensure {
        EnsureNat::Never => false,
        EnsureNat::Always => true,
        EnsureNat::WhenNeeded => standing.required.egress == Egress::AllTraffic,
    }
}

/// The gateway that carries the subnet's primary range (`None` = a hidden one) to the internet, whoever owns it.
pub(in crate::domain) fn covering<'a>(routers: &[&'a Router], subnet: Option<&str>) -> Option<&'a Nat> {
    let gateways = routers.iter().flat_map(|router| &router.nats);
    gateways
        .filter(|nat| nat.is_public() && nat.serves_vms() && !nat.is_draining())
        .find(|nat| nat.covers_all_subnets() || subnet.is_some_and(|subnet| nat.lists(subnet)))
}

pub(in crate::domain) enum WayOut<'a> {
    Internet,
    Nowhere,
    Appliance(&'a Route),
}

/// Where packets leave: the default route with the lowest priority number that applies to instances with these tags.
pub(in crate::domain) fn way_out<'a>(routes: &'a [Route], network: &str, tags: &[&str]) -> WayOut<'a> {
    let applies = |route: &Route| route.tags.is_empty() || route.tags.iter().any(|tag| tags.contains(&tag.as_str()));
    let defaults =
        routes.iter().filter(|route| relative(&route.network) == network && route.is_default() && applies(route));
    match defaults.min_by_key(|route| (route.priority, !route.to_internet(), route.name.as_str())) {
        None => WayOut::Nowhere,
        Some(route) if route.to_internet() => WayOut::Internet,
        Some(route) => WayOut::Appliance(route),
    }
}
