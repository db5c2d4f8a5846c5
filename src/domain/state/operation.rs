use jiff::Timestamp;
use serde::Serialize;

use super::read::ReadFailure;

/// What Google keeps of a change of a connector.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorOperation {
    /// Its full path.
    pub name: String,
    /// The connector's short name.
    pub connector: String,
    pub change: ConnectorChange,
    pub begun: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub done: bool,
    /// Why it failed; `None` = it did not, so far.
    pub failure: Option<ReadFailure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorChange {
    Create,
    Update,
    Delete,
}
