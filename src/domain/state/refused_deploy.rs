use jiff::Timestamp;

use super::{connector::ConnectorState, operation::ConnectorOperation, read::Read};
use crate::domain::names::ConnectorRef;

/// A deploy that was refused for whatever reason, and that nobody has repeated since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDeploy {
    /// The job, service or worker pool, as the audit log names it.
    pub workload: String,
    pub at: Timestamp,
    /// `None` = its entry does not say which.
    pub connector: Option<ConnectorRef>,
    /// Google's words.
    pub words: String,
}

/// A refused deploy, and what was read about its connector.
#[derive(Debug, Clone)]
pub struct RefusedDeploy {
    /// The job, service or worker pool, as the audit log names it.
    pub workload: String,
    pub connector: ConnectorRef,
    pub at: Timestamp,
    pub state: ConnectorState,
    /// Operations on connectors of its place.
    pub operations: Read<Vec<ConnectorOperation>>,
    /// The number of the workload's project, which is in the name of its agent.
    pub number: Read<String>,
}
