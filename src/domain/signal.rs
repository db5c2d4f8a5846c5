use serde::Serialize;
use super::names::ConnectorRef;
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress { AllTraffic, PrivateRangesOnly }
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedConnector { pub connector: ConnectorRef, pub egress: Egress, pub workload: String }
