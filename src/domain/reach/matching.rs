//! What a rule matches, as sets: what it matches for certain, and what it may match.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::{Ipv4Net, Ipv6Net};

use super::Reach;
use crate::domain::{
    ports,
    state::{effective::PolicyRule, firewall::Firewall},
};

/// The packets that a rule matches.
pub(super) struct Matched {
    pub must: Reach,
    /// These and perhaps others: what the rule names by anything that cannot be read here may lie anywhere.
    pub may: Reach,
}

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

fn everywhere() -> Known<RangeInclusive<u32>> {
    Known { must: vec![0..=u32::MAX], may: vec![0..=u32::MAX] }
}

fn product(addresses: &Known<RangeInclusive<u32>>, services: &Known<Service>) -> Matched {
    Matched {
        must: Reach::product(&addresses.must, &services.must),
        may: Reach::product(&addresses.may, &services.may),
    }
}

/// What a firewall rule matches for certain of packets that leave.
pub fn of_rule(rule: &Firewall) -> Reach {
    vpc_rule(rule).must
}

pub(super) fn vpc_rule(rule: &Firewall) -> Matched {
    let entries = if rule.is_deny() { &rule.denied } else { &rule.allowed };
    let ranges = match rule.destination_ranges.is_empty() {
        true => everywhere(),
        false => addresses(rule.destination_ranges.iter().map(String::as_str)),
    };
    let entries = entries.iter().map(|entry| (entry.protocol.as_str(), entry.ports.as_slice()));
    product(&ranges, &or_unknown(services(entries)))
}

pub(super) fn policy_rule(rule: &PolicyRule) -> Matched {
    let matches = &rule.matches;
    let ranges = addresses(matches.dest_ip_ranges.iter().map(String::as_str));
    let ranges = match (matches.dest_ip_ranges.is_empty(), matches.names_destinations()) {
        (true, false) => everywhere(),
        // A packet has to match one of the destination's parameters, and which addresses bear a name is unknown.
        (_, true) => Known { may: vec![0..=u32::MAX], ..ranges },
        (false, false) => ranges,
    };
    let entries = matches.layer4_configs.iter().map(|config| (config.ip_protocol.as_str(), config.ports.as_slice()));
    let matched = product(&ranges, &or_unknown(services(entries)));
    match matches.asks_more() {
        true => Matched { must: Reach::default(), ..matched },
        false => matched,
    }
}

/// Google asks for one protocol at least: a rule without may be about any.
fn or_unknown(known: Known<Service>) -> Known<Service> {
    match known.may.is_empty() {
        true => Known { may: vec![(0..=u8::MAX, 0..=u16::MAX)], ..known },
        false => known,
    }
}
