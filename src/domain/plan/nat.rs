//! The way to the internet: any gateway that covers the subnet is right; otherwise ours, on a router of our own.

use super::{Change, Draft, Object, StepId, connector::Standing};
use crate::domain::{
    names::{relative, short_hash},
    policy::{EnsureNat, NatLogging, Policy},
    stamp::Stamp,
    state::{
        route::Route,
        router::{LIST, Nat, NatLog, NatSubnet, Router},
    },
    text,
    wanted::Egress,
};

const NAT_NAME: &str = "egress-nat";
/// Google's limit for one network and region.
const ROUTERS_PER_NETWORK: usize = 5;

pub(super) fn plan(draft: &mut Draft<'_>, standings: &[Standing<'_>]) {
    let settings = draft.policy.for_target(&draft.observed.target);
    let users: Vec<&Standing<'_>> = standings.iter().filter(|standing| needs_nat(standing)).collect();
    let observed = draft.observed;
    let (Ok(routers), Ok(routes)) = (&observed.routers, &observed.routes) else { return };
    if users.is_empty() {
        return;
    }
    let network = observed.network_name.to_string();
    match way_out(routes, &network) {
        WayOut::Internet => {}
        WayOut::Nowhere => draft.findings.push(text::nat::no_default_route(&observed.network_name)),
        WayOut::Appliance(route) => {
            draft.findings.push(text::nat::appliance(&route.name, &route.next_hop()));
            return;
        }
    }
    let routers: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let ours = router_name(&network, observed.target.region.as_str());
    let mut uncovered: Vec<String> = Vec::new();
    let mut waits_for: Vec<StepId> = Vec::new();
    for standing in users {
        match &standing.subnet {
            Some((subnet, _)) if covering(&routers, Some(subnet)).is_none() => {
                uncovered.push(subnet.clone());
                waits_for.extend(standing.made_by.clone());
            }
            None if covering(&routers, None).is_none() => {
                draft.blocked_by.push(text::nat::hidden_subnet(&standing.required.connector));
            }
            Some(_) | None => {}
        }
    }
    uncovered.sort();
    uncovered.dedup();
    gateway(draft, settings, &routers, &ours, &uncovered, waits_for);
}

fn needs_nat(standing: &Standing<'_>) -> bool {
    match standing.settings.nat.ensure {
        EnsureNat::Never => false,
        EnsureNat::Always => true,
        EnsureNat::WhenNeeded => standing.required.egress == Egress::AllTraffic,
    }
}

/// The gateway that carries the subnet's primary range (`None` = a hidden one) to the internet, whoever owns it.
fn covering<'a>(routers: &[&'a Router], subnet: Option<&str>) -> Option<&'a Nat> {
    let gateways = routers.iter().flat_map(|router| &router.nats);
    gateways
        .filter(|nat| nat.is_public() && nat.serves_vms() && !nat.is_draining())
        .find(|nat| nat.covers_all_subnets() || subnet.is_some_and(|subnet| nat.lists(subnet)))
}

