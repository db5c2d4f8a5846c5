//! Deterministic randomness: ids are derived from the seed and from the call.
//!
//! A draw depends on (seed, caller, method, resource, number of earlier equal calls), never on the order of unrelated calls,
//! so that two runs of one scenario give the same world.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

#[derive(Debug, Default)]
pub struct Dice {
    seed: u64,
    asked: HashMap<String, u64>,
}

/// 32 pseudo-random bytes.
#[derive(Debug, Clone)]
pub struct Draw([u8; 32]);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, asked: HashMap::new() }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The draw of a call; equal calls get different draws.
    pub fn next(&mut self, caller: &str, method: &str, resource: &str) -> Draw {
        let what = format!("{caller}\n{method}\n{resource}");
        let nth = self.asked.entry(what.clone()).or_insert(0);
        *nth += 1;
        Draw::of(&format!("{}\n{what}\n{nth}", self.seed))
    }

    /// The draw of a name, always the same.
    pub fn fixed(&self, what: &str) -> Draw {
        Draw::of(&format!("{}\n{what}", self.seed))
    }
}

impl Draw {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Another draw that depends on this one.
    pub fn and(&self, what: &str) -> Self {
        Self::of(&format!("{}\n{what}", self.hex(32)))
    }

    fn number(&self) -> u64 {
        self.0.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }

    /// A Compute Engine id: 19 decimal digits.
    pub fn id(&self) -> String {
        (1_000_000_000_000_000_000 + self.number() % 8_000_000_000_000_000_000).to_string()
    }

    /// The first `bytes` bytes in hexadecimal.
    pub fn hex(&self, bytes: usize) -> String {
        self.0.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn uuid(&self) -> String {
        let hex = self.hex(16);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
