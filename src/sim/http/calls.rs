//! The log of calls, oldest first.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

/// Limit of the calls that are kept; the oldest is dropped first.
const MAX_CALLS: usize = 20_000;

#[derive(Debug, Clone, Serialize, PartialEq)]
pub struct Logged {
    pub at: String,
    /// The HTTP method.
    pub method: String,
    pub url: String,
    /// Google's name of the method; empty for a URL that names none.
    pub call: String,
    pub caller: String,
    /// The HTTP status; zero when the connection broke.
    pub status: u16,
    pub ms: u64,
    pub body: Value,
}

impl Logged {
    /// It asked for a change. A `wait` is a POST and asks for none.
    pub fn is_write(&self) -> bool {
        self.method != "GET" && !self.call.ends_with("Operations.wait")
    }
}

#[derive(Debug, Default)]
pub struct Calls(VecDeque<Logged>);

impl Calls {
    pub fn push(&mut self, logged: Logged) {
        if self.0.len() == MAX_CALLS {
            self.0.pop_front();
        }
        self.0.push_back(logged);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn all(&self) -> Vec<Logged> {
        self.0.iter().cloned().collect()
    }
}
