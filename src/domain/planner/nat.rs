//! The way to the internet: any gateway that covers the subnet is right; otherwise ours, on a router of our own.

use super::{draft::Draft, gateway, standing::Standing};
use crate::domain::{
    demand::{Desired, listed},
    firewall::reach::COMMON_TAG,
    names::relative,
    plan::StepId,
    policy::{EnsureNat, Policy},
    state::{
        egress::Egress,
        observed::{Needs, Observed},
        requirement::Required,
        router::{Router, covering},
    },
    target::subnet_path,
    text,
    ways::{Ways, ways_from},
};

pub(super) fn plan(draft: &mut Draft<'_>, standings: &[Standing<'_>]) {
    let observed = draft.observed;
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let mut uncovered: Vec<String> = Vec::new();
    let mut waits_for: Vec<StepId> = Vec::new();
    for standing in standings.iter().filter(|standing| needs_nat(standing.settings, standing.required)) {
        let connector = &standing.required.connector;
        let path = standing.subnet.as_ref().map(|(path, _)| path.as_str());
        if let Some(nat) = covering(&routers, path) {
            gateway::unused_addresses(draft, &routers, nat, path);
        }
        let ways = ways_from(observed, &[COMMON_TAG, &connector.tag()], standing.range);
        if !leads_out(draft, &ways) {
            continue;
        }
        match path {
            Some(subnet) if covering(&routers, path).is_none() => {
                uncovered.push(subnet.to_owned());
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
    if !direct.is_empty() && leads_out(draft, &ways_from(observed, &[], None)) {
        uncovered.extend(direct.into_iter().filter(|subnet| covering(&routers, Some(subnet)).is_none()));
    }
    uncovered.sort();
    uncovered.dedup();
    if let (false, Some(Err(failure))) = (uncovered.is_empty(), &observed.policy_routes) {
        draft.tell(text::routes::policies_unread(failure));
    }
    gateway::plan(draft, standings, &routers, &uncovered, waits_for);
}

/// Whether a NAT is of use there; if not, why is told.
fn leads_out(draft: &mut Draft<'_>, ways: &Ways<'_>) -> bool {
    if ways.reach_gateway() {
        return true;
    }
    let network = &draft.observed.network_name;
    if ways.elsewhere().next().is_some() {
        draft.tell(text::routes::elsewhere(ways));
        return false;
    }
    draft.tell(text::routes::none_applies(network, ways));
    // The route may come later, and the gateway does no harm before; where all that there is leads to appliances, it is not
    // expected.
    !ways.all_idle_lead_elsewhere()
}

/// What a look has to add before a gateway is written: asked only where one would be.
pub(in crate::domain) fn needs(policy: &Policy, observed: &Observed, desired: &Desired, needs: &mut Needs) {
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let settings = policy.for_target(&observed.target);
    let needing =
        desired.connectors.iter().filter(|required| needs_nat(policy.for_connector(&required.connector), required));
    let lacking = needing.filter(|required| match listed(observed, &required.connector) {
        None => false,
        Some(None) => covering(&routers, None).is_none(),
        Some(Some(found)) => {
            let form = found.subnet.as_ref();
            let path = form.map(|form| subnet_path(&observed.network_name, &observed.target, &form.name));
            covering(&routers, path.as_deref()).is_none()
        }
    });
    let of_use = |ways: &Ways<'_>| ways.reach_gateway() || ways.parts.is_empty() && !ways.all_idle_lead_elsewhere();
    let mut uncovered =
        lacking.filter(|required| of_use(&ways_from(observed, &[COMMON_TAG, &required.connector.tag()], None)));
    let direct = settings.nat.ensure != EnsureNat::Never
        && settings.nat.direct_vpc_subnets.iter().any(|entry| {
            let of_region = entry.split_once('/').filter(|(region, _)| *region == observed.target.region.as_str());
            let path = of_region.map(|(_, name)| subnet_path(&observed.network_name, &observed.target, name));
            path.is_some_and(|path| covering(&routers, Some(&path)).is_none())
        })
        && of_use(&ways_from(observed, &[], None));
    gateway::needs(policy, observed, uncovered.next().is_some() || direct, needs);
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

fn needs_nat(settings: &Policy, required: &Required) -> bool {
    match settings.nat.ensure {
        EnsureNat::Never => false,
        EnsureNat::Always => true,
        EnsureNat::WhenNeeded => required.egress == Egress::AllTraffic,
    }
}
