//! Where packets for the internet leave a network. Policy-based routes are asked first; then, range by range, the most
//! specific route that applies decides, and of several the one with the lowest priority number.
//! <https://cloud.google.com/vpc/docs/routes#routeselection>

use std::{cmp::Reverse, net::Ipv4Addr};

use ipnet::Ipv4Net;

use super::{
    names::relative,
    state::{observed::Observed, policy_route::PolicyRoute, route::Route},
};

/// What is not the internet: private, shared, local and reserved ranges, and those of Google's APIs, which Private Google
/// Access reaches without NAT.
const NOT_THE_INTERNET: [Ipv4Net; 13] = [
    net(0, 0, 8),
    net(10, 0, 8),
    net(100, 64, 10),
    net(127, 0, 8),
    net(169, 254, 16),
    net(172, 16, 12),
    net(192, 168, 16),
    net(224, 0, 4),
    net(240, 0, 4),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(199, 36, 153, 4), 30),
    Ipv4Net::new_assert(Ipv4Addr::new(199, 36, 153, 8), 30),
    Ipv4Net::new_assert(Ipv4Addr::new(34, 126, 0, 0), 18),
];

/// A route at least so wide is somebody's idea of a default route: `0.0.0.0/0`, its halves, or their halves.
const BROAD: u8 = 7;

const fn net(first: u8, second: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(first, second, 0, 0), prefix)
}

/// The instances whose packets are followed.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// The network's full name.
    pub network: &'a str,
    pub tags: &'a [&'a str],
    /// The range of their addresses; `None` = unknown.
    pub range: Option<Ipv4Net>,
}

/// A part of the internet and the route that decides for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    /// The destination of the route: what more specific routes take of it is not part of it.
    pub range: Ipv4Net,
    pub by: By<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By<'a> {
    /// To the default internet gateway.
    Gateway(&'a Route),
    /// To an appliance, a VPN tunnel, a peering or the like: what reaches the internet is decided there.
    Elsewhere(&'a Route),
    /// To an internal load balancer, before any route is asked.
    Policy(&'a PolicyRoute),
}

/// What the routes that can be read make of the internet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ways<'a> {
    pub parts: Vec<Part<'a>>,
    /// Some of the internet has no route among those that were read.
    pub gaps: bool,
    /// Policy-based routes that take a part of the packets only: of one protocol, or of some addresses.
    pub partly: Vec<&'a PolicyRoute>,
    /// Broad routes of the network that do not apply: they are for other tags, or not active.
    pub idle: Vec<&'a Route>,
}

/// Follows packets for the internet.
pub fn ways<'a>(routes: &'a [Route], policies: &'a [PolicyRoute], from: From<'_>) -> Ways<'a> {
    let mut ways = Ways::default();
    let mut left = ways.by_policy(policies, from);
    let mut here: Vec<(Ipv4Net, &Route)> = routes
        .iter()
        .filter(|route| relative(&route.network) == from.network)
        .filter_map(|route| Some((route.range()?, route)))
        .collect();
    let order = |(range, route): &(Ipv4Net, &'a Route)| {
        // Of equal routes those to the internet gateway come last: Google prefers every other next hop.
        (Reverse(range.prefix_len()), *range, route.priority, route.to_internet(), route.name.as_str())
    };
    here.sort_by(|one, other| order(one).cmp(&order(other)));
    for (range, route) in here {
        if !route.is_active() || !route.applies_to(from.tags) {
            if range.prefix_len() <= BROAD {
                ways.idle.push(route);
            }
            continue;
        }
        if left.take(range) {
            let by = if route.to_internet() { By::Gateway(route) } else { By::Elsewhere(route) };
            ways.parts.push(Part { range, by });
        }
    }
    // Wide ones first: they are what a person calls the default route.
    ways.parts.sort_by_key(|part| part.range.prefix_len());
    ways.idle.sort_by_key(|route| (route.range().map(|range| range.prefix_len()), route.priority, &route.name));
    ways.gaps = !left.is_empty();
    ways
}

