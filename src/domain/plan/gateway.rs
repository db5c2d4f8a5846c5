//! Our own gateway, on a router of our own: its list only grows here, and its settings are the policy's.

use super::{Change, Draft, Object, StepId, connector::Standing};
use crate::domain::{
    names::{ConnectorRef, last_segment, relative, short_hash},
    owned::{stamped, subnet_path},
    policy::{NatLogging, Policy, Prune},
    stamp::Stamp,
    state::router::{LIST, Nat, NatLog, NatSubnet, Router},
    text,
};

const NAT_NAME: &str = "egress-nat";
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
    let name = router_name(&observed.network_name.to_string(), observed.target.region.as_str());
    let path = format!("projects/{}/regions/{}/routers/{name}", observed.network_name.project, observed.target.region);
    let standing = observed.routers.iter().flatten().find(|router| router.name == name);
    let ours = standing.filter(|router| Stamp::ours(&router.description, &draft.policy.owner, &path).is_some());
    if let Some(router) = ours {
        dead(draft, router, standings);
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
    let observed = draft.observed;
    let settings = draft.policy.for_target(&observed.target);
    let purpose = format!("{}/{}", observed.network_name, observed.target.region);
    let router = Router {
        name,
        description: Stamp::new(&draft.policy.owner, path, Some(purpose)).to_string(),
        network: observed.network_name.to_string(),
        nats: vec![nat(settings, draft, uncovered)],
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
    let mut after = router.clone();
    match after.nats.iter_mut().find(|nat| nat.name == NAT_NAME) {
        Some(nat) => uncovered.iter().for_each(|subnet| list(nat, subnet)),
        None => after.nats.push(nat(settings, draft, uncovered)),
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
    let wanted = nat(settings, draft, &[]);
    let drifted = drift(standing, &wanted);
    if drifted.is_empty() {
        return;
    }
    let mut after = router.clone();
    for nat in after.nats.iter_mut().filter(|nat| nat.name == NAT_NAME) {
        nat.log_config.clone_from(&wanted.log_config);
        nat.nat_ip_allocate_option.clone_from(&wanted.nat_ip_allocate_option);
        nat.nat_ips.clone_from(&wanted.nat_ips);
        nat.drain_nat_ips.clear();
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
    let differs = [
        ("nat.log", log(standing) != log(wanted)),
        ("nat.static_ips", addresses(standing) != addresses(wanted) || !standing.drain_nat_ips.is_empty()),
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
    NatSubnet { name: subnet.to_owned(), source_ip_ranges_to_nat: vec![PRIMARY.to_owned()], ..NatSubnet::default() }
}

/// One router of ours for each network and region; a name over Google's 63 characters is cut and hashed.
fn router_name(network: &str, region: &str) -> String {
    let name = format!("egress-{}-{region}", last_segment(network));
    if name.len() <= 63 {
        return name;
    }
    let head: String = name.chars().take(54).collect();
    format!("{head}-{}", short_hash(&format!("{network}/{region}")))
}
