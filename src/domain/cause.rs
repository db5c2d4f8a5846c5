//! Why Google could not make a connector: what decides on the advice, and on whether another /28 would help.

use super::{
    names::ConnectorRef,
    state::{
        observed::Observed,
        operation::{ConnectorChange, ConnectorOperation},
        read::{FailureKind, ReadFailure},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its range is taken: another one may be free.
    AddressConflict,
    /// A quota of its region or project is too small.
    Quota,
    OrgPolicy,
    RegionClosed,
    /// One of Google's service agents lacks a role.
    Agent,
    /// Google says something else.
    Other,
    /// Google keeps no operation that tells, or says no more than that it failed.
    Unknown,
    /// The operations could not be read.
    Unread,
}

impl Cause {
    pub fn of(failure: &ReadFailure) -> Self {
        // A refused call is about our own account, unless it names another; a failed operation about Google's.
        let in_operation = failure.call.contains(".operations.");
        match &failure.kind {
            FailureKind::AddressConflict => Self::AddressConflict,
            FailureKind::Quota => Self::Quota,
            FailureKind::OrgPolicy { .. } => Self::OrgPolicy,
            FailureKind::RegionClosed => Self::RegionClosed,
            // Google says no more than that it failed. That it has no machines left is a cause.
            _ if failure.message.to_ascii_lowercase().contains("internal error") => Self::Unknown,
            FailureKind::Transient if !is_stockout(&failure.message) => Self::Unknown,
            FailureKind::Denied { .. } if in_operation => Self::Agent,
            _ if agent_in(&failure.message).is_some() => Self::Agent,
            _ => Self::Other,
        }
    }

    /// Whether a connector on another range may succeed where this one failed.
    pub fn permits_another_range(self) -> bool {
        matches!(self, Self::AddressConflict | Self::Unknown)
    }
}

/// <https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-resource-availability>
fn is_stockout(message: &str) -> bool {
    ["RESOURCE_POOL_EXHAUSTED", "does not have enough resources", "STOCKOUT"]
        .iter()
        .any(|words| message.contains(words))
}

/// The service agent that Google's sentence names, by its e-mail address.
pub fn agent_in(message: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-.@".contains(c);
    let agents = ["@cloudservices.gserviceaccount.com", "@gcp-sa-vpcaccess.iam.gserviceaccount.com"];
    message
        .split(|c| !is_part(c))
        .map(|word| word.trim_matches(['.', '-']))
        .find(|word| agents.iter().any(|agent| word.ends_with(agent)))
}

/// The latest operation of a kind on a connector; `None` = none is kept, or the operations were not read.
pub fn latest<'a>(
    observed: &'a Observed,
    connector: &ConnectorRef,
    change: ConnectorChange,
) -> Option<&'a ConnectorOperation> {
    let operations = observed.operations.as_ref()?.as_ref().ok()?;
    let own = operations.iter().filter(|operation| operation.connector == connector.name.as_str());
    own.filter(|operation| operation.change == change).max_by_key(|operation| (operation.begun, &operation.name))
}

/// What the operations tell of a connector's creation, else what this process remembers of it.
pub fn failure<'a>(
    observed: &'a Observed,
    remembered: Option<&'a ReadFailure>,
    connector: &ConnectorRef,
) -> Option<&'a ReadFailure> {
    match latest(observed, connector, ConnectorChange::Create) {
        Some(operation) => operation.failure.as_ref(),
        None => remembered,
    }
}

pub fn cause(observed: &Observed, remembered: Option<&ReadFailure>, connector: &ConnectorRef) -> Cause {
    match (failure(observed, remembered, connector), &observed.operations) {
        (Some(failure), _) => Cause::of(failure),
        (None, Some(Err(_))) => Cause::Unread,
        (None, _) => Cause::Unknown,
    }
}

/// The project of the resource that Google's sentence names.
pub fn project_in(message: &str) -> Option<&str> {
    let rest = &message[message.find("projects/")? + "projects/".len()..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.:".contains(c))).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['.', ':'])).filter(|project| !project.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(call: &str, kind: FailureKind, message: &str) -> ReadFailure {
        ReadFailure { call: call.to_owned(), kind, message: message.to_owned(), consumer: None }
    }

    #[test]
    fn an_operation_speaks_of_googles_agents_and_a_refused_call_of_our_account() {
        const OPERATION: &str = "vpcaccess.projects.locations.operations.list";
        const CALL: &str = "vpcaccess.projects.locations.connectors.create";
        let denied = || FailureKind::Denied { permission: None };
        let agent = "Operation failed: 7@cloudservices.gserviceaccount.com needs editor role in the project.";
        let cases = [
            (OPERATION, denied(), "Permission denied.", Cause::Agent),
            (CALL, denied(), "Permission denied.", Cause::Other),
            (CALL, denied(), agent, Cause::Agent),
            (OPERATION, FailureKind::Invalid, agent, Cause::Agent),
            (OPERATION, FailureKind::Invalid, "Operation failed: out of stock.", Cause::Other),
            (OPERATION, FailureKind::Invalid, "Internal error. Please try again.", Cause::Unknown),
            (OPERATION, FailureKind::Transient, "Backend died.", Cause::Unknown),
            (OPERATION, FailureKind::Transient, "ZONE_RESOURCE_POOL_EXHAUSTED", Cause::Other),
            (OPERATION, FailureKind::Quota, "Insufficient CPU quota in region.", Cause::Quota),
            (OPERATION, FailureKind::AddressConflict, "It conflicts.", Cause::AddressConflict),
        ];
        for (call, kind, message, cause) in cases {
            assert_eq!(Cause::of(&failed(call, kind, message)), cause, "{message}");
        }
        assert_eq!(agent_in(agent), Some("7@cloudservices.gserviceaccount.com"));
    }
}
