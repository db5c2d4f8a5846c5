//! When the service last did its work: as the log of requests tells, or the service itself by its metrics.

use jiff::{SignedDuration, Timestamp};

use super::{Line, Mark, facts::Entries, unread};
use crate::domain::state::read::Read;

const EVENT: &str = "last event";
const SWEEP: &str = "last sweep";

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

/// What the log of requests says, which Google writes for every request to a Cloud Run service: the latest event and sweep
/// that were taken. <https://cloud.google.com/run/docs/logging>
pub fn request_filter(location: &str, service: &str, sweep: bool) -> String {
    let not = if sweep { "" } else { "NOT " };
    [
        r#"resource.type="cloud_run_revision""#.to_owned(),
        format!(r#"resource.labels.service_name="{service}""#),
        format!(r#"resource.labels.location="{location}""#),
        r#"log_id("run.googleapis.com/requests")"#.to_owned(),
        r#"httpRequest.requestMethod="POST""#.to_owned(),
        "httpRequest.status<400".to_owned(),
        format!(r#"{not}httpRequest.requestUrl=~"/sweep$""#),
    ]
    .join(" AND ")
}

/// By the running service's own word, which it forgets when it ends.
pub fn seen(url: &str, found: &Result<Seen, String>, now: Timestamp) -> Vec<Line> {
    match found {
        Ok(seen) => {
            let (since, fix) = ("since the service started", Mend::at("REGION", "egress-reconciler", "HOME_PROJECT"));
            vec![event(seen.event, since, now, fix.event), sweep(seen.sweep, since, now, fix.sweep)]
        }
        Err(why) => {
            let text = format!("{url}/metrics cannot be read: {why}");
            let by_name = "egress-reconciler doctor --service projects/P/locations/R/services/S";
            let line = |subject| Line { mark: Mark::Unknown, ..Line::warn(subject, text.clone(), by_name) };
            vec![line(EVENT), line(SWEEP)]
        }
    }
}

/// By the log of requests of a service.
pub fn logged(
    [project, location, service]: [&str; 3],
    events: &Read<Entries>,
    sweeps: &Read<Entries>,
    now: Timestamp,
) -> Vec<Line> {
    let (since, fix) = ("in the last 24 hours", Mend::at(location, service, project));
    let events = match events {
        Ok(found) => event(found.latest(), since, now, fix.event),
        Err(failure) => unread(EVENT, project, failure),
    };
    let sweeps = match sweeps {
        Ok(found) => sweep(found.latest(), since, now, fix.sweep),
        Err(failure) => unread(SWEEP, project, failure),
    };
    vec![events, sweeps]
}

/// What to do where nothing was seen.
struct Mend {
    event: String,
    sweep: String,
}

impl Mend {
    fn at(location: &str, service: &str, project: &str) -> Self {
        Self {
            event: format!("egress-reconciler doctor --probe --region {location}"),
            sweep: format!("gcloud scheduler jobs run {service}-sweep --location={location} --project={project}"),
        }
    }
}

fn event(at: Option<Timestamp>, since: &str, now: Timestamp, fix: String) -> Line {
    match at {
        Some(at) => Line::ok(EVENT, ago(at, now)),
        None => Line::warn(EVENT, format!("none {since}"), fix),
    }
}

fn sweep(at: Option<Timestamp>, since: &str, now: Timestamp, run: String) -> Line {
    match at {
        Some(at) if now.duration_since(at) <= SWEEP_WITHIN => Line::ok(SWEEP, ago(at, now)),
        Some(at) => Line::bad(SWEEP, format!("{}, and one is due every 10 minutes", ago(at, now)), run),
        None => Line::warn(SWEEP, format!("none {since}, and one is due every 10 minutes"), run),
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{:#} ago", SignedDuration::from_secs(now.duration_since(at).as_secs()))
}