/// Makes or extends our gateway so that it lists what nothing covers.
fn gateway(
    draft: &mut Draft<'_>,
    settings: &Policy,
    routers: &[&Router],
    name: &str,
    uncovered: &[String],
    waits_for: Vec<StepId>,
) {
    if uncovered.is_empty() {
        return;
    }
    let observed = draft.observed;
    let path = format!("projects/{}/regions/{}/routers/{name}", observed.network_name.project, observed.target.region);
    let standing = observed.routers.iter().flatten().find(|router| router.name == name);
    if let Some((router, nat)) = in_the_way(routers) {
        draft.blocked_by.push(text::nat::in_the_way(router, nat));
        return;
    }
    match standing {
        None if routers.len() >= ROUTERS_PER_NETWORK => {
            draft.blocked_by.push(text::nat::router_quota(&observed.network_name, &observed.target.region, routers));
        }
        None => {
            let stamp = Stamp::new(
                &draft.policy.owner,
                path.clone(),
                Some(format!("{}/{}", observed.network_name, observed.target.region)),
            );
            let router = Router {
                name: name.to_owned(),
                description: stamp.to_string(),
                network: observed.network_name.to_string(),
                nats: vec![nat(settings, draft, uncovered)],
                ..Router::default()
            };
            draft.push(Change::Create(Object::Router(router)), waits_for, text::nat::create(uncovered), settings.mode);
        }
        Some(router) if Stamp::ours(&router.description, &draft.policy.owner, &path).is_none() => {
            draft.blocked_by.push(text::name_taken("router", name));
        }
        Some(router) => {
            let mut after = router.clone();
            match after.nats.iter_mut().find(|nat| nat.name == NAT_NAME) {
                Some(nat) => nat.subnetworks.extend(uncovered.iter().map(|subnet| primary(subnet))),
                None => after.nats.push(nat(settings, draft, uncovered)),
            }
            let by = draft.budget.touched_by.get(&path).map(String::as_str);
            let reason = text::nat::extend(uncovered, router.nats.is_empty(), by);
            let change = Change::Extend { before: Object::Router(router.clone()), after: Object::Router(after) };
            draft.push(change, waits_for, reason, settings.mode);
        }
    }
}

/// A gateway for all subnets that does not count (private, draining, or for other endpoints) still forbids ours.
fn in_the_way<'a>(routers: &[&'a Router]) -> Option<(&'a str, &'a str)> {
    routers.iter().find_map(|router| {
        let nat = router.nats.iter().find(|nat| nat.is_public() && nat.covers_all_subnets())?;
        Some((router.name.as_str(), nat.name.as_str()))
    })
}

fn nat(settings: &Policy, draft: &Draft<'_>, subnets: &[String]) -> Nat {
    let section = &settings.nat;
    let region = format!("projects/{}/regions/{}", draft.observed.network_name.project, draft.observed.target.region);
    let nat_ips: Vec<_> = section.static_ips.iter().map(|name| format!("{region}/addresses/{name}")).collect();
    let (enable, filter) = match section.log {
        NatLogging::Off => (false, ""),
        NatLogging::ErrorsOnly => (true, "ERRORS_ONLY"),
        NatLogging::TranslationsOnly => (true, "TRANSLATIONS_ONLY"),
        NatLogging::All => (true, "ALL"),
    };
    Nat {
        name: NAT_NAME.to_owned(),
        source_subnetwork_ip_ranges_to_nat: LIST.to_owned(),
        subnetworks: subnets.iter().map(|subnet| primary(subnet)).collect(),
        nat_ip_allocate_option: if nat_ips.is_empty() { "AUTO_ONLY" } else { "MANUAL_ONLY" }.to_owned(),
        nat_ips,
        log_config: Some(NatLog { enable, filter: filter.to_owned(), ..NatLog::default() }),
        ..Nat::default()
    }
}

fn primary(subnet: &str) -> NatSubnet {
    NatSubnet {
        name: subnet.to_owned(),
        source_ip_ranges_to_nat: vec!["PRIMARY_IP_RANGE".to_owned()],
        ..NatSubnet::default()
    }
}

/// One router of ours for each network and region; a name over Google's 63 characters is cut and hashed.
fn router_name(network: &str, region: &str) -> String {
    let name = format!("egress-{}-{region}", super::super::names::last_segment(network));
    if name.len() <= 63 {
        return name;
    }
    let head: String = name.chars().take(54).collect();
    format!("{head}-{}", short_hash(&format!("{network}/{region}")))
}

enum WayOut<'a> {
    Internet,
    Nowhere,
    Appliance(&'a Route),
}

/// Where the packets of an instance without tags of its own leave: the default route with the lowest priority number.
fn way_out<'a>(routes: &'a [Route], network: &str) -> WayOut<'a> {
    let defaults = routes
        .iter()
        .filter(|route| relative(&route.network) == network && route.is_default() && route.tags.is_empty());
    match defaults.min_by_key(|route| (route.priority, !route.to_internet(), route.name.as_str())) {
        None => WayOut::Nowhere,
        Some(route) if route.to_internet() => WayOut::Internet,
        Some(route) => WayOut::Appliance(route),
    }
}
