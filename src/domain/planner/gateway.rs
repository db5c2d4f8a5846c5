//! Our own gateway, on a router of our own: its list only grows here, and its settings are the policy's.

use std::sync::Arc;

use super::{draft::Draft, standing::Standing};
use crate::domain::{
    audit::signal::Trigger,
    names::{ConnectorRef, last_segment, relative},
    ownership::{NAT_NAME, own_name, own_nat, own_router, stamped},
    plan::{Change, Note, Object, StepId},
    policy::{NatLogging, Policy, Prune},
    stamp::Stamp,
    state::{
        observed::{Needs, Observed},
        router::{LIST, Nat, NatLog, NatSubnet, Router, router_of},
    },
    target::subnet_path,
    text,
};

const STATIC_IPS: &str = "nat.static_ips";
const PRIMARY: &str = "PRIMARY_IP_RANGE";
/// Google's limit for one network and region.
const ROUTERS_PER_NETWORK: usize = 5;
/// Google's limit of subnet ranges in one gateway.
const RANGES_PER_NAT: usize = 50;

/// Makes or extends our gateway so that it lists what nothing covers, and repairs its settings.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    standings: &[Standing<'_>],
    routers: &[&Router],
    uncovered: &[String],
    waits_for: Vec<StepId>,
) {
    let observed = draft.observed;
    let (name, path) = own_name(observed);
    let standing = observed.routers.iter().flatten().find(|router| router.name == name);
    let ours = own_router(draft.policy, observed);
    if let Some(router) = ours {
        dead(draft, router, standings);
        exhausted(draft, router);
    }
    let own = ours.and_then(|router| router.nats.iter().find(|nat| nat.name == NAT_NAME));
    let uncovered = addable(draft, routers, (&name, own), uncovered);
    match (ours, standing) {
        (Some(router), _) if uncovered.is_empty() => repair(draft, router, &path),
        (Some(router), _) => extend(draft, router, &path, &uncovered, waits_for),
        _ if uncovered.is_empty() => {}
        (None, Some(_)) => draft.blocked_by.push(text::name_taken("router", &name)),
        (None, None) if routers.len() >= ROUTERS_PER_NETWORK => {
            draft.blocked_by.push(text::nat::router_quota(&observed.network_name, &observed.target.region, routers));
        }
        (None, None) => create(draft, name, path, &uncovered, waits_for),
    }
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
        known.is_none_or(|router| relative(&router.network) == network)
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

/// Our gateway has fewer addresses than its instances need.
fn exhausted(draft: &mut Draft<'_>, router: &Router) {
    let status = draft.observed.router_status.get(&router.name).and_then(|read| read.as_ref().ok());
    let missing = status.and_then(|status| status.of_nat(NAT_NAME)).map_or(0, |status| status.min_extra_nat_ips_needed);
    if missing > 0 {
        draft.tell(text::nat::exhausted(NAT_NAME, &router.name, missing, true));
    }
}

/// The policy names addresses, and somebody else's gateway serves the subnet without them.
pub(super) fn unused_addresses(draft: &mut Draft<'_>, routers: &[&Router], nat: &Nat, subnet: Option<&str>) {
    let observed = draft.observed;
    let addresses = &draft.policy.for_target(&observed.target).nat.static_ips;
    let Some(router) = router_of(routers, nat) else { return };
    if own_router(draft.policy, observed).is_some_and(|own| own.name == router.name) {
        return;
    }
    let uses = |name: &String| nat.nat_ips.iter().any(|ip| last_segment(ip) == name);
    let unused: Vec<&String> = addresses.iter().filter(|name| !uses(name)).collect();
    if !unused.is_empty() {
        let place = (&observed.network_name.project, &observed.target.region);
        draft.tell(text::nat::static_address_unused(&unused, nat, &router.name, subnet, place));
    }
}

/// Whether the policy's addresses can be given to our gateway; if not, why is told.
fn addresses_fit(draft: &mut Draft<'_>) -> bool {
    let observed = draft.observed;
    let place = (&observed.network_name.project, &observed.target.region);
    let own = own_name(observed).1;
    let wanted = &draft.policy.for_target(&observed.target).nat.static_ips;
    let found = match &observed.addresses {
        Some(Ok(found)) => found,
        Some(Err(failure)) if !wanted.is_empty() => {
            draft.tell(text::nat::addresses_unread(failure));
            return true;
        }
        Some(Err(_)) | None => return true,
    };
    let mut wrong = Vec::new();
    for name in wanted {
        let Some(address) = found.iter().find(|address| address.name == *name) else {
            wrong.push(text::nat::static_address_missing(name, place));
            continue;
        };
        let other = address.users.iter().find(|user| relative(user) != own);
        if address.is_internal() || address.address.contains(':') {
            wrong.push(text::nat::static_address_unfit(name, &address.address, place));
        } else if let Some(user) = other {
            wrong.push(text::nat::static_address_in_use(name, user));
        }
    }
    let fit = wrong.is_empty();
    draft.blocked_by.append(&mut wrong);
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
    let mut room = RANGES_PER_NAT.saturating_sub(own.map_or(0, Nat::listed_ranges));
    for subnet in uncovered {
        match in_the_way(routers, own, subnet) {
            Some(Hindrance::Drained) => {}
            Some(Hindrance::Unfit) => draft.blocked_by.push(text::nat::unfit(our_router, NAT_NAME, subnet)),
            Some(Hindrance::All(router, nat)) => draft.blocked_by.push(text::nat::in_the_way(router, nat)),
            Some(Hindrance::Listed(router, nat)) => draft.blocked_by.push(text::nat::listed_idle(router, nat, subnet)),
            None if room == 0 => draft.blocked_by.push(text::nat::full(our_router, subnet, RANGES_PER_NAT)),
            None => {
                room -= 1;
                addable.push(subnet.clone());
            }
        }
    }
    addable
}

/// What keeps an uncovered subnet off our list.
enum Hindrance<'a> {
    /// We list it: the repair of our addresses serves it again.
    Drained,
    /// We list it, on a gateway that was made for something else; what it serves cannot be changed.
    Unfit,
    /// A gateway for all subnets that does not count (draining, or for other endpoints) forbids any other.
    All(&'a str, &'a str),
    /// Somebody's gateway lists it and does not serve it.
    Listed(&'a str, &'a str),
}

