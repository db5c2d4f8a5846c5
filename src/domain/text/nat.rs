use super::{list, note, note_by, reads::why_unread};
use crate::domain::{
    codes::Code,
    names::{ConnectorRef, NetworkRef, ProjectId, Region, last_segment},
    plan::Note,
    state::{
        read::ReadFailure,
        router::{Nat, Router},
    },
    target::Target,
};

fn subnets(paths: &[String]) -> String {
    list(paths.iter().map(|path| last_segment(path)))
}

/// Why a subnet needs a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    AllTraffic,
    Always,
    DirectVpc,
}

impl Need {
    fn words(self) -> &'static str {
        match self {
            Self::AllTraffic => "and workloads send all their traffic through it",
            Self::Always => "and `nat.ensure: always` requires one",
            Self::DirectVpc => "and `nat.direct_vpc_subnets` names it",
        }
    }
}

pub fn create(uncovered: &[String], need: Need, addresses: &[String]) -> String {
    let with = if addresses.is_empty() {
        String::new()
    } else {
        format!("; it uses the static addresses {}", list(addresses))
    };
    format!("no Cloud NAT covers {}, {}{with}", subnets(uncovered), need.words())
}

/// `lost` = our gateway is gone from our router; `by` is who was last heard to have touched the router.
pub fn extend(uncovered: &[String], lost: bool, by: Option<&str>) -> String {
    let who = by.map_or_else(String::new, |by| format!(", changed by {by}"));
    let why = if lost { "our router has lost its NAT" } else { "our NAT does not list it" };
    format!("no Cloud NAT covers {}: {why}{who}", subnets(uncovered))
}

pub fn hidden_subnet(connector: &ConnectorRef) -> Note {
    note(
        Code::HiddenSubnet,
        format!("connector/{}", connector.name),
        format!(
            "connector {} hides its subnet (it was made with --range), so only a NAT for all subnets can serve it and there is none; make it again with --subnet",
            connector.name
        ),
    )
}

pub fn in_the_way(router: &str, nat: &str) -> Note {
    note(
        Code::NatInTheWay,
        format!("router/{router}"),
        format!(
            "NAT {nat} on router {router} covers all subnets but does not serve the connector's, and Google does not allow a second NAT; change it to a list of subnets, or to serve virtual machines"
        ),
    )
}

pub fn listed_idle(router: &str, nat: &str, subnet: &str) -> Note {
    let subnet = last_segment(subnet);
    note(
        Code::NatInTheWay,
        format!("router/{router}"),
        format!(
            "NAT {nat} on router {router} lists {subnet} but does not serve it, and Google allows a subnet in only one NAT; add addresses to that NAT, or remove {subnet} from it"
        ),
    )
}

pub fn unfit(router: &str, nat: &str, subnet: &str) -> Note {
    note(
        Code::NatUnfit,
        format!("router/{router}"),
        format!(
            "{nat} on our router was recreated for something other than internet egress of virtual machines, which cannot be changed, so {} has no way out; delete {nat}, and it is recreated",
            last_segment(subnet)
        ),
    )
}

pub fn full(router: &str, subnet: &str, limit: usize) -> Note {
    note(
        Code::NatFull,
        format!("router/{router}"),
        format!(
            "our NAT on {router} lists {limit} subnet ranges, Google's limit, so {} has no way out; give some of them a NAT of your own, and take them off its list",
            last_segment(subnet)
        ),
    )
}

pub fn router_quota(network: &NetworkRef, region: &Region, routers: &[&Router]) -> Note {
    let names = list(routers.iter().map(|router| &router.name));
    note(
        Code::RouterQuota,
        format!("network/{}", network.name),
        format!(
            "network {} has {} routers in {region} ({names}), Google's limit; delete one that is not used",
            network.name,
            routers.len()
        ),
    )
}

pub fn repair(keys: &[&str], by: Option<&str>) -> String {
    let who = by.map_or_else(String::new, |by| format!(", changed by {by}"));
    format!("our NAT differs from the policy in {}{who}", list(keys.iter().map(|key| format!("`{key}`"))))
}

