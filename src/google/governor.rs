//! Keeps our calls within Google's quotas: every call takes its turn in the bucket of its quota.
//!
//! A bucket is a token bucket whose size and rate together never let through more than the quota in any minute. What a
//! sweep sends leaves a part of it to events, and an event that waits goes before every sweep: a sweep costs it the time
//! of one call at most. Google's refusal for want of quota holds the whole bucket, so that it is one call that learns of
//! it, and not each by itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::quotas::Quota;

/// The minute that Google counts, and the longest that a call may be under way: what is sent in the one may be counted in
/// the next.
const SPAN: f64 = 70.0;

/// The first hold after a refusal that does not say how long; doubled with every one that follows within a minute.
const FIRST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// The longest that Google is believed.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// How long a hold an event waits for. Google's minute is over before it; after it, the event's delivery comes again.
const EVENT_PATIENCE: Duration = Duration::from_secs(90);
/// Less than a run has in all: what is left of it is for writing.
const SWEEP_PATIENCE: Duration = Duration::from_secs(120);

/// Buckets beyond which those are dropped that nothing is remembered of.
const MANY: usize = 1_000;

/// Who goes first.
#[derive(Debug, Clone, Default)]
pub(super) enum Priority {
    #[default]
    Event,
    /// Gives way to events, until the token is cancelled.
    Sweep(CancellationToken),
}

impl Priority {
    fn gives_way(&self) -> bool {
        matches!(self, Self::Sweep(hurry) if !hurry.is_cancelled())
    }

    /// When it does not give way any more.
    async fn raised(&self) {
        match self {
            Self::Event => std::future::pending().await,
            Self::Sweep(hurry) => hurry.cancelled().await,
        }
    }
}

/// Which bucket a call takes its turn in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub quota: &'static Quota,
    /// Whose quota it is; `None` = our own.
    pub project: Option<String>,
    pub region: Option<String>,
}

/// The call may not wait for as long as it would have to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// How much is left of what Google asked for.
    pub left: Duration,
}

#[derive(Default)]
pub(super) struct Governor(Mutex<Buckets>);

#[derive(Default)]
struct Buckets {
    all: HashMap<Key, Bucket>,
    /// How many there were when those of no interest were last dropped.
    kept: usize,
    tickets: u64,
}

impl Governor {
    /// Returns when the call may be sent, at once below the quota; how long that took.
    pub async fn turn(&self, key: &Key, priority: &Priority) -> Result<Duration, Held> {
        let begun = Instant::now();
        if self.lock().try_at_once(key, priority.gives_way(), begun) {
            return Ok(Duration::ZERO);
        }
        let mut seat = self.sit(key, priority.gives_way());
        loop {
            let not_before = match seat.ask()? {
                Turn::Now => return Ok(begun.elapsed()),
                Turn::NotBefore(at) => Some(at),
                Turn::Behind => None,
            };
            tokio::select! {
                () = async { sleep_until(not_before.unwrap_or(begun)).await }, if not_before.is_some() => {}
                () = seat.woken.notified() => {}
                () = priority.raised(), if seat.place.gives_way => seat.go_first(),
            }
        }
    }

    /// Google refused a call that was sent at `sent`. `wait` is how long it asks for, `limit` the calls per minute that it
    /// names.
    pub fn hold(&self, key: &Key, sent: Instant, wait: Option<Duration>, limit: Option<u32>) {
        let mut buckets = self.lock();
        let bucket = buckets.bucket(key);
        if let Some(limit) = limit {
            bucket.pace = Some(Pace::within(limit));
            bucket.is_default = false;
        }
        let now = Instant::now();
        let before = bucket.held(now);
        bucket.hold(now, sent, wait);
        if before.is_none()
            && let Some(until) = bucket.held(now)
        {
            let seconds = (until - now).as_secs();
            tracing::info!(
                metric = key.quota.metric,
                key.project,
                key.region,
                seconds,
                "Google asks for time: calls wait"
            );
        }
    }

    /// Whether the bucket is held for no longer than a call may wait.
    pub fn may_wait(&self, key: &Key, priority: &Priority) -> bool {
        self.lock().bucket(key).check(Instant::now(), priority.gives_way()).is_ok()
    }

    /// How long the bucket is held.
    pub fn held(&self, key: &Key) -> Held {
        let now = Instant::now();
        Held { left: self.lock().bucket(key).held(now).map_or(Duration::ZERO, |until| until - now) }
    }

    fn sit(&self, key: &Key, gives_way: bool) -> Seat<'_> {
        let mut buckets = self.lock();
        buckets.tickets += 1;
        let place = Place { gives_way, ticket: buckets.tickets };
        let woken = Arc::new(Notify::new());
        buckets.bucket(key).line.insert(place, woken.clone());
        Seat { governor: self, key: key.clone(), place, woken }
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buckets {
    fn bucket(&mut self, key: &Key) -> &mut Bucket {
        if !self.all.contains_key(key) && self.all.len() >= MANY.max(2 * self.kept) {
            let now = Instant::now();
            self.all.retain(|_, bucket| !bucket.is_like_new(now));
            self.kept = self.all.len();
        }
        self.all.entry(key.clone()).or_insert_with(|| Bucket::new(key.quota.per_minute))
    }

    fn try_at_once(&mut self, key: &Key, gives_way: bool, now: Instant) -> bool {
        // Nothing is counted where there is no limit, and nothing kept for it.
        if key.quota.per_minute.is_none() && !self.all.contains_key(key) {
            return true;
        }
        let bucket = self.bucket(key);
        let is_first = bucket.line.first_key_value().is_none_or(|(first, _)| !gives_way && first.gives_way);
        is_first && bucket.take(now, gives_way).is_ok()
    }
}

/// A place in the line of a bucket, given up when this is dropped: whoever waits no more stands in nobody's way.
struct Seat<'g> {
    governor: &'g Governor,
    key: Key,
    place: Place,
    woken: Arc<Notify>,
}

