//! The audit log, in the order of routing.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::Value;

/// Limit of the entries that are kept; the oldest is dropped first.
const MAX_ENTRIES: usize = 20_000;

#[derive(Debug, Default)]
pub struct AuditLog {
    /// By the time of routing. The entry of the end of an operation is added at its start, and waits here.
    entries: VecDeque<(Timestamp, Value)>,
    /// The number of entries that have been taken for delivery.
    taken: usize,
}

impl AuditLog {
    pub fn add(&mut self, at: Timestamp, entry: Value) {
        if self.entries.len() == MAX_ENTRIES {
            self.entries.pop_front();
            self.taken = self.taken.saturating_sub(1);
        }
        // Entries that have been taken keep their place, even if the clock has not advanced since.
        let place = self.entries.partition_point(|(other, _)| *other <= at).max(self.taken);
        self.entries.insert(place, (at, entry));
    }

    /// All entries that have been routed by now.
    pub fn entries(&self, now: Timestamp) -> Vec<Value> {
        self.entries.iter().take_while(|(at, _)| *at <= now).map(|(_, entry)| entry.clone()).collect()
    }

    /// The routed entries that have not been taken yet.
    pub fn take(&mut self, now: Timestamp) -> Vec<Value> {
        let due = self.entries.iter().skip(self.taken).take_while(|(at, _)| *at <= now);
        let due: Vec<Value> = due.map(|(_, entry)| entry.clone()).collect();
        self.taken += due.len();
        due
    }

    /// When the next entry is routed.
    pub fn next(&self) -> Option<Timestamp> {
        self.entries.get(self.taken).map(|(at, _)| *at)
    }
}