fn in_the_way<'a>(routers: &[&'a Router], own: Option<&Nat>, subnet: &str) -> Option<Hindrance<'a>> {
    if let Some(own) = own {
        if !own.is_public() || !own.serves_vms() {
            return Some(Hindrance::Unfit);
        }
        if own.lists(subnet) || own.covers_all_subnets() {
            return Some(Hindrance::Drained);
        }
    }
    let gateways = routers.iter().flat_map(|router| router.nats.iter().map(|nat| (router.name.as_str(), nat)));
    let mut public = gateways.filter(|(_, nat)| nat.is_public());
    public.find_map(|(router, nat)| match nat.covers_all_subnets() {
        true => Some(Hindrance::All(router, &nat.name)),
        false => nat.lists(subnet).then_some(Hindrance::Listed(router, &nat.name)),
    })
}

fn create(draft: &mut Draft<'_>, name: String, path: String, uncovered: &[String], waits_for: Vec<StepId>) {
    if !addresses_fit(draft) {
        return;
    }
    let observed = draft.observed;
    let settings = draft.policy.for_target(&observed.target);
    let purpose = format!("{}/{}", observed.network_name, observed.target.region);
    let router = Router {
        name,
        description: Stamp::new(&draft.policy.owner, path, Some(purpose)).to_string(),
        network: observed.network_name.to_string(),
        nats: vec![nat(settings, observed, uncovered)],
        ..Router::default()
    };
    draft.push(
        Change::Create(Object::Router(router)),
        waits_for,
        text::nat::create(uncovered, &settings.nat.static_ips),
        settings.mode,
    );
}

fn extend(draft: &mut Draft<'_>, router: &Router, path: &str, uncovered: &[String], waits_for: Vec<StepId>) {
    let settings = draft.policy.for_target(&draft.observed.target);
    if own_nat(router).is_none() && !addresses_fit(draft) {
        return;
    }
    let mut after = router.clone();
    match after.nats.iter_mut().find(|nat| nat.name == NAT_NAME) {
        Some(nat) => uncovered.iter().for_each(|subnet| list(nat, subnet)),
        None => after.nats.push(nat(settings, draft.observed, uncovered)),
    }
    let by = draft.budget.touched_by.get(path).map(String::as_str);
    let reason = text::nat::extend(uncovered, router.nats.is_empty(), by);
    let change = Change::Extend { before: Object::Router(router.clone()), after: Object::Router(after) };
    draft.push(change, waits_for, reason, settings.mode);
}

