//! Why a call gave no answer.

use std::{error::Error, time::Duration};

use ::http::StatusCode;

use crate::google::{
    credentials::CredentialsError,
    error_kind::{self, ErrorKind, Said},
    transport::SendError,
};

/// The longest text of others that an error repeats, in characters.
const MAX_TEXT: usize = 500;

/// A call that failed. `call` is Google's name of the method.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Google said no.
    #[error("{call} was refused: {status} {reason}: {message}")]
    Refused {
        call: &'static str,
        status: StatusCode,
        /// The most telling of Google's reasons: an `ErrorInfo` reason, an `errors[].reason`, or the `status`.
        reason: String,
        /// Google's words, shortened, in one line.
        message: String,
        named: Box<Named>,
        retry_after: Option<Duration>,
    },
    #[error("{call}: {source}")]
    Unreachable { call: &'static str, source: SendError },
    #[error("{call}: {source}")]
    Credentials { call: &'static str, source: CredentialsError },
    /// An answer that is not what Google documents. `at` says where; the answer itself is not repeated.
    #[error("{call}: the answer cannot be read: {at}")]
    Unreadable { call: &'static str, at: String },
    /// A list that Google could not give whole: nobody may conclude from it that something is missing.
    #[error("{call}: the list is incomplete: {why}")]
    Incomplete { call: &'static str, why: String },
    /// The operation ended, and not well. `status` is the HTTP status that Google assigns to it.
    #[error("{call} failed: operation {operation}: {code}: {message}")]
    OperationFailed {
        call: &'static str,
        operation: String,
        code: String,
        message: String,
        status: Option<u16>,
        constraint: Option<String>,
    },
    /// The operation was still not seen to end. It may yet.
    #[error("{call}: operation {operation} did not end within {} s", waited.as_secs())]
    DeadlinePassed { call: &'static str, operation: String, waited: Duration },
    /// A name that Google's grammar refuses: nothing was sent.
    #[error("{call}: {found:?} is no name of Google's: expected lower-case letters, digits and inner `-`, `.` and `:`")]
    BadSegment { call: &'static str, found: String },
    /// The quota was used up, for longer than the call may wait: nothing was sent.
    #[error("{call} was not sent: calls that count against {metric} wait for {} s more", left.as_secs())]
    Held { call: &'static str, metric: &'static str, left: Duration },
    /// No request could be made of it: nothing was sent.
    #[error("{call}: the request cannot be written: {source}")]
    Unsendable { call: &'static str, source: Box<dyn Error + Send + Sync> },
}

/// What Google names beside its words. Boxed: most calls succeed, and every result has room for the error.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The permission we lack.
    pub permission: Option<String>,
    /// The constraint of an organization policy behind the refusal.
    pub constraint: Option<String>,
    /// The project, by id or number, whose API or quota it is about.
    pub consumer: Option<String>,
    /// The calls per minute of the quota that is used up.
    pub limit: Option<u32>,
}

impl CallError {
    /// What the failure means for whoever must decide.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { status, reason, message, named, .. } => {
                let (permission, constraint) = (named.permission.as_deref(), named.constraint.as_deref());
                error_kind::classify(status.as_u16(), Said { reason, message, permission, constraint })
            }
            Self::OperationFailed { status, code, message, constraint, .. } => {
                let (permission, constraint) = (error_kind::permission_in(message), constraint.as_deref());
                error_kind::classify(status.unwrap_or_default(), Said { reason: code, message, permission, constraint })
            }
            Self::Unreachable { .. } | Self::Incomplete { .. } | Self::DeadlinePassed { .. } => ErrorKind::Transient,
            Self::Held { .. } => ErrorKind::RateLimited,
            Self::Credentials { source, .. } if source.is_transient() => ErrorKind::Transient,
            Self::Credentials { .. } => ErrorKind::Denied { permission: None },
            Self::Unreadable { .. } | Self::BadSegment { .. } | Self::Unsendable { .. } => ErrorKind::Invalid,
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        self.kind().is_transient()
    }

    pub fn call(&self) -> &'static str {
        match self {
            Self::Refused { call, .. }
            | Self::Unreachable { call, .. }
            | Self::Credentials { call, .. }
            | Self::Unreadable { call, .. }
            | Self::Incomplete { call, .. }
            | Self::OperationFailed { call, .. }
            | Self::DeadlinePassed { call, .. }
            | Self::BadSegment { call, .. }
            | Self::Held { call, .. }
            | Self::Unsendable { call, .. } => call,
        }
    }

    /// How long Google asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether it says that all calls of its kind are to wait: a quota of calls is used up, or the service asks for time.
    /// That too many operations run at once is not of this kind: it is over when one of them ends.
    pub(super) fn holds_others(&self) -> bool {
        match self {
            Self::Refused { reason, .. } if self.kind() == ErrorKind::RateLimited => {
                !error_kind::is_of_operations(reason)
            }
            Self::Refused { status, retry_after, .. } => {
                *status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_some()
            }
            _ => false,
        }
    }

    /// The calls per minute that Google says the quota allows.
    pub(super) fn limit(&self) -> Option<u32> {
        match self {
            Self::Refused { named, .. } => named.limit,
            _ => None,
        }
    }

    /// The project, by id or number, that Google says the refusal is about: whose API is off, whose quota is used up.
    pub fn consumer(&self) -> Option<&str> {
        match self {
            Self::Refused { named, .. } => named.consumer.as_deref(),
            _ => None,
        }
    }

    pub(super) fn unreadable(call: &'static str, at: impl ToString) -> Self {
        Self::Unreadable { call, at: one_line(&without_values(&at.to_string())) }
    }

    pub(super) fn bad_segment(call: &'static str, found: &str) -> Self {
        Self::BadSegment { call, found: one_line(found) }
    }
}

/// serde repeats what it did not expect, quoted: it may be anything, even a secret. Names of fields stay.
fn without_values(text: &str) -> String {
    let mut kept = String::new();
    let mut closing = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match closing {
            None => {
                kept.push(c);
                if c == '"' || c == '`' && kept.ends_with("unknown variant `") {
                    closing = Some(c);
                }
            }
            Some(quote) if c == quote => {
                kept.extend(['…', quote]);
                closing = None;
            }
            // What it escapes is not the end.
            Some(_) if c == '\\' => drop(chars.next()),
            Some(_) => {}
        }
    }
    kept
}

/// Somebody else's text, safe to show: no control characters, no endless length.
pub(super) fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut chars = text.trim().chars();
    let mut line: String = chars.by_ref().take(MAX_TEXT).map(plain).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}
