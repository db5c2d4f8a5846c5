//! Which packets tell one set of rules from another.

use serde_json::Value;

use crate::walker::{Packet, number, range};

/// Packets at the borders of everything that the rules and policies name, and beside them.
pub fn borders<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Vec<Packet> {
    let (mut addresses, mut protocols, mut ports) = (vec![0, u32::MAX], vec![1, 6, 17, 47], vec![0, 443, u16::MAX]);
    let mut left: Vec<&Value> = documents.into_iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(map) => left.extend(map.values()),
            Value::String(text) => {
                if let Some((first, last)) = range(text) {
                    addresses.extend([first.wrapping_sub(1), first, last, last.wrapping_add(1)]);
                }
                protocols.extend(number(text).map(|number| [number, number.wrapping_add(1)]).into_iter().flatten());
                let (low, high) = text.split_once('-').unwrap_or((text, text));
                if let (Ok(low), Ok(high)) = (low.parse::<u16>(), high.parse::<u16>()) {
                    ports.extend([low.wrapping_sub(1), low, high, high.wrapping_add(1)]);
                }
            }
            _ => {}
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    protocols.sort_unstable();
    protocols.dedup();
    ports.sort_unstable();
    ports.dedup();
    let mut packets = Vec::with_capacity(addresses.len() * protocols.len() * ports.len());
    for &to in &addresses {
        for &protocol in &protocols {
            let some = if [6, 17, 132].contains(&protocol) { ports.as_slice() } else { &ports[..1] };
            packets.extend(some.iter().map(|&port| Packet { to, protocol, port }));
        }
    }
    packets
}
