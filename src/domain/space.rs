//! The address space of a network: where the next /28 fits.

use ipnet::Ipv4Net;

use super::state::{observed::AddressSpace, route::Route, subnet::Subnet};

/// A connector takes exactly this, and shares it with nothing.
pub const PREFIX: u8 = 28;
/// What an auto-mode network reserves for its subnets.
const AUTO_MODE: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 128, 0, 0), 9);

/// Everything that is taken.
#[derive(Debug, Clone, Default)]
pub struct Taken(Vec<Ipv4Net>);

impl Taken {
    /// `subnets` are those of the region that round one read; `space` is all the rest.
    pub fn new(network: &str, subnets: &[Subnet], space: &AddressSpace, routes: &[Route], auto_mode: bool) -> Self {
        let short = super::names::last_segment(network);
        let of_network = |url: &str| super::names::relative(url) == network;
        let mut taken: Vec<Ipv4Net> = Vec::new();
        for subnet in subnets.iter().chain(&space.subnets).filter(|subnet| of_network(&subnet.network)) {
            taken.extend(subnet.ranges());
        }
        // In CIDR form the subnet is hidden: only the connector tells its range, and only the network's short name.
        let hidden =
            space.connectors.iter().filter(|connector| super::names::last_segment(&connector.network) == short);
        taken.extend(hidden.filter_map(|connector| connector.ip_cidr_range.parse::<Ipv4Net>().ok()));
        let reserved = space.addresses.iter().filter(|address| of_network(&address.network));
        taken.extend(reserved.filter_map(super::state::address::Address::reserved));
        // The default route covers everything and takes nothing.
        taken.extend(
            routes
                .iter()
                .filter(|route| of_network(&route.network))
                .filter_map(Route::range)
                .filter(|range| range.prefix_len() > 0),
        );
        if auto_mode {
            taken.push(AUTO_MODE);
        }
        Self(taken)
    }

    pub fn add(&mut self, range: Ipv4Net) {
        self.0.push(range);
    }

    /// The first free /28 of the pools, in their order.
    pub fn first_free(&self, pools: &[Ipv4Net]) -> Option<Ipv4Net> {
        self.free(pools).next()
    }

    /// Every free /28 of the pools, in their order.
    pub fn free(&self, pools: &[Ipv4Net]) -> impl Iterator<Item = Ipv4Net> {
        let candidates = pools.iter().filter_map(|pool| pool.subnets(PREFIX).ok()).flatten();
        candidates.filter(|candidate| self.is_free(*candidate))
    }

    fn is_free(&self, candidate: Ipv4Net) -> bool {
        !self.0.iter().any(|range| range.contains(&candidate) || candidate.contains(range))
    }
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

    #[test]
    fn first_free() {
        let pools = [net("10.8.0.0/27"), net("10.9.0.0/28")];
        for (taken, expected) in [
            (vec![], Some("10.8.0.0/28")),
            (vec!["10.8.0.0/28"], Some("10.8.0.16/28")),
            (vec!["10.8.0.4/30"], Some("10.8.0.16/28")),
            (vec!["10.8.0.0/16"], Some("10.9.0.0/28")),
            (vec!["10.0.0.0/8"], None),
        ] {
            let taken_nets = Taken(taken.iter().map(|text| net(text)).collect());
            assert_eq!(taken_nets.first_free(&pools), expected.map(net), "{taken:?}");
        }
        assert_eq!(capacity(&pools), 3);
    }
}
