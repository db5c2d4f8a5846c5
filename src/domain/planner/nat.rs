//! The way to the internet: what has to be known before a gateway is written.

use super::gateway;
use crate::domain::{
    demand::{Demand, listed},
    design::{gateway::lacks_addresses, needs_nat},
    firewall::reach::COMMON_TAG,
    names::relative,
    ownership::NAT_NAME,
    policy::{EnsureNat, Policy},
    state::{
        observed::{Needs, Observed},
        requirement::Required,
        router::{Router, covering},
    },
    target::subnet_path,
    ways::{Ways, ways_from},
};

/// What a look has to add before a gateway is written: asked only where one would be.
pub(in crate::domain) fn needs(policy: &Policy, observed: &Observed, demand: &Demand, needs: &mut Needs) {
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let network = observed.network_name.to_string();
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let settings = policy.for_target(&observed.target);
    let needing =
        demand.connectors.iter().filter(|required| needs_nat(policy.for_connector(&required.connector), required));
    let gateway_of = |required: &Required| {
        let found = listed(observed, &required.connector)?;
        let form = found.and_then(|found| found.subnet.as_ref());
        let path = form.map(|form| subnet_path(&observed.network_name, &observed.target, &form.name));
        Some(covering(&routers, path.as_deref()))
    };
    let covered = needing.clone().filter_map(|required| gateway_of(required).flatten());
    needs.addresses |= covered.into_iter().any(|nat| nat.name != NAT_NAME && lacks_addresses(policy, observed, nat));
    let lacking = needing.filter(|required| gateway_of(required).is_some_and(|nat| nat.is_none()));
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