impl<'a> Ways<'a> {
    /// Follows policy-based routes, and returns what they leave to the other routes.
    fn by_policy(&mut self, policies: &'a [PolicyRoute], from: From<'_>) -> Space {
        let mut left = Space::internet();
        let mut skipped = Space(Vec::new());
        let mut here: Vec<_> = policies.iter().filter(|route| route.applies_to(from.network, from.tags)).collect();
        here.sort_by_key(|route| (route.priority(), &route.name));
        for route in here {
            let Some(range) = route.destination() else { continue };
            if !route.takes_all_of(from.range) {
                if route.may_take_from(from.range) && !route.to_other_routes() && left.meets(range) {
                    self.partly.push(route);
                }
                continue;
            }
            let taken = left.within(range);
            if left.take(range) {
                match route.to_other_routes() {
                    true => skipped.0.extend(taken),
                    false => self.parts.push(Part { range, by: By::Policy(route) }),
                }
            }
        }
        left.0.extend(skipped.0);
        left
    }

    /// Whether anything goes to the internet gateway, where a NAT is asked.
    pub fn reach_gateway(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.by, By::Gateway(_)))
    }

    /// What is decided elsewhere than at the internet gateway.
    pub fn elsewhere(&self) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(|part| !matches!(part.by, By::Gateway(_)))
    }

    /// There are broad routes, none of them applies, and none leads to the internet gateway: it is no accident that nothing
    /// goes there.
    pub fn all_idle_lead_elsewhere(&self) -> bool {
        !self.idle.is_empty() && !self.idle.iter().any(|route| route.to_internet())
    }
}

/// Addresses, as ranges that do not overlap.
struct Space(Vec<Ipv4Net>);

