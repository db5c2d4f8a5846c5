//! How a write ends.

use crate::{
    domain::names::ConnectorRef,
    google::{error::CallError, error_kind::ErrorKind, transport::Sent},
};

/// How a write ended that Google did not refuse.
pub(super) enum WriteOutcome {
    Done,
    /// Google has begun to create the connector: minutes of work that nobody waits for here.
    Started(ConnectorRef),
    /// The object is not what was seen any more, so that nothing was written.
    Overtaken(String),
    /// There is no such call.
    NotSent(String),
    /// The service may not do it, and did something else that comes to the same for packets.
    Instead(CallError, &'static str),
}

/// Whether a write of which no good answer came may have been made all the same.
pub(super) fn may_be_made(error: &CallError) -> bool {
    match error {
        CallError::Unreachable { source, .. } => source.sent == Sent::Maybe,
        CallError::Refused { .. } => error.kind() == ErrorKind::Transient,
        // It was accepted, and its end was not seen.
        CallError::DeadlinePassed { .. } => true,
        _ => false,
    }
}
