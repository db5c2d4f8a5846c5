//! Where packets for the internet go, and what cannot be seen of it.

use super::{few, list, note, reads::why_unread};
use crate::domain::{
    codes::Code,
    names::NetworkRef,
    plan::Note,
    state::{read::ReadFailure, route::Route},
    ways::{By, Part, Ways},
};

/// Dynamic routes are in no list.
const UNSEEN: &str = "a route that is learnt by BGP or imported from a peering would not be seen here";

/// `instance nat-vm by route through-nat (0.0.0.0/1)`.
fn hop(part: &Part<'_>) -> String {
    match part.by {
        By::Gateway(route) | By::Elsewhere(route) => {
            format!("{} by route {} ({})", route.next_hop(), route.name, part.range)
        }
        By::Policy(route) => format!(
            "internal load balancer {} by policy-based route {} ({})",
            route.next_hop_ilb_ip.as_deref().unwrap_or("unknown"),
            route.short_name(),
            part.range
        ),
    }
}

fn hops<'a>(parts: impl Iterator<Item = &'a Part<'a>>) -> String {
    few(&parts.map(hop).collect::<Vec<_>>())
}

/// `nva (0.0.0.0/0, tag ew2) to internal load balancer 10.128.0.100`.
fn idle(route: &&Route) -> String {
    let tags = match route.tags.as_slice() {
        [] => String::new(),
        [tag] => format!(", tag {tag}"),
        tags => format!(", tags {}", list(tags).replace(", ", " ")),
    };
    let status = if route.is_active() { String::new() } else { format!(", {}", route.route_status) };
    format!("{} ({}{tags}{status}) to {}", route.name, route.dest_range, route.next_hop())
}

/// Nothing goes to the internet gateway.
pub fn elsewhere(ways: &Ways<'_>) -> Note {
    let object = match ways.elsewhere().next().map(|part| part.by) {
        Some(By::Gateway(route) | By::Elsewhere(route)) => format!("route/{}", route.name),
        Some(By::Policy(route)) => format!("policy-route/{}", route.short_name()),
        None => String::new(),
    };
    let rest = match ways.gaps {
        true => format!("; for the rest of the internet there is no route, though {UNSEEN}"),
        false => String::new(),
    };
    let text = format!(
        "traffic to the internet goes to {}, so internet access is controlled there and no NAT is created{rest}",
        hops(ways.elsewhere())
    );
    note(Code::DefaultRouteAppliance, object, text)
}

/// No route that applies leads anywhere.
/// `inspected` = routes that do not apply here, or that BGP brings, may lead traffic elsewhere: then the text
/// asks to consult whoever manages the routes.
pub fn none_applies(network: &NetworkRef, ways: &Ways<'_>, inspected: bool) -> Note {
    let object = format!("network/{}", network.name);
    let name = &network.name;
    if ways.idle.is_empty() {
        let how = match inspected {
            true => {
                "policy-based routes or BGP peers of the network may lead such traffic elsewhere, so ask whoever manages its routes".to_owned()
            }
            false => format!(
                "to add one: `gcloud compute routes create NAME --network={name} --destination-range=0.0.0.0/0 --next-hop-gateway=default-internet-gateway --project={}`",
                network.project
            ),
        };
        let text = format!(
            "network {name} has no visible default route, so a NAT cannot reach the internet ({UNSEEN}); {how}"
        );
        return note(Code::NoDefaultRoute, object, text);
    }
    let routes = few(&ways.idle.iter().map(idle).collect::<Vec<_>>());
    let how = match ways.all_idle_lead_elsewhere() {
        true => {
            "all of them lead to appliances, so no NAT is created; to send the connector's traffic to one of them, add the connector's network tag to its route, or remove the route's tags"
        }
        false if ways.idle.iter().any(|route| !route.tags.is_empty()) => {
            "to use one of them, add the connector's network tag to the route, or remove the route's tags"
        }
        false => "none of them is active",
    };
    let text = format!(
        "no default route of network {name} that is seen applies to the connector ({UNSEEN}); there are {routes}; {how}"
    );
    note(Code::NoDefaultRoute, object, text)
}

/// The NAT is made all the same: what it is for is decided by the other routes.
pub fn policies_unread(failure: &ReadFailure) -> Note {
    note(
        Code::PolicyRoutesUnread,
        &failure.call,
        format!(
            "policy-based routes take precedence over all other routes and could not be read, so one of them may route the connector's traffic around our NAT: {} {}. Google said: {}",
            failure.call,
            why_unread("networkconnectivity.policyBasedRoutes.list", failure),
            failure.message
        ),
    )
}

pub fn unread(failure: &ReadFailure) -> Note {
    let permission = match failure.call.as_str() {
        "compute.networks.listPeeringRoutes" => "compute.networks.listPeeringRoutes",
        "compute.routers.aggregatedList" => "compute.routers.list",
        _ => "compute.routers.get",
    };
    note(
        Code::RoutesUnread,
        &failure.call,
        format!(
            "routes learnt by BGP or imported from a peering could not all be read, so the new subnet's range may be in use behind one: {} {}. Google said: {}",
            failure.call,
            why_unread(permission, failure),
            failure.message
        ),
    )
}

/// For the path of a workload: what the routes say, in a few words.
pub mod hop {
    use super::{By, UNSEEN, Ways, few, hops, idle};

    pub fn gateway(ways: &Ways<'_>) -> String {
        let gateways = ways.parts.iter().filter(|part| matches!(part.by, By::Gateway(_)));
        format!("internet traffic goes to {}", hops(gateways))
    }

    pub fn elsewhere(ways: &Ways<'_>) -> String {
        format!("internet traffic goes to {}, which controls internet access", hops(ways.elsewhere()))
    }

    pub fn none(ways: &Ways<'_>) -> String {
        let there = match ways.idle.is_empty() {
            true => "the network has no default route".to_owned(),
            false => {
                format!("no default route applies; there are {}", few(&ways.idle.iter().map(idle).collect::<Vec<_>>()))
            }
        };
        format!("{there}, so by what is seen nothing reaches the internet; {UNSEEN}")
    }

    /// What does not come by the gateway, though other packets do.
    pub fn partly(ways: &Ways<'_>) -> Vec<String> {
        let mut told = Vec::new();
        if ways.elsewhere().next().is_some() {
            told.push(format!("a part of the traffic to the internet goes another way: to {}", hops(ways.elsewhere())));
        }
        if !ways.partly.is_empty() {
            let names: Vec<String> = ways.partly.iter().map(|route| route.short_name().to_owned()).collect();
            told.push(format!("policy-based routes lead some packets to internal load balancers: {}", few(&names)));
        }
        let gateways = ways.parts.iter().filter(|part| matches!(part.by, By::Gateway(_)));
        if ways.gaps {
            told.push(format!("only a part of the internet has a route: {}; {UNSEEN}", hops(gateways)));
        }
        told
    }
}
