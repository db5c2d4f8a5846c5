//! Sets of packets.

use std::ops::RangeInclusive;

use super::dimensions::{addresses, services as named};

/// One box of packets; every bound is inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packets {
    pub(super) to: RangeInclusive<u32>,
    pub(super) protocol: RangeInclusive<u8>,
    pub(super) port: RangeInclusive<u16>,
}

/// A set of packets, as boxes that may overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(pub(super) Vec<Packets>);

impl Reach {
    pub fn everything() -> Self {
        Self(vec![Packets { to: 0..=u32::MAX, protocol: 0..=255, port: 0..=u16::MAX }])
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ranges that are not IPv4, and what Google would not know, hold no packet here.
    pub fn of<'a>(
        ranges: impl IntoIterator<Item = &'a str>,
        layer4: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Self {
        Self::product(&addresses(ranges).must, &named(layer4).must)
    }

    pub(super) fn product(
        addresses: &[RangeInclusive<u32>],
        services: &[(RangeInclusive<u8>, RangeInclusive<u16>)],
    ) -> Self {
        let boxes = addresses.iter().flat_map(|to| {
            services.iter().map(|(protocol, port)| Packets {
                to: to.clone(),
                protocol: protocol.clone(),
                port: port.clone(),
            })
        });
        Self(boxes.collect())
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().flat_map(|a| other.0.iter().filter_map(move |b| overlap(a, b))).collect())
    }

    pub fn or(mut self, other: &Self) -> Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    pub fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for cut in &other.0 {
            left = left.iter().flat_map(|piece| difference(piece, cut)).collect();
        }
        Self(left)
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().any(|a| other.0.iter().any(|b| overlap(a, b).is_some()))
    }

    pub fn contains(&self, other: &Self) -> bool {
        other.without(self).is_empty()
    }
}

fn overlap(a: &Packets, b: &Packets) -> Option<Packets> {
    fn both<T: Ord + Copy>(a: &RangeInclusive<T>, b: &RangeInclusive<T>) -> Option<RangeInclusive<T>> {
        let range = *a.start().max(b.start())..=*a.end().min(b.end());
        (range.start() <= range.end()).then_some(range)
    }
    Some(Packets { to: both(&a.to, &b.to)?, protocol: both(&a.protocol, &b.protocol)?, port: both(&a.port, &b.port)? })
}

/// `a` without `b`: what stands below and above the overlap, one dimension after the other.
fn difference(a: &Packets, b: &Packets) -> Vec<Packets> {
    let Some(hole) = overlap(a, b) else { return vec![a.clone()] };
    let mut rest = a.clone();
    let mut pieces = Vec::new();
    macro_rules! cut {
        ($field:ident) => {
            if rest.$field.start() < hole.$field.start() {
                pieces.push(Packets { $field: *rest.$field.start()..=*hole.$field.start() - 1, ..rest.clone() });
            }
            if rest.$field.end() > hole.$field.end() {
                pieces.push(Packets { $field: *hole.$field.end() + 1..=*rest.$field.end(), ..rest.clone() });
            }
            rest.$field = hole.$field.clone();
        };
    }
    cut!(to);
    cut!(protocol);
    cut!(port);
    // What is left of `rest` is the overlap itself.
    let _ = rest;
    pieces
}
