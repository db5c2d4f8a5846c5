//! The entries that were written, in the order in which they come out.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::Value;

/// A world that runs for weeks keeps its latest entries only.
const KEPT: usize = 20_000;

#[derive(Debug, Default)]
pub struct AuditLog {
    /// By the time they are routed. Those about the end of an operation are written with its begin, and wait here.
    entries: VecDeque<(Timestamp, Value)>,
    /// How many of them have been handed out for delivery.
    taken: usize,
}

impl AuditLog {
    pub fn add(&mut self, at: Timestamp, entry: Value) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.taken = self.taken.saturating_sub(1);
        }
        // What has been handed out stays where it is, even if the clock stood still since.
        let place = self.entries.partition_point(|(other, _)| *other <= at).max(self.taken);
        self.entries.insert(place, (at, entry));
    }

    /// Everything that has come out by now.
    pub fn entries(&self, now: Timestamp) -> Vec<Value> {
        self.entries.iter().take_while(|(at, _)| *at <= now).map(|(_, entry)| entry.clone()).collect()
    }

    /// What has come out by now and has not been taken before.
    pub fn take(&mut self, now: Timestamp) -> Vec<Value> {
        let due = self.entries.iter().skip(self.taken).take_while(|(at, _)| *at <= now);
        let due: Vec<Value> = due.map(|(_, entry)| entry.clone()).collect();
        self.taken += due.len();
        due
    }

    /// When the next one comes out.
    pub fn next(&self) -> Option<Timestamp> {
        self.entries.get(self.taken).map(|(at, _)| *at)
    }
}
