//! The world's clock: the caller's wall time, moved by tokio's clock and by hand.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Simulated time. Under tokio's paused clock nothing passes but what a test lets pass.
#[derive(Debug, Clone)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
    skipped: Duration,
}

impl Clock {
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now(), skipped: Duration::ZERO }
    }

    pub fn now(&self) -> Timestamp {
        after(self.base, self.started.elapsed().saturating_add(self.skipped))
    }

    /// How long the world has lived, by the clock outside.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Moves the world forward without waiting.
    pub fn advance(&mut self, by: Duration) {
        self.skipped = self.skipped.saturating_add(by);
    }

    /// How long to sleep until the given simulated time; nothing if it has passed.
    pub fn until(&self, time: Timestamp) -> Duration {
        time.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }
}

/// A later time; the far end of the calendar if there is none.
pub fn after(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Google's spelling of a time: RFC 3339 in UTC with microseconds.
pub fn written(time: Timestamp) -> String {
    format!("{time:.6}")
}
