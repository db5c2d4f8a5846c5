//! A set of packets as a person writes it: ranges, protocols and ports.

use std::{collections::BTreeMap, ops::RangeInclusive};

use ipnet::{Ipv4Net, Ipv4Subnets};

use super::packets::{Packets, Reach};

/// Packets of some services to some destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    pub to: Destinations,
    pub services: Services,
}

/// Addresses, as the fewest ranges that hold them and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destinations(Vec<RangeInclusiveOf<u32>>);

/// Protocols with their ports: disjoint, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Services(Vec<Service>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    protocols: RangeInclusiveOf<u8>,
    /// Disjoint, in order.
    ports: Vec<RangeInclusiveOf<u16>>,
}

/// The first and the last.
type RangeInclusiveOf<T> = (T, T);

impl Reach {
    /// The same packets, in parts that do not overlap: one for each set of services.
    pub fn listed(&self) -> Vec<Traffic> {
        let mut by_services: BTreeMap<Services, Vec<RangeInclusiveOf<u32>>> = BTreeMap::new();
        let cuts = cuts(self.0.iter().map(|packets| &packets.to), u32::MAX);
        for (from, to) in cuts {
            let here: Vec<&Packets> = self.0.iter().filter(|packets| packets.to.contains(&from)).collect();
            if !here.is_empty() {
                by_services.entry(services(&here)).or_default().push((from, to));
            }
        }
        let mut listed: Vec<Traffic> = by_services
            .into_iter()
            .map(|(services, ranges)| Traffic { to: Destinations(joined(ranges)), services })
            .collect();
        listed.sort_by(|a, b| a.to.cmp(&b.to));
        listed
    }
}

impl Destinations {
    pub fn ranges(&self) -> Vec<Ipv4Net> {
        nets(&self.0)
    }

    /// The ranges that are left out, where naming these takes fewer.
    pub fn all_but(&self) -> Option<Vec<Ipv4Net>> {
        let others = nets(&gaps(&self.0));
        (others.len() < self.ranges().len()).then_some(others)
    }
}

impl Services {
    /// `tcp:443`, `udp:8000-8080`, `icmp`, or numbers of protocols such as `7-16`.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().flat_map(words).collect()
    }

    /// The services that are left out, where naming these takes fewer words.
    pub fn all_but(&self) -> Option<Vec<String>> {
        let all = (0..=u8::MAX).map(|protocol| {
            let own = self.0.iter().find(|service| service.protocols.0 <= protocol && protocol <= service.protocols.1);
            let ports = own.map_or_else(|| vec![(0, u16::MAX)], |service| gaps(&service.ports));
            ((protocol, protocol), ports)
        });
        let others = Self(grouped(all.filter(|(_, ports)| !ports.is_empty())));
        let words = others.words();
        (words.len() < self.words().len()).then_some(words)
    }
}

fn services(boxes: &[&Packets]) -> Services {
    let cuts = cuts(boxes.iter().map(|packets| &packets.protocol), u8::MAX);
    let own = cuts.into_iter().map(|(from, to)| {
        let here = boxes.iter().filter(|packets| packets.protocol.contains(&from));
        let mut ports: Vec<_> = here.map(|packets| (*packets.port.start(), *packets.port.end())).collect();
        ports.sort_unstable();
        ((from, to), joined(ports))
    });
    Services(grouped(own.filter(|(_, ports)| !ports.is_empty())))
}

/// Neighbours with the same ports as one.
fn grouped(all: impl Iterator<Item = (RangeInclusiveOf<u8>, Vec<RangeInclusiveOf<u16>>)>) -> Vec<Service> {
    let mut grouped: Vec<Service> = Vec::new();
    for (protocols, ports) in all {
        match grouped.last_mut() {
            Some(last) if last.ports == ports && last.protocols.1.checked_add(1) == Some(protocols.0) => {
                last.protocols.1 = protocols.1;
            }
            _ => grouped.push(Service { protocols, ports }),
        }
    }
    grouped
}

fn words(service: &Service) -> Vec<String> {
    let (first, last) = service.protocols;
    let name = match (first, last) {
        (0, u8::MAX) => "all".to_owned(),
        (1, 1) => "icmp".to_owned(),
        (6, 6) => "tcp".to_owned(),
        (17, 17) => "udp".to_owned(),
        (50, 50) => "esp".to_owned(),
        (51, 51) => "ah".to_owned(),
        (94, 94) => "ipip".to_owned(),
        (132, 132) => "sctp".to_owned(),
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    let port = |&(from, to): &RangeInclusiveOf<u16>| match (from, to) {
        (0, u16::MAX) => name.clone(),
        (from, to) if from == to => format!("{name}:{from}"),
        (from, to) => format!("{name}:{from}-{to}"),
    };
    service.ports.iter().map(port).collect()
}

/// Numbers that ranges are made of.
trait Number: Copy + Ord {
    const LEAST: Self;
    const MOST: Self;
    fn next(self) -> Option<Self>;
    fn before(self) -> Option<Self>;
}

macro_rules! number {
    ($($name:ty),*) => {
        $(impl Number for $name {
            const LEAST: Self = Self::MIN;
            const MOST: Self = Self::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
        })*
    };
}
number!(u8, u16, u32);

/// Pieces within which no range begins or ends, from the first to the last number.
fn cuts<'a, T: Number + 'a>(ranges: impl Iterator<Item = &'a RangeInclusive<T>>, most: T) -> Vec<RangeInclusiveOf<T>> {
    let mut starts = vec![T::LEAST];
    for range in ranges {
        starts.push(*range.start());
        starts.extend(range.end().next());
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).filter_map(|start| start.before()).chain([most]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).collect()
}

/// Ranges in order, those that touch or overlap as one.
fn joined<T: Number>(ranges: Vec<RangeInclusiveOf<T>>) -> Vec<RangeInclusiveOf<T>> {
    let mut joined: Vec<RangeInclusiveOf<T>> = Vec::new();
    for (from, to) in ranges {
        match joined.last_mut() {
            Some(last) if last.1.next().is_none_or(|next| from <= next) => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// What lies between ranges that are in order and do not touch.
fn gaps<T: Number>(ranges: &[RangeInclusiveOf<T>]) -> Vec<RangeInclusiveOf<T>> {
    let mut gaps = Vec::new();
    let mut from = Some(T::LEAST);
    for (first, last) in ranges {
        if let (Some(from), Some(before)) = (from, first.before())
            && from <= before
        {
            gaps.push((from, before));
        }
        from = last.next();
    }
    gaps.extend(from.map(|from| (from, T::MOST)));
    gaps
}

fn nets(ranges: &[RangeInclusiveOf<u32>]) -> Vec<Ipv4Net> {
    ranges.iter().flat_map(|(from, to)| Ipv4Subnets::new((*from).into(), (*to).into(), 0)).collect()
}
