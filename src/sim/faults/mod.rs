//! Faults that tests inject into calls.

pub mod quotas;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::api::{
    errors::{Code, Refusal},
    glob::matches,
};

use quotas::Bucket;

/// What `POST /sim/faults` takes.
#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method, such as `compute.firewalls.insert`; `*` matches anything. A `rate` may have the metric of a quota instead,
    /// such as `compute.googleapis.com/list_requests*`.
    #[serde(default = "anything")]
    pub method: String,
    /// The path of the resource; `*` matches anything.
    #[serde(default = "anything")]
    pub resource: String,
    /// Which of the matching calls, counted from one. With a quota, its limit of calls per minute: `[20]`; `"all"` is a limit
    /// of zero.
    #[serde(default)]
    pub nth: Nth,
    pub kind: FaultKind,
    /// The regions of an `unreachable`.
    #[serde(default)]
    pub regions: Vec<String>,
    /// The HTTP status of a refusal or of a failed operation.
    pub status: Option<u16>,
    pub reason: Option<String>,
    /// The message, in place of the default one of the reason.
    pub message: Option<String>,
    /// The delay; for `rate`, the delay of `Retry-After`.
    #[serde(default)]
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The call is refused with `status` and `reason`.
    Refuse,
    /// The call is refused for its rate: only this call, or, with a quota, every call above the limit in a minute of simulated
    /// time, for each project and region.
    Rate,
    /// The connection breaks before the call is done.
    ResetBefore,
    /// The connection breaks after the call is done.
    ResetAfter,
    /// Half of the answer arrives.
    Truncate,
    /// A read shows the version before the last write.
    Stale,
    /// A change is accepted and made, and its operation is never found.
    LoseOperation,
    /// A change is accepted, and its operation fails.
    FailOperation,
    /// The answer takes `ms` longer.
    Slow,
    /// A list over all regions lacks `regions`: it names them where its API can.
    Unreachable,
    /// A list never ends: each page has a token that repeats it.
    PageLoop,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(untagged)]
pub enum Nth {
    These(Vec<u64>),
    Every(All),
    #[default]
    #[serde(skip)]
    First,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum All {
    All,
}

fn anything() -> String {
    "*".to_owned()
}

/// The injected faults, and quotas that hold from the start.
#[derive(Debug, Default)]
pub struct Faults {
    injected: Vec<Injected>,
    quotas: Vec<Injected>,
    /// Calls refused for want of quota, by metric.
    refused: BTreeMap<String, u64>,
    numbered: u64,
}

#[derive(Debug)]
struct Injected {
    fault: Fault,
    /// The number of matching calls.
    seen: u64,
    /// The current minute since 1970, and its calls by project, metric and region.
    minute: i64,
    used: HashMap<[String; 3], u64>,
}

/// A call as a fault sees it.
pub struct CallInfo<'a> {
    pub method: &'a str,
    /// The path of the resource.
    pub resource: &'a str,
    pub project: &'a str,
    pub bucket: Option<&'a Bucket>,
    pub now: Timestamp,
}

impl Faults {
    /// No faults, and quotas by metric and calls per minute.
    pub fn with_quotas(quotas: &[(&str, u64)]) -> Self {
        let quota = |(metric, limit): &(&str, u64)| Injected::new(Fault::quota(metric, *limit));
        Self { quotas: quotas.iter().map(quota).collect(), ..Self::default() }
    }

    /// Calls refused for want of quota, by metric.
    pub fn refused(&self) -> &BTreeMap<String, u64> {
        &self.refused
    }

    /// Injects a fault and returns its id.
    pub fn inject(&mut self, fault: Fault) -> String {
        self.numbered += 1;
        self.injected.push(Injected::new(fault));
        format!("fault-{}", self.numbered)
    }

    pub fn clear(&mut self) {
        self.injected.clear();
    }

    /// The faults that apply to a call. Every matching fault counts the call.
    pub fn matching(&mut self, call: &CallInfo<'_>) -> Vec<Fault> {
        let all = self.injected.iter_mut().chain(&mut self.quotas);
        let here = all.filter(|injected| matches(&injected.fault.resource, call.resource));
        let found: Vec<Fault> =
            here.filter_map(|injected| injected.applies(call).then(|| injected.fault.clone())).collect();
        if let Some(bucket) = call.bucket.filter(|_| found.iter().any(Fault::is_of_quota)) {
            *self.refused.entry(bucket.metric()).or_default() += 1;
        }
        found
    }
}

impl Injected {
    fn new(fault: Fault) -> Self {
        Self { fault, seen: 0, minute: 0, used: HashMap::new() }
    }

    fn applies(&mut self, call: &CallInfo<'_>) -> bool {
        if self.fault.is_of_quota() {
            return call.bucket.is_some_and(|bucket| self.exceeds(bucket, call));
        }
        if !matches(&self.fault.method, call.method) {
            return false;
        }
        self.seen += 1;
        match &self.fault.nth {
            Nth::These(which) => which.contains(&self.seen),
            Nth::Every(All::All) => true,
            Nth::First => self.seen == 1,
        }
    }

