//! A set of packets as a person speaks of it: `tcp:443`, whatever the address.

use std::ops::RangeInclusive;

use super::packets::{Packets, Reach};

impl Reach {
    /// The same protocols and ports, to every address.
    pub fn to_anywhere(&self) -> Self {
        Self(self.0.iter().map(|packets| Packets { to: 0..=u32::MAX, ..packets.clone() }).collect())
    }

    /// Protocols with their ports, addresses aside: `tcp:80`, `tcp:443`, `icmp`; `everything` if nothing is missing.
    pub fn services(&self) -> Vec<String> {
        let protocols: Vec<_> = (0..=u8::MAX).map(|protocol| self.ports_of(protocol)).collect();
        // Neighbours that are alike are told together: most numbers have no name.
        let mut told: Vec<(RangeInclusive<u8>, &Vec<RangeInclusive<u16>>)> = Vec::new();
        for (number, ports) in (0..=u8::MAX).zip(&protocols) {
            match told.last_mut() {
                Some((numbers, before)) if *before == ports => *numbers = *numbers.start()..=number,
                _ => told.push((number..=number, ports)),
            }
        }
        told.retain(|(_, ports)| !ports.is_empty());
        told.into_iter().flat_map(|(numbers, ports)| ports.iter().map(move |port| service(&numbers, port))).collect()
    }

    /// The ports of one protocol, merged and in order.
    fn ports_of(&self, protocol: u8) -> Vec<RangeInclusive<u16>> {
        let mut ports: Vec<_> =
            self.0.iter().filter(|p| p.protocol.contains(&protocol)).map(|p| p.port.clone()).collect();
        ports.sort_by_key(|range| (*range.start(), *range.end()));
        let mut merged: Vec<RangeInclusive<u16>> = Vec::new();
        for range in ports {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        merged
    }
}

fn service(numbers: &RangeInclusive<u8>, ports: &RangeInclusive<u16>) -> String {
    let protocol = match (*numbers.start(), *numbers.end()) {
        (0, u8::MAX) => "everything".to_owned(),
        (1, 1) => "icmp".to_owned(),
        (6, 6) => "tcp".to_owned(),
        (17, 17) => "udp".to_owned(),
        (50, 50) => "esp".to_owned(),
        (51, 51) => "ah".to_owned(),
        (132, 132) => "sctp".to_owned(),
        (from, to) if from == to => format!("protocol {from}"),
        (from, to) => format!("protocols {from} to {to}"),
    };
    match (*ports.start(), *ports.end()) {
        (0, u16::MAX) => protocol,
        (from, to) if from == to => format!("{protocol}:{from}"),
        (from, to) => format!("{protocol}:{from}-{to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_says() {
        let of = |to: &str, entries: &[(&str, &[&str])]| {
            let owned: Vec<(&str, Vec<String>)> = entries
                .iter()
                .map(|(protocol, ports)| (*protocol, ports.iter().map(|port| (*port).to_owned()).collect()))
                .collect();
            Reach::of([to], owned.iter().map(|(protocol, ports)| (*protocol, ports.as_slice())))
        };
        let web = of("0.0.0.0/0", &[("tcp", &["443", "80"]), ("icmp", &[])]);
        let cases = [
            (Reach::default(), ""),
            (Reach::everything(), "everything"),
            (web.clone(), "icmp, tcp:80, tcp:443"),
            (Reach::everything().without(&web).or(&web), "everything"),
            (Reach::everything().without(&of("0.0.0.0/0", &[("tcp", &[])])), "protocols 0 to 5, protocols 7 to 255"),
            (of("10.0.0.0/8", &[("tcp", &["1-5"]), ("tcp", &["6"])]), "tcp:1-6"),
        ];
        for (reach, expected) in cases {
            assert_eq!(reach.services().join(", "), expected);
        }
        assert!(of("10.0.0.0/8", &[("tcp", &[])]).to_anywhere().contains(&of("8.8.8.8/32", &[("tcp", &["1"])])));
    }
}
