//! Rejected events, told to the log and to the world at most once a minute for each reason: a sink that is set up wrongly
//! sends them by the thousand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::logs::printable;
use crate::{
    app::App,
    domain::{
        audit::reasons::RejectReason,
        report::{Rejected, Report},
        summary::summary,
    },
};

const EVERY: Duration = Duration::from_secs(60);

/// How many of each reason were rejected since the world was last told.
#[derive(Default)]
pub struct Rejections(Mutex<HashMap<&'static str, Tally>>);

struct Tally {
    count: u64,
    next: Instant,
}

impl Rejections {
    /// Counts one, and tells of it if it is time. Best effort: nobody waits for the report, and nothing is kept.
    pub fn note(&self, app: &Arc<App>, reason: &RejectReason, event: &str) {
        let (label, text) = (reason.label(), reason.to_string());
        let (event, shown) = (printable(event), printable(&text));
        let Some(count) = self.count(label) else {
            tracing::debug!(event = event.as_ref(), reason = label, "an event is rejected: {shown}");
            return;
        };
        tracing::warn!(event = event.as_ref(), reason = label, count, "an event is rejected: {shown}");
        let rejected = Rejected { reason: label.to_owned(), text, count };
        let policy = app.policy();
        let engine = app.engine.clone();
        let mut report = Report::rejected((engine.ids)().to_string(), &policy, rejected, (engine.now)());
        report.summary = summary(&report);
        app.tasks.spawn(async move {
            // The outbox tells the log and `/readyz` of a topic that refuses.
            let _ = engine.outbox.send(&report).await;
        });
    }

    /// How many to tell of now.
    fn count(&self, reason: &'static str) -> Option<u64> {
        let now = Instant::now();
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry(reason).or_insert(Tally { count: 0, next: now });
        tally.count += 1;
        (tally.next <= now).then(|| {
            tally.next = now + EVERY;
            std::mem::take(&mut tally.count)
        })
    }
}
