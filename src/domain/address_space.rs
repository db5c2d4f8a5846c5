//! The address space of a network: where the next /28 fits, and what takes the rest.

use ipnet::Ipv4Net;

use super::{
    names::{last_segment, relative},
    state::{observed::AddressSpace, route::Route, subnet::Subnet},
};

/// A connector takes exactly this, and shares it with nothing.
pub const PREFIX: u8 = 28;
/// What an auto-mode network reserves for its subnets.
const AUTO_MODE: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 128, 0, 0), 9);

/// Everything that is taken.
#[derive(Debug, Clone, Default)]
pub struct AllocatedRanges(Vec<Held>);

/// A range that something takes.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    range: Ipv4Net,
    /// `subnet gke`.
    by: String,
    takes: Takes,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Takes {
    /// No subnet can overlap it.
    All,
    /// It leads packets elsewhere. Inside a wider one a subnet may be made; one that is not wider than a pool says that this
    /// part of the pool is in use behind it.
    Routed,
}

impl AllocatedRanges {
    /// `subnets` are those of the region that round one read; `space` is all the rest.
    pub fn new(network: &str, subnets: &[Subnet], space: &AddressSpace, routes: &[Route], auto_mode: bool) -> Self {
        let short = last_segment(network);
        let of_network = |url: &str| relative(url) == network;
        let mut taken = Self::default();
        for subnet in subnets.iter().chain(&space.subnets).filter(|subnet| of_network(&subnet.network)) {
            subnet.ranges().for_each(|range| taken.add(range, format!("subnet {}", subnet.name)));
        }
        // In CIDR form the subnet is hidden: only the connector tells its range, and only the network's short name.
        for connector in space.connectors.iter().filter(|connector| last_segment(&connector.network) == short) {
            if let Ok(range) = connector.ip_cidr_range.parse() {
                taken.add(range, format!("connector {}", last_segment(&connector.name)));
            }
        }
        for address in space.addresses.iter().filter(|address| of_network(&address.network)) {
            if let Some(range) = address.reserved() {
                taken.add(range, format!("internal address {}", address.name));
            }
        }
        for route in routes.iter().filter(|route| of_network(&route.network)) {
            let takes = if route.is_of_subnet() { Takes::All } else { Takes::Routed };
            taken.hold(route.range(), takes, || format!("route {} to {}", route.name, route.next_hop()));
        }
        for learnt in &space.learnt {
            for route in &learnt.routes {
                taken
                    .hold(route.range(), Takes::Routed, || format!("a route that router {} has learnt", learnt.router));
            }
        }
        for imported in &space.imported {
            for route in imported.routes.iter().filter(|route| route.imported) {
                let (takes, what) = match route.kind.as_str() {
                    "SUBNET_PEERING_ROUTE" => (Takes::All, "a subnet"),
                    _ => (Takes::Routed, "a route"),
                };
                taken.hold(route.dest_range.parse().ok(), takes, || format!("{what} of peering {}", imported.peering));
            }
        }
        if auto_mode {
            taken.add(AUTO_MODE, "the network's auto mode".to_owned());
        }
        taken
    }

    pub fn add(&mut self, range: Ipv4Net, by: String) {
        self.hold(Some(range), Takes::All, || by);
    }

    /// Of several that hold the same range, the first is named.
    fn hold(&mut self, range: Option<Ipv4Net>, takes: Takes, by: impl FnOnce() -> String) {
        let Some(range) = range else { return };
        if !self.0.iter().any(|held| held.range == range && held.takes == Takes::All) {
            self.0.push(Held { range, by: by(), takes });
        }
    }

    /// The first free /28 of the pools, in their order.
    pub fn first_free(&self, pools: &[Ipv4Net]) -> Option<Ipv4Net> {
        self.free(pools).next()
    }

    /// Every free /28 of the pools, in their order.
    pub fn free(&self, pools: &[Ipv4Net]) -> impl Iterator<Item = Ipv4Net> {
        pools.iter().flat_map(|pool| {
            let taken: Vec<Ipv4Net> = self.of(*pool).map(|held| held.range).collect();
            let candidates = pool.subnets(PREFIX).ok().into_iter().flatten();
            candidates.filter(move |candidate| !taken.iter().any(|range| overlap(*range, *candidate)))
        })
    }

    /// What takes a part of a pool.
    fn of(&self, pool: Ipv4Net) -> impl Iterator<Item = &Held> {
        self.0.iter().filter(move |held| {
            overlap(held.range, pool) && (held.takes == Takes::All || held.range.prefix_len() >= pool.prefix_len())
        })
    }

    /// What takes the pools, the widest first: `route onprem to VPN tunnel t (10.8.0.0/16)`.
    pub fn holders(&self, pools: &[Ipv4Net]) -> Vec<String> {
        let mut held: Vec<&Held> = pools.iter().flat_map(|pool| self.of(*pool)).collect();
        held.sort_by_key(|held| (held.range.prefix_len(), held.range));
        let mut named: Vec<String> = Vec::new();
        for Held { range, by, .. } in held {
            let name = format!("{by} ({range})");
            if !named.contains(&name) {
                named.push(name);
            }
        }
        named
    }
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// How many connectors the pools hold.
pub fn capacity(pools: &[Ipv4Net]) -> u64 {
    pools.iter().map(|pool| 1_u64 << (PREFIX.saturating_sub(pool.prefix_len()))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    /// A subnet takes all that it overlaps; a route too, unless it is wider than the pool.
    #[test]
    fn first_free() {
        use Takes::*;
        let pools = [net("10.8.0.0/27"), net("10.9.0.0/28")];
        for (taken, takes, expected) in [
            (vec![], All, Some("10.8.0.0/28")),
            (vec!["10.8.0.0/28"], All, Some("10.8.0.16/28")),
            (vec!["10.8.0.4/30"], All, Some("10.8.0.16/28")),
            (vec!["10.8.0.0/16"], All, Some("10.9.0.0/28")),
            (vec!["10.0.0.0/8"], All, None),
            (vec!["10.0.0.0/8"], Routed, Some("10.8.0.0/28")),
            (vec!["0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0"], Routed, Some("10.8.0.0/28")),
            (vec!["10.8.0.0/26"], Routed, Some("10.8.0.0/28")),
            (vec!["10.8.0.0/27"], Routed, Some("10.9.0.0/28")),
            (vec!["10.8.0.0/28"], Routed, Some("10.8.0.16/28")),
            (vec!["10.8.0.1/32"], Routed, Some("10.8.0.16/28")),
            (vec!["10.8.0.0/27", "10.9.0.0/28"], Routed, None),
        ] {
            let held = |text: &&str| Held { range: net(text), by: "x".into(), takes };
            let taken = AllocatedRanges(taken.iter().map(held).collect());
            assert_eq!(taken.first_free(&pools), expected.map(net), "{taken:?}");
        }
        assert_eq!(capacity(&pools), 3);
    }

    #[test]
    fn what_takes_the_pools_is_named_once_and_the_widest_first() {
        let mut taken = AllocatedRanges::default();
        taken.add(net("10.8.0.0/28"), "subnet a".into());
        taken.add(net("10.8.0.0/28"), "route of it".into());
        taken.add(net("10.20.0.0/28"), "subnet far".into());
        taken.add(net("10.8.0.0/24"), "subnet b".into());
        assert_eq!(
            taken.holders(&[net("10.8.0.0/27"), net("10.8.0.0/26")]),
            ["subnet b (10.8.0.0/24)", "subnet a (10.8.0.0/28)"]
        );
    }
}
