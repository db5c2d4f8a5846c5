//! The way to the internet: what has to be known before a gateway is written.

use super::gateway;
use crate::domain::{
    demand::{Demand, listed},
    design::{gateway::unused_by, needs_nat, ways_of_direct},
    firewall::reach::COMMON_TAG,
    names::relative,
    policy::{EnsureNat, Policy},
    state::{
        observed::{Needs, Observed},
        requirement::Required,
        router::{Router, covering, router_of},
    },
    target::subnet_path,
    ways::{Ways, ways_from},
};

/// What a look has to add before a gateway is written: asked only where one would be.
pub(in crate::domain) fn needs(policy: &Policy, observed: &Observed, demand: &Demand, needs: &mut Needs) {
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let needing =
        demand.connectors.iter().filter(|required| needs_nat(policy.for_connector(&required.connector), required));
    let gateway_of = |required: &Required| {
        let found = listed(observed, &required.connector)?;
        let form = found.and_then(|found| found.subnet.as_ref());
        let path = form.map(|form| subnet_path(&observed.network_name, &observed.target, &form.name));
        Some(covering(&routers, path.as_deref()))
    };
    let direct = direct_subnets(policy, observed);
    let covered = needing.clone().filter_map(|required| gateway_of(required).flatten());
    let mut covered = covered.chain(direct.iter().filter_map(|subnet| covering(&routers, Some(subnet))));
    needs.addresses |= covered
        .any(|nat| router_of(&routers, nat).is_some_and(|router| !unused_by(policy, observed, router, nat).is_empty()));
    let lacking = needing.filter(|required| gateway_of(required).is_some_and(|nat| nat.is_none()));
    let of_use = |ways: &Ways<'_>| ways.reach_gateway() || ways.parts.is_empty() && !ways.all_idle_lead_elsewhere();
    let mut uncovered =
        lacking.filter(|required| of_use(&ways_from(observed, &[COMMON_TAG, &required.connector.tag()], None)));
    let mut lacking_direct = direct.iter().filter(|subnet| covering(&routers, Some(subnet)).is_none());
    let direct = lacking_direct.any(|subnet| ways_of_direct(observed, subnet).iter().any(of_use));
    gateway::needs(policy, observed, uncovered.next().is_some() || direct, needs);
}

/// The region's subnets of Direct VPC workloads that the policy names, whether they exist or not.
fn direct_subnets(policy: &Policy, observed: &Observed) -> Vec<String> {
    let section = &policy.for_target(&observed.target).nat;
    if section.ensure == EnsureNat::Never {
        return Vec::new();
    }
    let here = section
        .direct_vpc_subnets
        .iter()
        .filter_map(|entry| entry.split_once('/').filter(|(region, _)| *region == observed.target.region.as_str()));
    here.map(|(_, name)| subnet_path(&observed.network_name, &observed.target, name)).collect()
}
