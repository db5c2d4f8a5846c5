//! What a rule matches, as sets: what it matches for certain, and what it may match.

use std::ops::RangeInclusive;

use super::{
    dimensions::{Known, Service, addresses, services},
    packets::Reach,
};
use crate::domain::state::{effective::PolicyRule, firewall::Firewall};

/// The packets that a rule matches.
pub(super) struct Matched {
    pub must: Reach,
    /// These and perhaps others: what the rule names by anything that cannot be read here may lie anywhere.
    pub may: Reach,
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
