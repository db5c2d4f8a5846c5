//! Where connectors are to stand.

use std::collections::HashSet;

use ipnet::Ipv4Net;

use super::{Line, facts::InternalRange, unread};
use crate::domain::{
    address_space::{self, AllocatedRanges},
    names::{NetworkRef, last_segment, relative},
    state::{
        network::Network,
        observed::AddressSpace,
        read::{FailureKind, Read},
        route::Route,
    },
};

/// Fewer free ranges than this are gone within a day: `connector.new_per_day` is 3.
const LOW_FREE_RANGES: usize = 4;
/// Nobody needs to know of more.
const MAX_COUNTED_RANGES: usize = 1000;

/// `None` = there is no such network.
pub fn network(network: &NetworkRef, create: bool, found: &Read<Option<Network>>) -> Line {
    let subject = format!("network {}", network.name);
    let project = &network.project;
    match found {
        Err(failure) => unread(&subject, project.as_str(), failure),
        Ok(Some(_)) => Line::ok(&subject, format!("exists in {project}")),
        Ok(None) if create => Line::ok(&subject, "is created with the first connector (`network.create: true`)"),
        Ok(None) => {
            let name = &network.name;
            let create = format!("gcloud compute networks create {name} --subnet-mode=custom --project={project}");
            Line::bad(&subject, format!("does not exist in {project}"), create)
        }
    }
}

/// What was read of a network's address space.
pub struct Space<'a> {
    pub network: &'a NetworkRef,
    pub auto_mode: bool,
    pub pools: &'a [Ipv4Net],
    pub taken: &'a Read<AddressSpace>,
    pub routes: &'a Read<Vec<Route>>,
    pub internal_ranges: &'a Read<Vec<InternalRange>>,
}

impl Space<'_> {
    /// How many /28 are left.
    pub fn free(&self) -> Line {
        let subject = format!("pools of network {}", self.network.name);
        let project = self.network.project.as_str();
        let (taken, routes) = match (self.taken, self.routes) {
            (Ok(taken), Ok(routes)) => (taken, routes),
            (Err(failure), _) | (_, Err(failure)) => return unread(&subject, project, failure),
        };
        let taken = AllocatedRanges::new(&self.network.to_string(), &[], taken, routes, self.auto_mode);
        let (free, all) =
            (taken.free(self.pools).take(MAX_COUNTED_RANGES).count(), address_space::capacity(self.pools));
        let pools: Vec<_> = self.pools.iter().map(Ipv4Net::to_string).collect();
        let more = if free == MAX_COUNTED_RANGES { "or more " } else { "" };
        let text = format!("{free} {more}of {all} /28 are free in {}", pools.join(", "));
        match free {
            0 => Line::bad(&subject, text, "add a range to `connector.subnet_pools` of the policy"),
            free if free < LOW_FREE_RANGES => {
                Line::warn(&subject, text, "add a range to `connector.subnet_pools` of the policy")
            }
            _ => Line::ok(&subject, text),
        }
    }

    /// What of the routes could not be read: a range may be in use behind one of them.
    pub fn unread(&self) -> Vec<Line> {
        let failures = self.taken.iter().flat_map(|space| &space.unread);
        let subject = format!("routes of network {}", self.network.name);
        failures.map(|failure| unread(&subject, self.network.project.as_str(), failure)).collect()
    }

    /// In a range that an internal range reserves, Google refuses subnets that do not name it; where a route or Private
    /// Service Access leads elsewhere, no /28 is taken.
    pub fn reserved(&self) -> Vec<Line> {
        let subject = format!("reservations in the pools of {}", self.network.name);
        let project = self.network.project.as_str();
        let ranges = match self.internal_ranges {
            Ok(ranges) => ranges.as_slice(),
            // Where the API is off nobody has reserved anything by it.
            Err(failure) if failure.kind == FailureKind::ApiDisabled => &[],
            Err(failure) => return vec![unread(&subject, project, failure)],
        };
        let here = |url: &str| relative(url) == self.network.to_string();
        let mut lines: Vec<Line> = Vec::new();
        for range in ranges.iter().filter(|range| here(&range.network)) {
            let Some(held) = range.ip_cidr_range.filter(|held| self.pools_meet(*held)) else { continue };
            let name = last_segment(&range.name);
            let text = format!("internal range {name} reserves {held}, where Google refuses our subnets");
            let delete = format!("gcloud network-connectivity internal-ranges delete {name} --project={project}");
            lines.push(Line::bad(&subject, text, delete));
        }
        let mut held: Vec<String> = Vec::new();
        if let Ok(space) = self.taken {
            let addresses = space.addresses.iter().filter(|address| here(&address.network));
            let reserved = addresses.filter_map(|address| Some((&address.name, address.reserved()?)));
            let meeting = reserved.filter(|(_, range)| self.pools_meet(*range));
            held.extend(meeting.map(|(name, range)| format!("{name} ({range}, internal address)")));
        }
        // Inside a wider route a subnet may be made.
        let widest = self.pools.iter().map(Ipv4Net::prefix_len).min().unwrap_or_default();
        let leads = |range: &Ipv4Net| range.prefix_len() >= widest && self.pools_meet(*range);
        if let Ok(space) = self.taken {
            let learnt = space.learnt.iter().flat_map(|learnt| {
                let ranges = learnt.routes.iter().filter_map(Route::range).filter(leads);
                ranges.map(|range| format!("{range} (learnt by router {})", learnt.router))
            });
            held.extend(learnt);
            let imported = space.imported.iter().flat_map(|imported| {
                let of_subnet = |kind: &str| kind == "SUBNET_PEERING_ROUTE";
                let routes = imported.routes.iter().filter(|route| route.imported);
                let ranges =
                    routes.filter_map(move |route| Some((of_subnet(&route.kind), route.dest_range.parse().ok()?)));
                let meeting = ranges.filter(|(of_subnet, range)| leads(range) || *of_subnet && self.pools_meet(*range));
                meeting.map(|(_, range)| format!("{range} (of peering {})", imported.peering))
            });
            held.extend(imported);
        }
        if let Ok(routes) = self.routes {
            // Google writes a route for each subnet, which says no more than the subnet.
            let of_others = |route: &&Route| here(&route.network) && !route.other.contains_key("nextHopNetwork");
            let led = routes.iter().filter(of_others).filter_map(|route| Some((route, route.range()?)));
            let meeting = led.filter(|(route, range)| leads(range) || route.is_of_subnet() && self.pools_meet(*range));
            held.extend(meeting.map(|(route, range)| format!("{} ({range}, route)", route.name)));
        }
        // In global routing mode routers and regions tell of the same routes.
        let mut told = HashSet::new();
        held.retain(|held| told.insert(held.clone()));
        if !held.is_empty() {
            let text = format!("taken by others: {}", held.join(", "));
            lines.push(Line::warn(&subject, text, "choose ranges that nothing else uses for `connector.subnet_pools`"));
        }
        if lines.is_empty() {
            lines.push(Line::ok(&subject, "nothing else reserves a part of them"));
        }
        lines
    }

    fn pools_meet(&self, range: Ipv4Net) -> bool {
        self.pools.iter().any(|pool| pool.contains(&range) || range.contains(pool))
    }
}