/// Adds the primary range of a subnet; an entry for other ranges of it may stand.
fn list(nat: &mut Nat, subnet: &str) {
    match nat.subnetworks.iter_mut().find(|entry| relative(&entry.name) == subnet) {
        Some(entry) => entry.source_ip_ranges_to_nat.push(PRIMARY.to_owned()),
        None => nat.subnetworks.push(primary(subnet)),
    }
}

/// What somebody changed of the settings that the policy decides. The list is not among them: it only grows.
fn repair(draft: &mut Draft<'_>, router: &Router, path: &str) {
    let settings = draft.policy.for_target(&draft.observed.target);
    let Some(standing) = router.nats.iter().find(|nat| nat.name == NAT_NAME) else { return };
    if standing.covers_all_subnets() {
        draft.findings.push(text::nat::widened(&router.name));
    }
    let wanted = nat(settings, draft.observed, &[]);
    let mut drifted = drift(standing, &wanted);
    if drifted.contains(&STATIC_IPS) && !addresses_fit(draft) {
        drifted.retain(|key| *key != STATIC_IPS);
    }
    if drifted.is_empty() {
        return;
    }
    let mut after = router.clone();
    for nat in after.nats.iter_mut().filter(|nat| nat.name == NAT_NAME) {
        nat.log_config.clone_from(&wanted.log_config);
        if drifted.contains(&STATIC_IPS) {
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
    let by = draft.budget.touched_by.get(path).map(String::as_str);
    let change = Change::Repair { before: Object::Router(router.clone()), after: Object::Router(after) };
    draft.push(change, Vec::new(), text::nat::repair(&drifted, by), settings.mode);
}

/// The keys of the policy that the gateway does not follow.
fn drift(standing: &Nat, wanted: &Nat) -> Vec<&'static str> {
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
    let differs_from = |standing: Option<u32>, wanted: Option<u32>| wanted.is_some() && wanted != standing;
    let dynamic = |nat: &Nat| nat.enable_dynamic_port_allocation == Some(true);
    let differs = [
        ("nat.log", log(standing) != log(wanted)),
        (STATIC_IPS, addresses(standing) != addresses(wanted) || !standing.drain_nat_ips.is_empty()),
        ("nat.min_ports", differs_from(standing.min_ports_per_vm, wanted.min_ports_per_vm)),
        ("nat.max_ports", differs_from(standing.max_ports_per_vm, wanted.max_ports_per_vm)),
        ("nat.dynamic_ports", dynamic(wanted) && !dynamic(standing)),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

/// Subnets of ours that the gateway lists though no connector stands on them, now or after this plan. Other projects'
/// subnets are theirs to judge.
fn dead(draft: &mut Draft<'_>, router: &Router, standings: &[Standing<'_>]) {
    let observed = draft.observed;
    let Ok(connectors) = &observed.connectors else { return };
    let entries: Vec<_> = router.nats.iter().flat_map(|nat| &nat.subnetworks).collect();
    let stays = |connector: &ConnectorRef| draft.policy.for_connector(connector).connector.prune == Prune::Never;
    for (connector, _, subnet) in stamped(draft.policy, observed).into_iter().filter(|(of, ..)| stays(of)) {
        let path = subnet_path(&observed.network_name, &observed.target, &subnet.name);
        let in_use = connectors.iter().any(|other| other.subnet.as_ref().is_some_and(|form| form.name == subnet.name))
            || standings.iter().any(|standing| standing.subnet.as_ref().is_some_and(|(used, _)| *used == path));
        if !in_use && entries.iter().any(|entry| relative(&entry.name) == path) {
            draft.findings.push(text::nat::dead_subnet(&router.name, &subnet.name, &connector));
        }
    }
}

fn nat(settings: &Policy, observed: &Observed, subnets: &[String]) -> Nat {
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
