//! Trouble on order: faults that tests lay in the way of calls.

use serde::Deserialize;

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
    pub fn refusal(&self, method: &str) -> Refusal {
        let service = method.split('.').next().unwrap_or_default();
        match self.kind {
            FaultKind::Rate => Refusal::new(
                self.status.map_or(Code::RESOURCE_EXHAUSTED, Code::of_http),
                self.reason.as_deref().unwrap_or("rateLimitExceeded"),
                format!(
                    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service \
                     '{service}.googleapis.com'."
                ),
            ),
            FaultKind::FailOperation => Refusal::new(
                Code::of_http(self.status.unwrap_or(500)),
                self.reason.as_deref().unwrap_or("INTERNAL_ERROR"),
                "Internal error. Please try again or contact Google Support.",
            ),
            _ => Refusal::new(
                Code::of_http(self.status.unwrap_or(503)),
                self.reason.as_deref().unwrap_or("backendError"),
                format!("{method} was refused by an injected fault."),
            ),
        }
    }
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
