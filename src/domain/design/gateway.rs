//! Our own gateway, on a router of our own: its list only grows here, and its settings are the policy's.

use super::Draft;
use crate::domain::{
    names::{ProjectId, Region, last_segment, relative},
    ownership::{NAT_NAME, own_name, own_nat, own_router},
    plan::Note,
    policy::{NatLogging, Policy},
    stamp::Stamp,
    state::{
        address::Address,
        observed::Observed,
        router::{LIST, Nat, NatLog, NatSubnet, Router, router_of},
    },
    text,
};

pub const STATIC_IPS: &str = "nat.static_ips";
const PRIMARY: &str = "PRIMARY_IP_RANGE";
/// Google's limit for one network and region.
const MAX_ROUTERS_PER_NETWORK: usize = 5;
/// Google's limit of subnet ranges in one gateway.
const MAX_RANGES_PER_NAT: usize = 50;

/// Our router whose gateway lists what nothing covers and follows the policy, with the subnets that it comes to list.
pub(super) fn design(
    draft: &mut Draft<'_>,
    routers: &[&Router],
    uncovered: &[String],
) -> (Option<Router>, Vec<String>) {
    let observed = draft.observed;
    let (name, path) = own_name(observed);
    let existing = observed.routers.iter().flatten().find(|router| router.name == name);
    let ours = own_router(draft.policy, observed);
    if let Some(router) = ours {
        exhausted(draft, router);
    }
    let uncovered = addable(draft, routers, (&name, ours.and_then(own_nat)), uncovered);
    let settings = draft.policy.for_target(&observed.target);
    match (ours, existing) {
        (Some(router), _) if own_nat(router).is_some() => (Some(amended(draft, router, &uncovered)), uncovered),
        (Some(router), _) if uncovered.is_empty() || !addresses_fit(draft) => (Some(router.clone()), Vec::new()),
        (Some(router), _) => {
            let mut router = router.clone();
            router.nats.push(nat(settings, observed, &uncovered));
            (Some(router), uncovered)
        }
        _ if uncovered.is_empty() => (None, uncovered),
        (None, Some(_)) => {
            draft.block(text::name_taken("router", &name));
            (None, Vec::new())
        }
        (None, None) if routers.len() >= MAX_ROUTERS_PER_NETWORK => {
            draft.block(text::nat::router_quota(&observed.network_name, &observed.target.region, routers));
            (None, Vec::new())
        }
        (None, None) if !addresses_fit(draft) => (None, Vec::new()),
        (None, None) => {
            let purpose = format!("{}/{}", observed.network_name, observed.target.region);
            let router = Router {
                name,
                description: Stamp::new(&draft.policy.owner, path, Some(purpose)).to_string(),
                network: observed.network_name.to_string(),
                nats: vec![nat(settings, observed, &uncovered)],
                ..Router::default()
            };
            (Some(router), uncovered)
        }
    }
}

/// Our router with its gateway put right: what is uncovered is listed, and what somebody changed of the settings that the
/// policy decides is as the policy says.
fn amended(draft: &mut Draft<'_>, router: &Router, uncovered: &[String]) -> Router {
    let wanted = nat(draft.policy.for_target(&draft.observed.target), draft.observed, &[]);
    let mut after = router.clone();
    for nat in after.nats.iter_mut().filter(|nat| nat.name == NAT_NAME) {
        if nat.covers_all_subnets() {
            draft.find(text::nat::widened(&router.name));
        }
        let drifted = drift(nat, &wanted);
        uncovered.iter().for_each(|subnet| list(nat, subnet));
        nat.log_config.clone_from(&wanted.log_config);
        if drifted.contains(&STATIC_IPS) && addresses_fit(draft) {
            nat.nat_ip_allocate_option.clone_from(&wanted.nat_ip_allocate_option);
            nat.nat_ips.clone_from(&wanted.nat_ips);
            nat.drain_nat_ips.clear();
        }
        nat.min_ports_per_vm = wanted.min_ports_per_vm.or(nat.min_ports_per_vm);
        nat.max_ports_per_vm = wanted.max_ports_per_vm.or(nat.max_ports_per_vm);
        if wanted.enable_dynamic_port_allocation == Some(true) {
            nat.enable_dynamic_port_allocation = Some(true);
            nat.enable_endpoint_independent_mapping = nat.enable_endpoint_independent_mapping.map(|_| false);
        }
    }
    after
}

