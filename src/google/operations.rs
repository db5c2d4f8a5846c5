//! Waiting for Google to finish what it accepted.
//!
//! An answer of 200 to a write is only a promise: the operation may still fail, and then says so in a body that also
//! comes with 200. <https://cloud.google.com/compute/docs/api/how-tos/api-requests-responses#handling_api_responses>

use std::{iter, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::google::{
    client::Client,
    compute::{GLOBAL_OPERATIONS_GET, GLOBAL_OPERATIONS_WAIT, REGION_OPERATIONS_GET, REGION_OPERATIONS_WAIT},
    error::{CallError, one_line},
    error_body,
    error_kind::ErrorKind,
    method::Call,
};

/// How long a compute operation may take in all.
const OPERATION_DEADLINE: Duration = Duration::from_secs(90);

/// How long an operation that was just promised may be unknown to the one who promised it.
const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(10);

/// How long one `wait` may take. Google would answer after two minutes, but not everything on the way keeps a silent
/// connection for so long.
const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// From one question to the next. Google may answer a `wait` at once where it has much to do, and no operation of Compute
/// Engine ends within less: to ask earlier would be a call for nothing.
const FIRST_DELAYS: [Duration; 2] = [Duration::from_secs(1); 2];
const LATER_DELAY: Duration = Duration::from_secs(2);

/// Where a compute resource, and therefore its operation, lives.
#[derive(Debug, Clone, Copy)]
pub(super) enum Home<'a> {
    Global { project: &'a str },
    Region { project: &'a str, region: &'a str },
}

/// A compute operation, as far as we read it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub name: String,
    status: String,
    error: Option<OperationErrors>,
    http_error_status_code: Option<u16>,
    http_error_message: Option<String>,
    /// The `requestId` of the call that began it.
    #[serde(default)]
    pub client_operation_id: String,
    /// Who made the call.
    #[serde(default)]
    pub user: String,
    /// `patch`, `update`, `delete`, or a method's own word.
    #[serde(default)]
    pub operation_type: String,
    /// The URL of what is changed.
    #[serde(default)]
    pub target_link: String,
    /// When the call was made, by Google's clock; RFC 3339.
    #[serde(default)]
    pub insert_time: String,
    /// Empty while it runs.
    #[serde(default)]
    pub end_time: String,
}

#[derive(Debug, Clone, Deserialize)]
struct OperationErrors {
    #[serde(default)]
    errors: Vec<OperationError>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct OperationError {
    code: String,
    message: String,
    /// `[{errorInfo: {reason, domain, metadatas}}]`.
    error_details: Vec<Value>,
}

impl Operation {
    /// It ended with an error: nothing was changed.
    pub fn has_failed(&self) -> bool {
        self.ended("").is_err()
    }

    /// Whether it has ended well.
    fn ended(&self, call: &'static str) -> Result<bool, CallError> {
        if self.status != "DONE" {
            return Ok(false);
        }
        if self.error.is_none() && self.http_error_status_code.is_none_or(|status| status < 400) {
            return Ok(true);
        }
        let first = self.error.as_ref().and_then(|error| error.errors.first());
        let message = first.map(|error| error.message.as_str()).or(self.http_error_message.as_deref());
        Err(CallError::OperationFailed {
            call,
            operation: self.name.clone(),
            code: one_line(first.map_or("UNKNOWN", |error| &error.code)),
            message: one_line(message.unwrap_or("Google gave no message")),
            status: self.http_error_status_code,
            constraint: first.and_then(|error| error.error_details.iter().find_map(error_body::constraint)),
        })
    }
}

impl Client {
    /// Sends a compute write and returns when its operation has ended well.
    pub(super) async fn change(&self, call: Call, home: Home<'_>, request_id: Uuid) -> Result<(), CallError> {
        let call = call.identified_by(request_id);
        let operation: Operation = self.ask(&call).await?;
        self.see_to_end(call.name, home, &operation).await
    }

    /// Returns when an operation has ended well. `call` is the write that began it.
    pub(super) async fn see_to_end(
        &self,
        call: &'static str,
        home: Home<'_>,
        operation: &Operation,
    ) -> Result<(), CallError> {
        if operation.ended(call)? {
            return Ok(());
        }
        let begun = Instant::now();
        let poll = self.poll(call, home, &operation.name, begun);
        timeout(OPERATION_DEADLINE, poll).await.unwrap_or_else(|_| Err(not_seen_to_end(call, &operation.name, begun)))
    }

