//! The way to the internet: routes, and NAT.

use ipnet::Ipv4Net;

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    codes::HopCode,
    ownership::own_router,
    policy::EnsureNat,
    state::router::{covering, router_of},
    text,
    ways::{Ways, ways_from},
};

impl Scene<'_> {
    /// Routes and NAT. `subnet` is its relative name; `None` = a hidden one, or none that exists. `from` = the tags and the
    /// range of the instances there.
    pub(super) fn outwards(
        &self,
        subnet: Option<&str>,
        all: bool,
        ensure: EnsureNat,
        from: (&[&str], Option<Ipv4Net>),
    ) -> Vec<Hop> {
        let hop = |state, text| Hop::new(HopKind::Nat, "", state, text);
        if !all && ensure != EnsureNat::Always {
            return vec![hop(HopState::NotNeeded, text::explain::private_only()).code(HopCode::PrivateOnly)];
        }
        if let Err(failure) = &self.observed.routes {
            return vec![Hop::unread(HopKind::Routes, "", failure).evidence(self.routes_evidence())];
        }
        let ways = ways_from(self.observed, from.0, from.1);
        let routes = self.routes(&ways);
        match (ways.reach_gateway(), ways.elsewhere().next()) {
            (true, _) => vec![routes, self.nat(subnet, ensure)],
            (false, Some(_)) => {
                vec![routes, hop(HopState::NotNeeded, text::explain::nat_elsewhere()).code(HopCode::Appliance)]
            }
            (false, None) => vec![routes],
        }
    }

    /// Where the routes that can be read lead packets for the internet.
    fn routes(&self, ways: &Ways<'_>) -> Hop {
        let hop = |state, text| Hop::new(HopKind::Routes, "", state, text);
        let policies = self.observed.policy_routes.as_ref().and_then(|read| read.as_ref().err());
        let mut notes = if ways.reach_gateway() { text::routes::hop::partly(ways) } else { Vec::new() };
        notes.extend(policies.map(|failure| text::routes::policies_unread(failure).text));
        let hop = match (ways.reach_gateway(), ways.elsewhere().next()) {
            (true, _) => hop(HopState::Ok, text::routes::hop::gateway(ways)),
            (false, Some(_)) => hop(HopState::Ok, text::routes::hop::elsewhere(ways)).code(HopCode::Appliance),
            // Dynamic routes are not seen: that nothing gets out is likely, and not known.
            (false, None) => {
                let hop = hop(HopState::Unknown, text::routes::hop::none(ways)).code(HopCode::NoRoute);
                return Hop { unsure: true, ..hop }.evidence(self.routes_evidence());
            }
        };
        Hop { notes, ..hop }.evidence(self.routes_evidence())
    }

    fn nat(&self, subnet: Option<&str>, ensure: EnsureNat) -> Hop {
        let hop = |name: &str, state, text| Hop::new(HopKind::Nat, name, state, text);
        let routers = match &self.observed.routers {
            Ok(routers) => routers,
            Err(failure) => return Hop::unread(HopKind::Nat, "", failure).evidence(self.routers_evidence()),
        };
        let here = self.here(routers);
        if let Some(nat) = covering(&here, subnet) {
            let router = router_of(&here, nat).map_or("", |router| router.name.as_str());
            let mut notes = self.notes(&[format!("router/{router}")]);
            let status = self.status(router, &nat.name, &mut notes);
            let code = self.is_exhausted(router, &nat.name).then_some(HopCode::CloudNatNoAddresses);
            let hop = hop(&nat.name, HopState::Ok, text::explain::nat(router, &status));
            return Hop { notes, code, ..hop }
                .resource(self.router_resource(router))
                .evidence(self.router_evidence(router));
        }
        let routers = self.plan.steps.iter().map(|step| step.id.to_string());
        let routers = routers.chain(self.plan.withheld.iter().map(|held| held.step.to_string()));
        let routers = routers.chain(self.plan.blocked_by.iter().map(|note| note.object.clone()));
        let mut objects: Vec<String> = routers.filter(|id| id.starts_with("router/")).collect();
        objects.push(format!("network/{}", self.observed.network_name.name));
        let state = if self.is_blocked(&objects) { HopState::Broken } else { HopState::Missing };
        let notes = self.notes(&objects);
        let hop = hop("", state, text::explain::no_nat(ensure)).code(HopCode::NoExternalAddress);
        Hop { notes, ..hop }.evidence(self.routers_evidence())
    }

    fn is_exhausted(&self, router: &str, nat: &str) -> bool {
        let status = self.observed.router_status.get(router).and_then(|read| read.as_ref().ok());
        status.and_then(|status| status.of_nat(nat)).is_some_and(|nat| nat.min_extra_nat_ips_needed > 0)
    }

    /// The addresses that the world sees of a gateway; what is wrong with it goes to the notes.
    fn status(&self, router: &str, nat: &str, notes: &mut Vec<String>) -> Vec<String> {
        match self.observed.router_status.get(router) {
            Some(Ok(status)) => {
                let Some(status) = status.of_nat(nat) else { return Vec::new() };
                let missing = status.min_extra_nat_ips_needed;
                let ours = own_router(self.policy, self.observed).is_some_and(|own| own.name == router);
                let text = text::nat::exhausted(nat, router, missing, ours).text;
                if missing > 0 && !notes.contains(&text) {
                    notes.push(text);
                }
                status.addresses().cloned().collect()
            }
            Some(Err(failure)) => {
                notes.push(text::nat::status_unread(router, failure));
                Vec::new()
            }
            None => Vec::new(),
        }
    }
}