pub fn widened(router: &str) -> Note {
    note(
        Code::NatWidened,
        format!("router/{router}"),
        format!(
            "our NAT on {router} was changed to serve all subnets; others may rely on it by now, so it stays; set it back to a list by hand if none does"
        ),
    )
}

pub fn dead_subnet(router: &str, subnet: &str, connector: &ConnectorRef) -> Note {
    note(
        Code::DeadSubnet,
        format!("router/{router}"),
        format!(
            "our NAT lists {subnet}, which connector {} does not use; this costs nothing, and `connector.prune: 7d` removes it",
            connector.name
        ),
    )
}

pub fn no_direct_subnet(entry: &str, network: &NetworkRef) -> Note {
    note(
        Code::NoDirectSubnet,
        format!("subnet/{}", last_segment(entry)),
        format!(
            "`nat.direct_vpc_subnets` names {entry}, which network {} does not have; correct the policy, or make the subnet",
            network.name
        ),
    )
}

/// The project and region that an address belongs to.
type Place<'a> = (&'a ProjectId, &'a Region);

pub fn static_address_missing(name: &str, (project, region): Place<'_>) -> Note {
    note(
        Code::StaticAddressMissing,
        format!("address/{name}"),
        format!(
            "`nat.static_ips` names {name}, and {project} has no such address in {region}, so no NAT can use it; create it: `gcloud compute addresses create {name} --region={region} --project={project}`"
        ),
    )
}

pub fn static_address_unfit(name: &str, address: &str, (project, region): Place<'_>) -> Note {
    note(
        Code::StaticAddressUnfit,
        format!("address/{name}"),
        format!(
            "`nat.static_ips` names {name}, which is {address} and not an external IPv4 address, so no NAT can use it; name an external address of {region} in {project}, or create one: `gcloud compute addresses create NAME --region={region} --project={project}`"
        ),
    )
}

pub fn static_address_in_use(name: &str, user: &str) -> Note {
    note(
        Code::StaticAddressInUse,
        format!("address/{name}"),
        format!(
            "`nat.static_ips` names {name}, which {} uses already, so no NAT can use it; name another address, or release this one there",
            crate::domain::names::relative(user)
        ),
    )
}

/// `subnet` = the relative name; `None` = a hidden one.
pub fn static_address_unused(
    names: &[&String],
    nat: &Nat,
    router: &str,
    subnet: Option<&str>,
    (project, region): Place<'_>,
) -> Note {
    let subnet = subnet.map_or("the connector's hidden subnet", last_segment);
    let leaves = match nat.nat_ips.is_empty() {
        true => "from addresses that Google allocates".to_owned(),
        false => format!("from {}", list(nat.nat_ips.iter().map(|ip| last_segment(ip)))),
    };
    let pool = list(nat.nat_ips.iter().map(|ip| last_segment(ip)).chain(names.iter().map(|name| name.as_str())));
    let pool = pool.replace(", ", ",");
    note(
        Code::StaticAddressUnused,
        format!("router/{router}"),
        format!(
            "`nat.static_ips` names {}, but NAT {} on router {router}, which egress-reconciler does not manage, serves {subnet}, and its traffic leaves {leaves}; give that NAT the address: `gcloud compute routers nats update {} --router={router} --nat-external-ip-pool={pool} --region={region} --project={project}`, or take it out of the policy",
            list(names),
            nat.name,
            nat.name,
        ),
    )
}

/// What may be lost of another principal's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// NATs that it asked for, and that are missing.
    Gone(Vec<String>),
    /// NATs that it asked for, and that exist.
    Changed(Vec<String>),
    /// No audit entry told what it asked for.
    Unknown,
}

