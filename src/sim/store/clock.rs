//! The world's clock: it starts at a given time, follows tokio's clock, and can be advanced.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Simulated time. Under tokio's paused clock it advances only when a test advances it.
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

    /// Real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Advances simulated time without waiting.
    pub fn advance(&mut self, by: Duration) {
        self.skipped = self.skipped.saturating_add(by);
    }

    /// How long to sleep until a simulated time; zero if it has passed.
    pub fn until(&self, time: Timestamp) -> Duration {
        time.duration_since(self.now()).try_into().unwrap_or(Duration::ZERO)
    }
}

/// A later time, saturating.
pub fn after(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Google's spelling of a time: RFC 3339 in UTC with microseconds.
pub fn written(time: Timestamp) -> String {
    format!("{time:.6}")
}