impl Space {
    fn internet() -> Self {
        let mut space = Self(vec![Ipv4Net::default()]);
        for range in NOT_THE_INTERNET {
            space.take(range);
        }
        space
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn meets(&self, range: Ipv4Net) -> bool {
        self.0.iter().any(|held| held.contains(&range) || range.contains(held))
    }

    /// What is held of a range.
    fn within(&self, range: Ipv4Net) -> Vec<Ipv4Net> {
        let part = |held: &Ipv4Net| match (range.contains(held), held.contains(&range)) {
            (true, _) => Some(*held),
            (false, true) => Some(range),
            (false, false) => None,
        };
        self.0.iter().filter_map(part).collect()
    }

    /// Takes a range out; `false` = nothing of it was held.
    fn take(&mut self, range: Ipv4Net) -> bool {
        if !self.meets(range) {
            return false;
        }
        for mut held in std::mem::take(&mut self.0) {
            if !held.contains(&range) {
                self.0.extend((!range.contains(&held)).then_some(held));
                continue;
            }
            // Halves it until one half is the range; the other halves stay.
            while held.prefix_len() < range.prefix_len() {
                let Ok(mut halves) = held.subnets(held.prefix_len() + 1) else { break };
                let (Some(low), Some(high)) = (halves.next(), halves.next()) else { break };
                let (inside, outside) = if low.contains(&range) { (low, high) } else { (high, low) };
                self.0.push(outside);
                held = inside;
            }
        }
        true
    }
}

/// Where packets of instances of the target's network leave, by what was read.
pub fn ways_from<'a>(observed: &'a Observed, tags: &[&str], range: Option<ipnet::Ipv4Net>) -> Ways<'a> {
    let network = observed.network_name.to_string();
    let routes = observed.routes.as_deref().unwrap_or_default();
    let policies = observed.policy_routes.as_ref().and_then(|read| read.as_deref().ok()).unwrap_or_default();
    ways(routes, policies, From { network: &network, tags, range })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NETWORK: &str = "projects/p/global/networks/n";

    fn route(name: &str, range: &str, priority: u32, hop: &str, tags: &[&str]) -> Value {
        let mut route =
            json!({"name": name, "network": NETWORK, "destRange": range, "priority": priority, "tags": tags});
        match hop {
            "gateway" => {
                route["nextHopGateway"] = "projects/p/global/gateways/default-internet-gateway".into();
            }
            hop => route["nextHopIp"] = hop.into(),
        }
        route
    }

    fn read(routes: &[Value]) -> Vec<Route> {
        routes.iter().map(|route| serde_json::from_value(route.clone()).unwrap()).collect()
    }

    fn told(ways: &Ways<'_>) -> Vec<String> {
        let word = |part: &Part<'_>| match part.by {
            By::Gateway(route) => format!("{} {} gateway", part.range, route.name),
            By::Elsewhere(route) => format!("{} {} elsewhere", part.range, route.name),
            By::Policy(route) => format!("{} {} policy", part.range, route.short_name()),
        };
        ways.parts.iter().map(word).collect()
    }

    const TAGS: &[&str] = &["vpc-connector", "vpc-connector-r-c"];

    fn from() -> From<'static> {
        From { network: NETWORK, tags: TAGS, range: Some("10.8.0.0/28".parse().unwrap()) }
    }

    #[test]
    fn the_most_specific_route_that_applies_decides() {
        let default = route("d", "0.0.0.0/0", 1000, "gateway", &[]);
        let halves = [route("a", "0.0.0.0/1", 1000, "10.0.0.1", &[]), route("b", "128.0.0.0/1", 1000, "10.0.0.1", &[])];
        let with = |base: &[Value], more: Value| [base, &[more]].concat();
        let mut dropped = route("x", "0.0.0.0/0", 10, "10.0.0.1", &[]);
        dropped["routeStatus"] = "DROPPED".into();
        let mut pending = dropped.clone();
        pending["routeStatus"] = "PENDING".into();
        let mut active = dropped.clone();
        active["routeStatus"] = "ACTIVE".into();
        let cases: &[(&str, Vec<Value>, &[&str], bool)] = &[
            ("nothing", vec![], &[], true),
            ("a default route", vec![default.clone()], &["0.0.0.0/0 d gateway"], false),
            (
                "halves before it",
                with(&halves, default.clone()),
                &["0.0.0.0/1 a elsewhere", "128.0.0.0/1 b elsewhere"],
                false,
            ),
            (
                "one half",
                vec![halves[0].clone(), default.clone()],
                &["0.0.0.0/0 d gateway", "0.0.0.0/1 a elsewhere"],
                false,
            ),
            ("one half alone", vec![halves[1].clone()], &["128.0.0.0/1 b elsewhere"], true),
            (
                "halves for a tag of the connector",
                vec![route("t", "0.0.0.0/1", 10, "10.0.0.1", &["vpc-connector"]), default.clone()],
                &["0.0.0.0/0 d gateway", "0.0.0.0/1 t elsewhere"],
                false,
            ),
            (
                "for other tags",
                vec![route("t", "0.0.0.0/0", 10, "10.0.0.1", &["web"]), default.clone()],
                &["0.0.0.0/0 d gateway"],
                false,
            ),
            (
                "the lower number",
                vec![route("t", "0.0.0.0/0", 10, "10.0.0.1", &[]), default.clone()],
                &["0.0.0.0/0 t elsewhere"],
                false,
            ),
            (
                "the same number",
                vec![route("z", "0.0.0.0/0", 1000, "10.0.0.1", &[]), default.clone()],
                &["0.0.0.0/0 z elsewhere"],
                false,
            ),
            ("dropped", vec![dropped, default.clone()], &["0.0.0.0/0 d gateway"], false),
            ("pending", vec![pending, default.clone()], &["0.0.0.0/0 d gateway"], false),
            ("active", vec![active, default.clone()], &["0.0.0.0/0 x elsewhere"], false),
            (
                "private ranges and Google's APIs are not the internet",
                vec![route("g", "199.36.153.8/30", 1000, "gateway", &[]), route("p", "10.0.0.0/8", 1, "gateway", &[])],
                &[],
                true,
            ),
            (
                "one address to the gateway",
                with(&halves, route("one", "203.0.113.5/32", 1000, "gateway", &[])),
                &["0.0.0.0/1 a elsewhere", "128.0.0.0/1 b elsewhere", "203.0.113.5/32 one gateway"],
                false,
            ),
            ("IPv6 says nothing", vec![route("six", "::/0", 1, "10.0.0.1", &[])], &[], true),
        ];
        for (name, routes, expected, gaps) in cases {
            let routes = read(routes);
            let ways = ways(&routes, &[], from());
            assert_eq!(
                (told(&ways), ways.gaps),
                (expected.iter().map(|part| (*part).to_owned()).collect(), *gaps),
                "{name}"
            );
        }
    }

    #[test]
    fn policy_based_routes_come_first() {
        let policy = |name: &str, more: Value| -> PolicyRoute {
            let mut route = json!({
                "name": format!("projects/p/locations/global/PolicyBasedRoutes/{name}"), "network": NETWORK,
                "filter": {"protocolVersion": "IPV4"}, "nextHopIlbIp": "10.1.1.1",
            });
            for (key, value) in more.as_object().unwrap() {
                route[key.as_str()] = value.clone();
            }
            serde_json::from_value(route).unwrap()
        };
        let filter = |more: Value| json!({"filter": more});
        let all = || policy("all", json!({}));
        let skip = json!({"nextHopIlbIp": null, "nextHopOtherRoutes": "DEFAULT_ROUTING", "priority": 10});
        let skip = policy("skip", [skip.as_object().unwrap().clone()].into_iter().next().unwrap().into());
        /// Name, policy-based routes, the ways out, and the routes that lead only a part of a range elsewhere.
        type Case<'a> = (&'a str, Vec<PolicyRoute>, &'a [&'a str], &'a [&'a str]);
        let cases: Vec<Case<'_>> = vec![
            ("of every machine", vec![all()], &["0.0.0.0/0 all policy"], &[]),
            (
                "of other machines",
                vec![policy("t", json!({"virtualMachine": {"tags": ["web"]}}))],
                &["0.0.0.0/0 d gateway"],
                &[],
            ),
            (
                "of the connector",
                vec![policy("t", json!({"virtualMachine": {"tags": ["vpc-connector"]}}))],
                &["0.0.0.0/0 t policy"],
                &[],
            ),
            (
                "of an interconnect",
                vec![policy("i", json!({"interconnectAttachment": {"region": "all"}}))],
                &["0.0.0.0/0 d gateway"],
                &[],
            ),
            (
                "of another network",
                vec![policy("o", json!({"network": "projects/p/global/networks/o"}))],
                &["0.0.0.0/0 d gateway"],
                &[],
            ),
            (
                "of other addresses",
                vec![policy("s", filter(json!({"srcRange": "10.9.0.0/16"})))],
                &["0.0.0.0/0 d gateway"],
                &[],
            ),
            (
                "of these addresses",
                vec![policy("s", filter(json!({"srcRange": "10.8.0.0/16"})))],
                &["0.0.0.0/0 s policy"],
                &[],
            ),
            (
                "of some of them",
                vec![policy("s", filter(json!({"srcRange": "10.8.0.0/29"})))],
                &["0.0.0.0/0 d gateway"],
                &["s"],
            ),
            (
                "of one protocol",
                vec![policy("u", filter(json!({"ipProtocol": "UDP"})))],
                &["0.0.0.0/0 d gateway"],
                &["u"],
            ),
            (
                "to private ranges",
                vec![policy("p", filter(json!({"destRange": "10.0.0.0/8"})))],
                &["0.0.0.0/0 d gateway"],
                &[],
            ),
            ("IPv6", vec![policy("six", filter(json!({"protocolVersion": "IPV6"})))], &["0.0.0.0/0 d gateway"], &[]),
            ("skipped by another", vec![all(), skip], &["0.0.0.0/0 d gateway"], &[]),
        ];
        let routes = read(&[route("d", "0.0.0.0/0", 1000, "gateway", &[])]);
        for (name, policies, expected, partly) in cases {
            let ways = ways(&routes, &policies, from());
            let some: Vec<&str> = ways.partly.iter().map(|route| route.short_name()).collect();
            assert_eq!(
                (told(&ways), some),
                (expected.iter().map(|part| (*part).to_owned()).collect(), partly.to_vec()),
                "{name}"
            );
        }
    }
}
