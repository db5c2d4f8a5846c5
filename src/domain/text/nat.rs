use super::{list, note, note_by};
use crate::domain::{
    names::{ConnectorRef, NetworkRef, Region, last_segment},
    plan::Note,
    state::{observed::ReadFailure, router::Router},
    target::Target,
};

fn subnets(paths: &[String]) -> String {
    list(paths.iter().map(|path| last_segment(path)))
}

pub fn create(uncovered: &[String], addresses: &[String]) -> String {
    let with = if addresses.is_empty() { String::new() } else { format!("; it leaves with {}", list(addresses)) };
    format!("no Cloud NAT covers {}, from where all traffic is to leave{with}", subnets(uncovered))
}

/// `lost` = our gateway is gone from our router; `by` is who was last heard to have touched the router.
pub fn extend(uncovered: &[String], lost: bool, by: Option<&str>) -> String {
    let who = by.map_or_else(String::new, |by| format!(", changed by {by}"));
    let why = if lost { "our router has lost its NAT" } else { "our NAT does not list it" };
    format!("no Cloud NAT covers {}: {why}{who}", subnets(uncovered))
}

pub fn hidden_subnet(connector: &ConnectorRef) -> Note {
    note(
        "hidden-subnet",
        format!("connector/{}", connector.name),
        format!(
            "connector {} hides its subnet (it was made with --range), so only a NAT for all subnets can serve it and there is none; make it again with --subnet",
            connector.name
        ),
    )
}

pub fn in_the_way(router: &str, nat: &str) -> Note {
    note(
        "nat-in-the-way",
        format!("router/{router}"),
        format!(
            "NAT {nat} on router {router} claims all subnets but does not serve the connector's, and Google takes no second one beside it; change it to a list, or let it serve virtual machines"
        ),
    )
}

pub fn listed_idle(router: &str, nat: &str, subnet: &str) -> Note {
    let subnet = last_segment(subnet);
    note(
        "nat-in-the-way",
        format!("router/{router}"),
        format!(
            "NAT {nat} on router {router} lists {subnet} but does not serve it, and Google takes a subnet into one NAT only; give that NAT addresses, or take {subnet} off its list"
        ),
    )
}

pub fn unfit(router: &str, nat: &str, subnet: &str) -> Note {
    note(
        "nat-unfit",
        format!("router/{router}"),
        format!(
            "{nat} on our router was made anew for something other than virtual machines' way to the internet, which Google lets nobody change, so {} has no way out; delete {nat}, and it is made again",
            last_segment(subnet)
        ),
    )
}

pub fn full(router: &str, subnet: &str, limit: usize) -> Note {
    note(
        "nat-full",
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
        "router-quota",
        format!("network/{}", network.name),
        format!(
            "network {} has {} routers in {region} ({names}), Google's limit; delete one that is not used",
            network.name,
            routers.len()
        ),
    )
}

pub fn no_default_route(network: &NetworkRef) -> Note {
    note(
        "no-default-route",
        format!("network/{}", network.name),
        format!(
            "network {} has no default route, so no NAT can reach the internet; add a route 0.0.0.0/0 to default-internet-gateway if it should",
            network.name
        ),
    )
}

pub fn appliance(route: &str, hop: &str) -> Note {
    note(
        "default-route-appliance",
        format!("route/{route}"),
        format!("the default route {route} leads to {hop}, so the internet is that hop's business and no NAT is made"),
    )
}

pub fn repair(keys: &[&str], by: Option<&str>) -> String {
    let who = by.map_or_else(String::new, |by| format!(", changed by {by}"));
    format!("our NAT does not follow {}{who}", list(keys.iter().map(|key| format!("`{key}`"))))
}

pub fn widened(router: &str) -> Note {
    note(
        "nat-widened",
        format!("router/{router}"),
        format!(
            "our NAT on {router} was changed to serve all subnets; others may rely on it by now, so it stays; set it back to a list by hand if none does"
        ),
    )
}

pub fn dead_subnet(router: &str, subnet: &str, connector: &ConnectorRef) -> Note {
    note(
        "dead-subnet",
        format!("router/{router}"),
        format!(
            "our NAT lists {subnet}, on which connector {} does not stand; it costs nothing and stays, unless `connector.prune: 7d` lets it go",
            connector.name
        ),
    )
}

pub fn no_direct_subnet(entry: &str, network: &NetworkRef) -> Note {
    note(
        "no-direct-subnet",
        format!("subnet/{}", last_segment(entry)),
        format!(
            "`nat.direct_vpc_subnets` names {entry}, which network {} does not have; correct the policy, or make the subnet",
            network.name
        ),
    )
}

/// Another principal changed the router between our read of it and our write.
pub fn raced((project, region, router): (&str, &str, &str), by: &str, operation: &str, at: &str) -> Note {
    note_by(
        "router-raced",
        format!("router/{router}"),
        by,
        format!(
            "{by} changed router {router} ({operation} at {at}) while its NAT list was being written, and the router keeps no version, so that change may be lost; compare `gcloud compute routers describe {router} --region={region} --project={project}` with what {by} wanted (`gcloud logging read 'protoPayload.resourceName:\"routers/{router}\" AND timestamp>=\"{at}\"' --project={project}`), and repeat it if it is missing"
        ),
    )
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
    note(&code, format!("router/{router}"), text)
}