/// Our gateway has fewer addresses than its instances need.
fn exhausted(draft: &mut Draft<'_>, router: &Router) {
    let status = draft.observed.router_status.get(&router.name).and_then(|read| read.as_ref().ok());
    let missing = status.and_then(|status| status.of_nat(NAT_NAME)).map_or(0, |status| status.min_extra_nat_ips_needed);
    if missing > 0 {
        draft.find(text::nat::exhausted(NAT_NAME, &router.name, missing, true));
    }
}

/// The policy names addresses, and a gateway that we did not create serves the subnet without them.
pub(super) fn unused_addresses(draft: &mut Draft<'_>, routers: &[&Router], nat: &Nat, subnet: Option<&str>) {
    let observed = draft.observed;
    let Some(router) = router_of(routers, nat) else { return };
    let unused = unused_by(draft.policy, observed, router, nat);
    // A command that Google would refuse helps nobody.
    let found = observed.addresses.iter().flatten().map(Vec::as_slice).next();
    let router_path = format!(
        "projects/{}/regions/{}/routers/{}",
        observed.network_name.project, observed.target.region, router.name
    );
    let wrong: Vec<Note> =
        unused.iter().filter_map(|name| unfit(found?, name, &router_path, place(observed))).collect();
    if !wrong.is_empty() {
        draft.notes.findings.extend(wrong);
    } else if !unused.is_empty() {
        draft.find(text::nat::static_address_unused(&unused, nat, &router.name, subnet, place(observed)));
    }
}

/// The policy's addresses that a gateway does not use; none of ours, which is repaired.
pub fn unused_by<'a>(policy: &'a Policy, observed: &Observed, router: &Router, nat: &Nat) -> Vec<&'a String> {
    if own_router(policy, observed).is_some_and(|own| own.name == router.name && nat.name == NAT_NAME) {
        return Vec::new();
    }
    let uses = |name: &&String| nat.nat_ips.iter().any(|ip| last_segment(ip) == name.as_str());
    policy.for_target(&observed.target).nat.static_ips.iter().filter(|name| !uses(name)).collect()
}

fn place(observed: &Observed) -> (&ProjectId, &Region) {
    (&observed.network_name.project, &observed.target.region)
}

/// Why an address of the policy cannot be given to a gateway of a router.
fn unfit(found: &[Address], name: &str, router: &str, place: (&ProjectId, &Region)) -> Option<Note> {
    let Some(address) = found.iter().find(|address| address.name == name) else {
        return Some(text::nat::static_address_missing(name, place));
    };
    if address.is_internal() || address.address.contains(':') {
        return Some(text::nat::static_address_unfit(name, &address.address, place));
    }
    let other = address.users.iter().find(|user| relative(user) != router)?;
    Some(text::nat::static_address_in_use(name, other))
}

/// Whether the policy's addresses can be given to our gateway; if not, why is told.
fn addresses_fit(draft: &mut Draft<'_>) -> bool {
    let observed = draft.observed;
    let own = own_name(observed).1;
    let wanted = &draft.policy.for_target(&observed.target).nat.static_ips;
    let found = match &observed.addresses {
        Some(Ok(found)) => found,
        Some(Err(failure)) if !wanted.is_empty() => {
            draft.find(text::nat::addresses_unread(failure));
            return true;
        }
        Some(Err(_)) | None => return true,
    };
    let mut wrong: Vec<Note> = wanted.iter().filter_map(|name| unfit(found, name, &own, place(observed))).collect();
    let fit = wrong.is_empty();
    draft.notes.blocked_by.append(&mut wrong);
    fit
}

/// What of the uncovered subnets our gateway can list: Google takes a range into one gateway only, even where that does not
/// serve it, and a limited number into each.
fn addable(
    draft: &mut Draft<'_>,
    routers: &[&Router],
    (our_router, own): (&str, Option<&Nat>),
    uncovered: &[String],
) -> Vec<String> {
    let mut addable = Vec::new();
    let mut room = MAX_RANGES_PER_NAT.saturating_sub(own.map_or(0, Nat::listed_ranges));
    for subnet in uncovered {
        match in_the_way(routers, own, subnet) {
            Some(NatConflict::Drained) => {}
            Some(NatConflict::Unfit) => draft.block(text::nat::unfit(our_router, NAT_NAME, subnet)),
            Some(NatConflict::All(router, nat)) => draft.block(text::nat::in_the_way(router, nat)),
            Some(NatConflict::Listed(router, nat)) => draft.block(text::nat::listed_idle(router, nat, subnet)),
            None if room == 0 => draft.block(text::nat::full(our_router, subnet, MAX_RANGES_PER_NAT)),
            None => {
                room -= 1;
                addable.push(subnet.clone());
            }
        }
    }
    addable
}