    /// Counts a call against a bucket, and returns whether the limit is exceeded.
    fn exceeds(&mut self, bucket: &Bucket, call: &CallInfo<'_>) -> bool {
        let metric = bucket.metric();
        if !matches(&self.fault.method, &metric) {
            return false;
        }
        let minute = call.now.as_second().div_euclid(60);
        if self.minute != minute {
            self.minute = minute;
            self.used.clear();
        }
        let used = self.used.entry([call.project.to_owned(), metric, bucket.location().to_owned()]).or_insert(0);
        *used += 1;
        *used > self.fault.calls_a_minute()
    }
}

impl Fault {
    fn quota(metric: &str, limit: u64) -> Self {
        Self {
            regions: Vec::new(),
            method: metric.to_owned(),
            resource: anything(),
            nth: Nth::These(vec![limit]),
            kind: FaultKind::Rate,
            status: None,
            reason: None,
            message: None,
            ms: 0,
        }
    }

    /// Whether it concerns a quota: names of metrics have a slash, names of methods have none.
    pub fn is_of_quota(&self) -> bool {
        self.kind == FaultKind::Rate && self.method.contains('/')
    }

    fn calls_a_minute(&self) -> u64 {
        match &self.nth {
            Nth::These(numbers) => numbers.first().copied().unwrap_or(0),
            Nth::Every(All::All) => 0,
            Nth::First => 1,
        }
    }

    /// The refusal of a `rate` fault: that of the bucket, with the fault's overrides.
    pub fn over(&self, bucket: &Bucket, number: &str) -> Refusal {
        let refusal = bucket.refusal(number, self.is_of_quota().then(|| self.calls_a_minute()));
        let otherwise = if self.is_of_quota() { refusal.code.http } else { 429 };
        let status = self.status.unwrap_or(otherwise);
        let code = if status == refusal.code.http { refusal.code } else { Code::of_http(status) };
        let reason = self.reason.clone().unwrap_or(refusal.reason);
        let message = self.message.clone().unwrap_or(refusal.message);
        Refusal { code, reason, message, ..refusal }
    }

    /// The refusal of a `refuse` or `rate` fault; the failure of a `fail-operation`.
    pub fn refusal(&self, method: &str, resource: &str) -> Refusal {
        let (status, reason) = match self.kind {
            FaultKind::Rate => (429, "rateLimitExceeded"),
            FaultKind::FailOperation => (500, "INTERNAL_ERROR"),
            _ => (503, "backendError"),
        };
        let (status, reason) = (self.status.unwrap_or(status), self.reason.as_deref().unwrap_or(reason));
        let code = if reason == "operationInProgress" { Code::ABORTED } else { Code::of_http(status) };
        let message_of = self.message.clone().unwrap_or_else(|| message_of(reason, method, resource));
        let refusal = Refusal::new(Code { http: status, ..code }, reason, message_of);
        if reason == CONCURRENT { refusal.with(concurrent_quota(method)) } else { refusal }
    }
}

const CONCURRENT: &str = "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED";

/// Google's message for a reason.
fn message_of(reason: &str, method: &str, resource: &str) -> String {
    let service = method.split('.').next().unwrap_or_default();
    match reason {
        "alreadyExists" => format!("The resource '{resource}' already exists"),
        "notFound" => format!("The resource '{resource}' was not found"),
        "resourceNotReady" => format!("The resource '{resource}' is not ready"),
        "operationInProgress" => format!("The resource '{resource}' has another operation in progress."),
        "conditionNotMet" => "Supplied fingerprint does not match current metadata fingerprint.".to_owned(),
        "forbidden" => format!("Required '{}' permission for '{resource}'", permission(method)),
        "quotaExceeded" => {
            let quota = method.rsplit('.').nth(1).unwrap_or_default().to_uppercase();
            format!("Quota '{quota}' exceeded. Limit: 500.0 globally.")
        }
        "rateLimitExceeded" => format!(
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service \
             '{service}.googleapis.com'."
        ),
        CONCURRENT => "Quota exceeded for concurrent operations. Try again when some are done.".to_owned(),
        _ => "Internal error. Please try again or contact Google Support.".to_owned(),
    }
}

/// The permission that a method asks for: `compute.firewalls.insert` needs `compute.firewalls.create`.
fn permission(method: &str) -> String {
    let short = method.replace(".projects.locations.", ".");
    let (kind, verb) = short.rsplit_once('.').unwrap_or((&short, ""));
    let verb = match verb {
        "insert" => "create",
        "patch" => "update",
        verb => verb,
    };
    format!("{kind}.{verb}")
}

fn concurrent_quota(method: &str) -> Value {
    let service = method.split('.').next().unwrap_or_default();
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": CONCURRENT,
        "domain": format!("{service}.googleapis.com"),
        "metadata": {"service": format!("{service}.googleapis.com")},
    })
}
