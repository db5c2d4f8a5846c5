//! When the service last did its work, as its own metrics tell.

use jiff::{SignedDuration, Timestamp};

use super::{Line, Mark};

/// Two sweeps, and a little.
const SWEEP_WITHIN: SignedDuration = SignedDuration::from_mins(25);

/// What `/metrics` says; none = not since the service started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    pub event: Option<Timestamp>,
    pub sweep: Option<Timestamp>,
}

impl Seen {
    /// Reads the Prometheus text.
    pub fn of_metrics(text: &str) -> Self {
        let read = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
            let second = line.split('.').next()?.parse::<i64>().ok().filter(|second| *second > 0)?;
            Timestamp::from_second(second).ok()
        };
        Self {
            event: read("egress_reconciler_last_event_timestamp_seconds"),
            sweep: read("egress_reconciler_last_sweep_timestamp_seconds"),
        }
    }
}

/// `Err` = the service did not answer, and why.
pub fn seen(url: &str, found: &Result<Seen, String>, now: Timestamp) -> Vec<Line> {
    let (event, sweep) = ("last event", "last sweep");
    let seen = match found {
        Ok(seen) => seen,
        Err(why) => {
            let text = format!("{url}/metrics cannot be read: {why}");
            let reach = "gcloud run services proxy egress-reconciler --port=8080, then --service http://127.0.0.1:8080";
            let line = |subject| Line { mark: Mark::Unknown, ..Line::warn(subject, text.clone(), reach) };
            return vec![line(event), line(sweep)];
        }
    };
    let ago = |at: Timestamp| format!("{:#} ago", SignedDuration::from_secs(now.duration_since(at).as_secs()));
    let heard = match seen.event {
        Some(at) => Line::ok(event, ago(at)),
        None => Line::warn(event, "none since the service started", "egress-reconciler doctor --probe"),
    };
    let run = "gcloud scheduler jobs run egress-reconciler-sweep";
    let swept = match seen.sweep {
        Some(at) if now.duration_since(at) <= SWEEP_WITHIN => Line::ok(sweep, ago(at)),
        Some(at) => Line::bad(sweep, format!("{}, and one is due every 10 minutes", ago(at)), run),
        None => Line::warn(sweep, "none since the service started, and one is due every 10 minutes", run),
    };
    vec![heard, swept]
}
