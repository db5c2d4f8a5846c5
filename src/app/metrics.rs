//! Prometheus metrics. Names and labels are a contract: `deploy/metrics.md` has the table.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

use crate::domain::{
    plan::EgressState,
    report::{Report, StepOutcome},
    target::Target,
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Disposed {
    disposition: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Wrote {
    kind: String,
    verb: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waited {
    api: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

/// All that is counted.
pub struct Metrics {
    registry: Registry,
    policy_valid: Gauge,
    paths: Family<InState, Gauge>,
    /// The states of each target's paths, by its last run.
    last: Mutex<HashMap<Target, Vec<EgressState>>>,
    events: Family<Disposed, Counter>,
    runs: Family<Ended, Counter>,
    writes: Family<Wrote, Counter>,
    drift: Counter,
    calls: Family<Called, Counter>,
    call_seconds: Histogram,
    quota_waits: Family<Waited, Counter<f64, AtomicU64>>,
    decided_seconds: Histogram,
    done_seconds: Histogram,
    last_event: Gauge,
    last_sweep: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = |from: f64| exponential_buckets(from, 2.0, 16);
        let mut metrics = Self {
            registry: Registry::with_prefix("egress_reconciler"),
            policy_valid: Gauge::default(),
            paths: Family::default(),
            last: Mutex::default(),
            events: Family::default(),
            runs: Family::default(),
            writes: Family::default(),
            drift: Counter::default(),
            calls: Family::default(),
            call_seconds: Histogram::new(buckets(0.002)),
            quota_waits: Family::default(),
            decided_seconds: Histogram::new(buckets(0.01)),
            done_seconds: Histogram::new(buckets(0.01)),
            last_event: Gauge::default(),
            last_sweep: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("build", "The running version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register(
            "policy_valid",
            "Whether the policy file is right (1), or was not when last read (0)",
            metrics.policy_valid.clone(),
        );
        registry.register(
            "paths",
            "Paths by egress state, as the last run of each target saw them",
            metrics.paths.clone(),
        );
        registry.register("events", "Events by what became of them", metrics.events.clone());
        registry.register("runs", "Runs by outcome", metrics.runs.clone());
        registry.register("writes", "Writes by kind, verb and result", metrics.writes.clone());
        registry.register("drift", "Differences found between what is and what should be", metrics.drift.clone());
        registry.register(
            "google_calls",
            "Calls to Google by method and HTTP status (0: no answer)",
            metrics.calls.clone(),
        );
        registry.register("google_call_seconds", "How long Google took to answer", metrics.call_seconds.clone());
        registry.register(
            "google_quota_wait_seconds",
            "How long calls waited for a quota of Google's, by API",
            metrics.quota_waits.clone(),
        );
        registry.register(
            "event_to_decision_seconds",
            "From the event to the first plan",
            metrics.decided_seconds.clone(),
        );
        registry.register("event_to_done_seconds", "From the event to the report", metrics.done_seconds.clone());
        registry.register(
            "last_event_timestamp_seconds",
            "When an audit entry last came, in Unix time (0: not yet)",
            metrics.last_event.clone(),
        );
        registry.register(
            "last_sweep_timestamp_seconds",
            "When a sweep last began, in Unix time (0: not yet)",
            metrics.last_sweep.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// Whether the policy file is right.
    pub fn policy(&self, is_valid: bool) {
        self.policy_valid.set(is_valid.into());
    }

    /// A sweep of what the policy covers began.
    pub fn swept(&self, at: Timestamp) {
        self.last_sweep.set(at.as_second());
    }

    /// An audit entry came, or what should be one.
    pub fn heard(&self, at: Timestamp) {
        self.last_event.set(at.as_second());
    }

    /// `reason` is empty for what was acted on.
    pub fn event(&self, disposition: &'static str, reason: &'static str) {
        self.events.get_or_create(&Disposed { disposition, reason }).inc();
    }

    pub fn call(&self, method: &'static str, status: u16, took: Duration) {
        self.calls.get_or_create(&Called { method, status }).inc();
        // How long an operation takes says nothing of how long Google takes to answer.
        if !method.ends_with("Operations.wait") {
            self.call_seconds.observe(took.as_secs_f64());
        }
    }

    /// A call waited for a quota.
    pub fn quota_wait(&self, api: &'static str, waited: Duration) {
        self.quota_waits.get_or_create(&Waited { api }).inc_by(waited.as_secs_f64());
    }

    /// Counts a run that has ended. What a dry run would do is neither drift nor a write.
    pub fn run(&self, report: &Report) {
        self.runs.get_or_create(&Ended { outcome: report.outcome.word() }).inc();
        if report.dry_run {
            return;
        }
        self.drift.inc_by((report.steps.len() + report.withheld.len()) as u64);
        for step in &report.steps {
            let result = match step.outcome {
                StepOutcome::Done => "done",
                StepOutcome::Failed { .. } => "failed",
                StepOutcome::Skipped { .. } => "skipped",
            };
            let kind = step.step.kind.word().to_owned();
            self.writes.get_or_create(&Wrote { kind, verb: step.verb.word(), result }).inc();
        }
        self.paths(report);
        let Some(first) = report.triggers.iter().map(|trigger| trigger.at).min() else { return };
        let since = |at: Timestamp| at.duration_since(first).as_secs_f64().max(0.0);
        self.decided_seconds.observe(since(report.decided));
        self.done_seconds.observe(since(report.done));
    }

    /// Counts the paths of a target anew.
    fn paths(&self, report: &Report) {
        let Some(target) = &report.target else { return };
        let states: Vec<_> = report.egress.iter().map(|path| path.state).collect();
        let gauge = |state: EgressState| self.paths.get_or_create(&InState { state: state.word() }).clone();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        for state in &states {
            gauge(*state).inc();
        }
        let before = match states.is_empty() {
            true => last.remove(target),
            false => last.insert(target.clone(), states),
        };
        for state in before.unwrap_or_default() {
            gauge(state).dec();
        }
    }

    /// OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The older text format, for readers that ask for it: there a counter's family is named as its sample
    /// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
    pub fn plain_text(&self) -> String {
        let text = self.text();
        // The family's name in the older format, and its type.
        let renamed: HashMap<&str, (&str, &str)> = text
            .lines()
            .filter_map(|line| match line.strip_prefix("# TYPE ")?.split_once(' ')? {
                (name, "counter") => Some((name, ("_total", "counter"))),
                (name, "info") => Some((name, ("_info", "gauge"))),
                _ => None,
            })
            .collect();
        let mut plain = String::with_capacity(text.len());
        for line in text.lines() {
            let about = ["# HELP ", "# TYPE "].into_iter().find_map(|head| Some((head, line.strip_prefix(head)?)));
            let Some((head, (name, told))) = about.and_then(|(head, rest)| Some((head, rest.split_once(' ')?))) else {
                if !line.starts_with('#') {
                    plain += &format!("{line}\n");
                }
                continue;
            };
            plain += &match renamed.get(name) {
                Some((end, _)) if head == "# HELP " => format!("{head}{name}{end} {told}\n"),
                Some((end, kind)) => format!("{head}{name}{end} {kind}\n"),
                None => format!("{line}\n"),
            };
        }
        plain
    }
}