    /// Lets Google say when it is done (<https://cloud.google.com/compute/docs/reference/rest/v1/globalOperations/wait>), for as
    /// long as it does: what a `wait` without a good answer means, `get` tells from then on.
    async fn poll(&self, call: &'static str, home: Home<'_>, name: &str, begun: Instant) -> Result<(), CallError> {
        let (wait, get) = match home {
            Home::Global { project } => (
                self.prepare(&GLOBAL_OPERATIONS_WAIT, &[project, name])?,
                self.prepare(&GLOBAL_OPERATIONS_GET, &[project, name])?,
            ),
            Home::Region { project, region } => (
                self.prepare(&REGION_OPERATIONS_WAIT, &[project, region, name])?,
                self.prepare(&REGION_OPERATIONS_GET, &[project, region, name])?,
            ),
        };
        let mut waits = true;
        for delay in FIRST_DELAYS.into_iter().chain(iter::repeat(LATER_DELAY)) {
            let asked = Instant::now();
            let answer = match waits {
                true => self.attempt::<Operation>(&wait, WAIT_DEADLINE).await,
                false => self.ask(&get).await,
            };
            match answer {
                Ok(operation) if operation.ended(call)? => break,
                Ok(_) => {}
                Err(error) if waits => {
                    tracing::debug!(call, operation = name, %error, "the operation is asked for in place of waited for");
                    waits = false;
                }
                // Such an answer speaks of the question. What became of the write, it does not tell.
                Err(error) if error.is_transient() || is_about_state(&error.kind()) => {
                    return Err(not_seen_to_end(call, name, begun));
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Err(_) if begun.elapsed() < UNKNOWN_AT_FIRST => {}
                Err(_) => return Err(not_seen_to_end(call, name, begun)),
            }
            sleep_until(asked + delay).await;
        }
        Ok(())
    }
}

/// Refusals that mean something only as the answer to a write.
fn is_about_state(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::AddressConflict
            | ErrorKind::InUse
            | ErrorKind::Quota
    )
}

fn not_seen_to_end(call: &'static str, operation: &str, begun: Instant) -> CallError {
    CallError::DeadlinePassed { call, operation: operation.to_owned(), waited: begun.elapsed() }
}

/// An operation of the newer APIs, <https://google.aip.dev/151>.
#[derive(Debug, Clone, Deserialize)]
pub struct LongRunning {
    /// Its full path, such as `projects/p/locations/l/operations/o`.
    pub name: String,
    #[serde(default)]
    pub done: bool,
    error: Option<Status>,
    /// The API's own account of it; for connectors `{method, target, createTime, endTime}`.
    #[serde(default)]
    pub metadata: Value,
}

/// `google.rpc.Status`.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
    details: Vec<Value>,
}

impl LongRunning {
    /// Whether it has ended well; an error if it has ended otherwise. `call` is the method that started it.
    pub fn ended(&self, call: &'static str) -> Result<bool, CallError> {
        match &self.error {
            None => Ok(self.done),
            Some(status) => {
                let (code, http) = canonical(status.code);
                Err(CallError::OperationFailed {
                    call,
                    operation: self.name.clone(),
                    code: code.to_owned(),
                    message: one_line(&status.message),
                    status: Some(http),
                    constraint: status.details.iter().find_map(error_body::constraint),
                })
            }
        }
    }
}

/// Name and HTTP status of a canonical code,
/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
fn canonical(code: u16) -> (&'static str, u16) {
    match code {
        1 => ("CANCELLED", 499),
        3 => ("INVALID_ARGUMENT", 400),
        4 => ("DEADLINE_EXCEEDED", 504),
        5 => ("NOT_FOUND", 404),
        6 => ("ALREADY_EXISTS", 409),
        7 => ("PERMISSION_DENIED", 403),
        // An operation meets the quota of what it makes, not that of calls.
        8 => ("QUOTA_EXCEEDED", 429),
        9 => ("FAILED_PRECONDITION", 400),
        10 => ("ABORTED", 409),
        11 => ("OUT_OF_RANGE", 400),
        12 => ("UNIMPLEMENTED", 501),
        13 => ("INTERNAL", 500),
        14 => ("UNAVAILABLE", 503),
        15 => ("DATA_LOSS", 500),
        16 => ("UNAUTHENTICATED", 401),
        _ => ("UNKNOWN", 500),
    }
}