/// What keeps an uncovered subnet off our list.
enum NatConflict<'a> {
    /// We list it: the repair of our addresses serves it again.
    Drained,
    /// We list it, on a gateway that was made for something else; what it serves cannot be changed.
    Unfit,
    /// A gateway for all subnets that does not count (draining, or for other endpoints) forbids any other.
    All(&'a str, &'a str),
    /// Somebody's gateway lists it and does not serve it.
    Listed(&'a str, &'a str),
}

fn in_the_way<'a>(routers: &[&'a Router], own: Option<&Nat>, subnet: &str) -> Option<NatConflict<'a>> {
    if let Some(own) = own {
        if !own.is_public() || !own.serves_vms() {
            return Some(NatConflict::Unfit);
        }
        if own.lists(subnet) || own.covers_all_subnets() {
            return Some(NatConflict::Drained);
        }
    }
    let gateways = routers.iter().flat_map(|router| router.nats.iter().map(|nat| (router.name.as_str(), nat)));
    let mut public = gateways.filter(|(_, nat)| nat.is_public());
    public.find_map(|(router, nat)| match nat.covers_all_subnets() {
        true => Some(NatConflict::All(router, &nat.name)),
        false => nat.lists(subnet).then_some(NatConflict::Listed(router, &nat.name)),
    })
}

/// Adds the primary range of a subnet; an entry for other ranges of it may stand.
fn list(nat: &mut Nat, subnet: &str) {
    match nat.subnetworks.iter_mut().find(|entry| relative(&entry.name) == subnet) {
        Some(entry) => entry.source_ip_ranges_to_nat.push(PRIMARY.to_owned()),
        None => nat.subnetworks.push(primary(subnet)),
    }
}

/// The keys of the policy that the gateway does not follow.
pub fn drift(existing: &Nat, wanted: &Nat) -> Vec<&'static str> {
    let log = |nat: &Nat| {
        let log = nat.log_config.as_ref().filter(|log| log.enable);
        log.map(|log| log.filter.clone())
    };
    let addresses = |nat: &Nat| {
        let mut ips: Vec<String> = nat.nat_ips.iter().map(|ip| relative(ip).to_owned()).collect();
        ips.sort();
        (nat.nat_ip_allocate_option.clone(), ips)
    };
    // Where the policy says nothing of ports, what somebody set stays.
    let differs_from = |existing: Option<u32>, wanted: Option<u32>| wanted.is_some() && wanted != existing;
    let dynamic = |nat: &Nat| nat.enable_dynamic_port_allocation == Some(true);
    let differs = [
        ("nat.log", log(existing) != log(wanted)),
        (STATIC_IPS, addresses(existing) != addresses(wanted) || !existing.drain_nat_ips.is_empty()),
        ("nat.min_ports", differs_from(existing.min_ports_per_vm, wanted.min_ports_per_vm)),
        ("nat.max_ports", differs_from(existing.max_ports_per_vm, wanted.max_ports_per_vm)),
        ("nat.dynamic_ports", dynamic(wanted) && !dynamic(existing)),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

pub fn nat(settings: &Policy, observed: &Observed, subnets: &[String]) -> Nat {
    let section = &settings.nat;
    let region = format!("projects/{}/regions/{}", observed.network_name.project, observed.target.region);
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
        min_ports_per_vm: section.min_ports,
        max_ports_per_vm: section.max_ports,
        enable_dynamic_port_allocation: section.dynamic_ports.then_some(true),
        ..Nat::default()
    }
}

fn primary(subnet: &str) -> NatSubnet {
    NatSubnet { name: subnet.to_owned(), source_ip_ranges_to_nat: vec![PRIMARY.to_owned()], ..NatSubnet::default() }
}