/// Events before sweeps, and who came first before who came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    gives_way: bool,
    ticket: u64,
}

enum Turn {
    Now,
    NotBefore(Instant),
    /// Somebody else goes first.
    Behind,
}

impl Seat<'_> {
    fn ask(&self) -> Result<Turn, Held> {
        let mut buckets = self.governor.lock();
        let bucket = buckets.bucket(&self.key);
        let now = Instant::now();
        bucket.check(now, self.place.gives_way)?;
        if bucket.line.first_key_value().is_some_and(|(first, _)| *first != self.place) {
            return Ok(Turn::Behind);
        }
        Ok(bucket.take(now, self.place.gives_way).map_or_else(Turn::NotBefore, |()| Turn::Now))
    }

    /// Before the sweeps, behind the events that came earlier.
    fn go_first(&mut self) {
        let mut buckets = self.governor.lock();
        let line = &mut buckets.bucket(&self.key).line;
        line.remove(&self.place);
        self.place.gives_way = false;
        line.insert(self.place, self.woken.clone());
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut buckets = self.governor.lock();
        let line = &mut buckets.bucket(&self.key).line;
        line.remove(&self.place);
        if let Some((_, next)) = line.first_key_value() {
            next.notify_one();
        }
    }
}

/// How calls are let through.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    /// Calls that may go at once after a pause.
    burst: f64,
    per_second: f64,
    /// Calls that sweeps leave to events.
    reserve: f64,
}

impl Pace {
    /// A quarter at once and the rest over the minute; in no minute are there more than `per_minute`.
    fn within(per_minute: u32) -> Self {
        // The smallest quota lets one call through: without any, only time can tell.
        let quota = f64::from(per_minute.max(1));
        let burst = (quota / 4.0).floor().max(1.0);
        Self { burst, per_second: (quota - burst).max(1.0) / SPAN, reserve: (burst / 2.0).floor() }
    }
}

struct Bucket {
    /// `None` = no limit is known.
    pace: Option<Pace>,
    is_default: bool,
    /// As of `at`, which lies ahead while the bucket is held.
    tokens: f64,
    at: Instant,
    held_until: Option<Instant>,
    /// Refusals in a row.
    strikes: u32,
    line: BTreeMap<Place, Arc<Notify>>,
}

impl Bucket {
    fn new(per_minute: Option<u32>) -> Self {
        let pace = per_minute.map(Pace::within);
        Self {
            pace,
            is_default: true,
            tokens: pace.map_or(0.0, |pace| pace.burst),
            at: Instant::now(),
            held_until: None,
            strikes: 0,
            line: BTreeMap::new(),
        }
    }

    fn held(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// Refuses those to whom the hold is too long.
    fn check(&self, now: Instant, gives_way: bool) -> Result<(), Held> {
        let patience = if gives_way { SWEEP_PATIENCE } else { EVENT_PATIENCE };
        match self.held(now) {
            Some(until) if until - now > patience => Err(Held { left: until - now }),
            _ => Ok(()),
        }
    }

    /// Takes a token, or says when there may be one.
    fn take(&mut self, now: Instant, gives_way: bool) -> Result<(), Instant> {
        if let Some(until) = self.held(now) {
            return Err(until);
        }
        let Some(pace) = self.pace else { return Ok(()) };
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * pace.per_second).min(pace.burst);
        self.at = self.at.max(now);
        let needed = if gives_way { pace.reserve + 1.0 } else { 1.0 };
        let lacking = needed - self.tokens;
        if lacking > 0.0 {
            // Rounded up: a timer that is early by a hair would only have to be set again.
            return Err(now + Duration::from_secs_f64(lacking / pace.per_second) + Duration::from_millis(1));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    fn hold(&mut self, now: Instant, sent: Instant, wait: Option<Duration>) {
        // Of the calls that were under way when the first was refused, the others tell nothing new.
        let is_news = self.held_until.is_none_or(|until| sent >= until);
        let hold = match wait {
            // When that much is over, one call finds out what holds then.
            Some(wait) => wait.clamp(FIRST_HOLD, LONGEST_ASKED),
            None if is_news => {
                let is_over = self.held_until.is_none_or(|until| now.saturating_duration_since(until) > LONGEST_HOLD);
                self.strikes = if is_over { 0 } else { self.strikes + 1 };
                FIRST_HOLD.saturating_mul(1 << self.strikes.min(6)).min(LONGEST_HOLD)
            }
            None => return,
        };
        let until = now + hold;
        let until = self.held_until.map_or(until, |before| before.max(until));
        self.held_until = Some(until);
        // The quota was empty, whatever we thought.
        (self.tokens, self.at) = (0.0, until);
    }

    fn is_like_new(&self, now: Instant) -> bool {
        let is_full = self.pace.is_none_or(|pace| {
            self.tokens + now.saturating_duration_since(self.at).as_secs_f64() * pace.per_second >= pace.burst
        });
        self.is_default && self.line.is_empty() && self.held(now).is_none() && is_full
    }
}

#[cfg(test)]
mod tests;
