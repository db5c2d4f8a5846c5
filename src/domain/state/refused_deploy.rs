use jiff::Timestamp;

use super::{connector::ConnectorState, operation::ConnectorOperation, read::Read};
use crate::domain::names::ConnectorRef;

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
