//! Addresses, protocols and ports of a rule as sets of numbers.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::domain::ports;

/// One dimension of a rule: what is certain, and what is possible.
pub(super) struct Known<T> {
    pub must: Vec<T>,
    pub may: Vec<T>,
}

/// What a rule's text says about addresses.
pub(super) enum Address {
    V4(Ipv4Net),
    /// Not of IPv4, which is all that counts here.
    V6,
    Unknown,
}

impl Address {
    /// A range, or a single address: Google returns one without a prefix where it was given so.
    pub(super) fn read(text: &str) -> Self {
        let text = text.trim();
        let v4 = text.parse::<Ipv4Net>().ok().or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from));
        match v4 {
            Some(net) => Self::V4(net),
            None if text.parse::<Ipv6Net>().is_ok() || text.parse::<Ipv6Addr>().is_ok() => Self::V6,
            None => Self::Unknown,
        }
    }
}

pub(super) fn addresses<'a>(texts: impl IntoIterator<Item = &'a str>) -> Known<RangeInclusive<u32>> {
    let mut known = Known { must: Vec::new(), may: Vec::new() };
    for text in texts {
        match Address::read(text) {
            Address::V4(net) => known.must.push(u32::from(net.network())..=u32::from(net.broadcast())),
            Address::V6 => {}
            Address::Unknown => known.may = vec![0..=u32::MAX],
        }
    }
    if known.may.is_empty() {
        known.may.clone_from(&known.must);
    }
    known
}

/// Protocols with their ports.
pub(super) type Service = (RangeInclusive<u8>, RangeInclusive<u16>);

pub(super) fn services<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Known<Service> {
    let all_ports = 0..=u16::MAX;
    let mut known = Known { must: Vec::new(), may: Vec::new() };
    for (protocol, port_texts) in entries {
        let protocols = ports::protocols(protocol);
        let possible = protocols.clone().unwrap_or(0..=u8::MAX);
        let read: Vec<Option<RangeInclusive<u16>>> = match port_texts.is_empty() {
            true => vec![Some(all_ports.clone())],
            false => port_texts.iter().map(|text| ports::range(text)).collect(),
        };
        for port in read {
            if let (Some(protocols), Some(port)) = (&protocols, &port) {
                known.must.push((protocols.clone(), port.clone()));
            }
            known.may.push((possible.clone(), port.unwrap_or_else(|| all_ports.clone())));
        }
    }
    known
}
