//! Which subnets need a way to the internet that nothing gives them: any gateway that covers a subnet is right.

use super::{Draft, Path, gateway};
use crate::domain::{
    firewall::reach::COMMON_TAG,
    names::{last_segment, relative},
    policy::{EnsureNat, Policy},
    state::{
        egress::Egress,
        observed::Observed,
        requirement::Required,
        router::{Router, covering},
    },
    target::subnet_path,
    text,
    ways::{Ways, ways_from},
};

/// Our router as it should be, and the subnets that its gateway comes to list.
pub(super) fn design(draft: &mut Draft<'_>, paths: &[Path<'_>]) -> (Option<Router>, Vec<String>) {
    let observed = draft.observed;
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return (None, Vec::new()) };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let mut uncovered: Vec<String> = Vec::new();
    for path in paths.iter().filter(|path| needs_nat(path.settings, path.required)) {
        let connector = &path.required.connector;
        let subnet = path.subnet.as_ref().map(|(subnet, _)| subnet.as_str());
        if let Some(nat) = covering(&routers, subnet) {
            gateway::unused_addresses(draft, &routers, nat, subnet);
        }
        let ways = ways_from(observed, &[COMMON_TAG, &connector.tag()], path.range);
        if !leads_out(draft, &ways) {
            continue;
        }
        match subnet {
            Some(name) if covering(&routers, subnet).is_none() => uncovered.push(name.to_owned()),
            None if covering(&routers, None).is_none() => draft.block(text::nat::hidden_subnet(connector)),
            Some(_) | None => {}
        }
    }
    let direct = direct_subnets(draft);
    for subnet in &direct {
        if let Some(nat) = covering(&routers, Some(subnet)) {
            gateway::unused_addresses(draft, &routers, nat, Some(subnet));
        }
    }
    for subnet in direct {
        let ways = ways_of_direct(observed, &subnet);
        let best = ways.iter().find(|ways| ways.reach_gateway()).or(ways.first());
        if best.is_some_and(|ways| leads_out(draft, ways)) && covering(&routers, Some(&subnet)).is_none() {
            uncovered.push(subnet);
        }
    }
    uncovered.sort();
    uncovered.dedup();
    if let (false, Some(Err(failure))) = (uncovered.is_empty(), &observed.policy_routes) {
        draft.find(text::routes::policies_unread(failure));
    }
    gateway::design(draft, &routers, &uncovered)
}

/// Where the traffic of a subnet of Direct VPC workloads goes: routes depend on the tags of each. Nobody may be there yet.
pub fn ways_of_direct<'a>(observed: &'a Observed, subnet: &str) -> Vec<Ways<'a>> {
    let mut tags = observed.direct_tags(last_segment(subnet));
    if tags.is_empty() {
        tags.push(Vec::new());
    }
    tags.iter().map(|tags| ways_from(observed, tags, None)).collect()
}

/// Whether a NAT is of use there; if not, why is told.
fn leads_out(draft: &mut Draft<'_>, ways: &Ways<'_>) -> bool {
    if ways.reach_gateway() {
        return true;
    }
    let network = &draft.observed.network_name;
    if ways.elsewhere().next().is_some() {
        draft.find(text::routes::elsewhere(ways));
        return false;
    }
    let by_policy = draft.observed.policy_routes.iter().flatten().any(|routes| !routes.is_empty());
    let of_network = |router: &&Router| relative(&router.network) == network.to_string();
    let by_bgp = draft.observed.routers.iter().flatten().filter(of_network).any(Router::has_peers);
    draft.find(text::routes::none_applies(network, ways, by_policy || by_bgp));
    // The route may come later, and the gateway does no harm before; where all that there is leads to appliances, it is not
    // expected.
    !ways.all_idle_lead_elsewhere()
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
            false => draft.find(text::nat::no_direct_subnet(entry, &observed.network_name)),
        }
    }
    found
}

pub fn needs_nat(settings: &Policy, required: &Required) -> bool {
    match settings.nat.ensure {
        EnsureNat::Never => false,
        EnsureNat::Always => true,
        EnsureNat::WhenNeeded => required.egress == Egress::AllTraffic,
    }
}