/// Another principal changed the router between our read of it and our write.
pub fn raced(
    (project, region, router): (&str, &str, &str),
    by: &str,
    (operation, at): (&str, &str),
    lost: &Lost,
) -> Note {
    let lost = match lost {
        Lost::Gone(nats) => format!("{}, which that change asked for, is gone", named(nats)),
        Lost::Changed(nats) => format!("what that change set in {} may be lost", named(nats)),
        Lost::Unknown => {
            "that change may be lost; which NAT it made or changed is not known, as its audit entry has not been received"
                .to_owned()
        }
    };
    note_by(
        Code::RouterRaced,
        format!("router/{router}"),
        by,
        format!(
            "{by} changed router {router} ({operation} at {at}) while its NAT list was being written, and the router keeps no version: {lost}; compare `gcloud compute routers describe {router} --region={region} --project={project}` with what {by} wanted (`gcloud logging read 'protoPayload.resourceName:\"routers/{router}\" AND timestamp>=\"{at}\"' --project={project}`), and repeat it if it is missing"
        ),
    )
}

/// `NAT a`, `each of the NATs a, b`.
fn named(nats: &[String]) -> String {
    match nats {
        [one] => format!("NAT {one}"),
        all => format!("each of the NATs {}", all.join(", ")),
    }
}

pub fn addresses_unread(failure: &ReadFailure) -> Note {
    note(
        Code::AddressesUnread,
        &failure.call,
        format!(
            "`nat.static_ips` could not be looked up, so whether these addresses exist and are free is not known: {} {}. Google said: {}",
            failure.call,
            why_unread("compute.addresses.list", failure),
            failure.message
        ),
    )
}

pub fn status_unread(router: &str, failure: &ReadFailure) -> String {
    format!(
        "the addresses that it uses, and whether there are enough, are unknown: {} of {router} {}. Google said: {}",
        failure.call,
        why_unread("compute.routers.get", failure),
        failure.message
    )
}

/// `ours` = the gateway is the one that we made.
pub fn exhausted(nat: &str, router: &str, missing: u32, ours: bool) -> Note {
    let (whose, how) = match ours {
        true => (
            "our NAT",
            "name more addresses in `nat.static_ips`, lower `nat.min_ports`, or set `nat.dynamic_ports: true`",
        ),
        false => ("NAT", "give it more addresses, or fewer ports for each instance"),
    };
    note(
        Code::NatExhausted,
        format!("router/{router}"),
        format!(
            "{whose} {nat} on router {router} needs {missing} more address{} to give every instance its ports, so connections may be dropped; {how}",
            if missing == 1 { "" } else { "es" }
        ),
    )
}

/// Google refused a change of a router by others because of our gateway.
pub fn refused(
    by: Option<&str>,
    theirs: &str,
    words: &str,
    (router, own): (&Router, &Nat),
    (project, region): Place<'_>,
) -> Note {
    let theirs = last_segment(theirs);
    let (nat, ours) = (&own.name, &router.name);
    let text = format!(
        "the change of router {theirs} by {} was refused, since our NAT {nat} on router {ours} serves {} there, and Google does not allow another NAT for all subnets or for the same subnet; either list other subnets in that NAT, or replace ours: set `nat.ensure: never`, run `gcloud compute routers nats delete {nat} --router={ours} --region={region} --project={project}`, then let them create theirs, which also serves the connectors (see deploy/operations.md). Google said: {words}",
        by.unwrap_or("unknown"),
        subnets(&own.subnetworks.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>()),
    );
    let note = note(Code::NatRefused, format!("router/{theirs}"), text);
    Note { by: by.map(str::to_owned), ..note }
}

/// Whether another principal did so could not be found out.
pub fn race_unknown(router: &str, failure: &ReadFailure, at: &Target) -> Note {
    let (code, why) = match super::reads::blocked(failure, at) {
        Some(note) => (note.code, note.text),
        None => (super::reads::FAILED.to_owned(), failure.message.clone()),
    };
    let text = format!(
        "the NAT list of router {router} was written; whether another principal changed it at the same time is unknown: {why}"
    );
    note(code, format!("router/{router}"), text)
}
