//! What an answer of Google means for whoever decides.

use crate::{
    domain::state::read::{FailureKind, Read, ReadFailure},
    google::{error::CallError, error_kind::ErrorKind},
};

/// A resource that is not there is no failure.
pub fn absent_is_none<T>(answer: Result<T, CallError>) -> Read<Option<T>> {
    match read(answer) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.is_absent() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Where a method does not exist there is nothing that it could list.
pub fn absent_is_empty<T>(answer: Result<Vec<T>, CallError>) -> Read<Vec<T>> {
    Ok(absent_is_none(answer)?.unwrap_or_default())
}

pub fn read<T>(answer: Result<T, CallError>) -> Read<T> {
    answer.map_err(|error| failure(&error))
}

/// What a refused call means for whoever must decide.
pub fn failure(error: &CallError) -> ReadFailure {
    let kind = match error.kind() {
        ErrorKind::Denied { permission } => FailureKind::Denied { permission },
        ErrorKind::ApiDisabled => FailureKind::ApiDisabled,
        ErrorKind::Quota => FailureKind::Quota,
        ErrorKind::OrgPolicy { constraint } => FailureKind::OrgPolicy { constraint },
        ErrorKind::RegionClosed => FailureKind::RegionClosed,
        ErrorKind::AddressConflict => FailureKind::AddressConflict,
        ErrorKind::NotFound => FailureKind::Absent,
        kind if kind.is_transient() => FailureKind::Transient,
        // A read is refused so only while something else is written; of a write the caller has asked for the kind before.
        ErrorKind::Conflict | ErrorKind::AlreadyExists => FailureKind::Transient,
        _ => FailureKind::Invalid,
    };
    let consumer = error.consumer().map(str::to_owned);
    ReadFailure { call: error.call().to_owned(), kind, message: words(error), consumer }
}

/// Google's own words where there are some.
pub fn words(error: &CallError) -> String {
    match error {
        CallError::Refused { message, .. } | CallError::OperationFailed { message, .. } if !message.is_empty() => {
            message.clone()
        }
        other => other.to_string(),
    }
}
