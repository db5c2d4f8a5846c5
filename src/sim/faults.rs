//! Trouble on order: faults that tests lay in the way of calls.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Code, Refusal};

/// What `POST /sim/faults` takes.
#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method it lies in wait for, such as `compute.firewalls.insert`; `*` stands for anything.
    #[serde(default = "anything")]
    pub method: String,
    /// The path of the resource; `*` stands for anything.
    #[serde(default = "anything")]
    pub resource: String,
    /// Which of the calls that match, counted from one.
    #[serde(default)]
    pub nth: Nth,
    pub kind: FaultKind,
    /// The HTTP status of a refusal or of a failed operation.
    pub status: Option<u16>,
    pub reason: Option<String>,
    /// How slow; for `rate`, how long Google asks to wait.
    #[serde(default)]
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The call is refused with `status` and `reason`.
    Refuse,
    /// The call is refused for its rate.
    Rate,
    /// The connection breaks before the call is done.
    ResetBefore,
    /// The connection breaks after the call is done.
    ResetAfter,
    /// Half of the answer arrives.
    Truncate,
    /// A read shows what stood before the last write.
    Stale,
    /// A change is accepted and made, and its operation is never found.
    LoseOperation,
    /// A change is accepted, and its operation fails.
    FailOperation,
    /// The answer takes `ms` longer.
    Slow,
    /// A list never ends: each page names itself as the next.
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

/// The faults that lie in wait, with how many calls each has seen go by.
#[derive(Debug, Default)]
pub struct Faults {
    laid: Vec<(Fault, u64)>,
    numbered: u64,
}

impl Faults {
    /// Lays a fault and returns its id.
    pub fn lay(&mut self, fault: Fault) -> String {
        self.numbered += 1;
        self.laid.push((fault, 0));
        format!("fault-{}", self.numbered)
    }

    pub fn clear(&mut self) {
        self.laid.clear();
    }

    /// Those that strike this call; every fault that matches counts it.
    pub fn strike(&mut self, method: &str, resource: &str) -> Vec<Fault> {
        let mut struck = Vec::new();
        for (fault, seen) in &mut self.laid {
            if matches(&fault.method, method) && matches(&fault.resource, resource) {
                *seen += 1;
                let now = match &fault.nth {
                    Nth::These(which) => which.contains(seen),
                    Nth::Every(All::All) => true,
                    Nth::First => *seen == 1,
                };
                struck.extend(now.then(|| fault.clone()));
            }
        }
        struck
    }
}

impl Fault {
    /// The refusal of a `refuse` or `rate` fault; the failure of a `fail-operation`.
    pub fn refusal(&self, method: &str, resource: &str) -> Refusal {
        let (status, reason) = match self.kind {
            FaultKind::Rate => (429, "rateLimitExceeded"),
            FaultKind::FailOperation => (500, "INTERNAL_ERROR"),
            _ => (503, "backendError"),
        };
        let (status, reason) = (self.status.unwrap_or(status), self.reason.as_deref().unwrap_or(reason));
        let code = if reason == "operationInProgress" { Code::ABORTED } else { Code::of_http(status) };
        let refusal = Refusal::new(Code { http: status, ..code }, reason, words(reason, method, resource));
        if reason == CONCURRENT { refusal.with(too_many_at_once(method)) } else { refusal }
    }
}

const CONCURRENT: &str = "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED";

/// What Google says with a reason.
fn words(reason: &str, method: &str, resource: &str) -> String {
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

fn too_many_at_once(method: &str) -> Value {
    let service = method.split('.').next().unwrap_or_default();
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": CONCURRENT,
        "domain": format!("{service}.googleapis.com"),
        "metadata": {"service": format!("{service}.googleapis.com")},
    })
}

/// Whether a text fits a pattern in which `*` stands for any run of characters.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // What comes first is as good as what comes later, so there is never a need to look back.
    for piece in middle.split('*') {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        let cases = [
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*b", "ab", true),
            ("ab*ba", "aba", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("compute.*.get", "compute.networks.get", true),
            ("compute.*.get", "compute.networks.getEffectiveFirewalls", false),
        ];
        for (pattern, text, fits) in cases {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
