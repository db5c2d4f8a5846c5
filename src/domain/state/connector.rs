use serde::{Deserialize, Serialize};

use super::Other;

/// A Serverless VPC Access connector: `vpcaccess.projects.locations.connectors`.
///
/// It has no labels, description or etag: nothing of ours can be written on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Connector {
    /// The full name. Output only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The short name of the network; absent in subnet form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network: String,
    /// The range in CIDR form; absent in subnet form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip_cidr_range: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<ConnectorSubnet>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub machine_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_instances: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_instances: Option<u32>,
    #[serde(skip_serializing_if = "ConnectorState::is_unspecified")]
    pub state: ConnectorState,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connected_projects: Vec<String>,
    #[serde(flatten)]
    pub other: Other,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectorSubnet {
    /// The short name.
    pub name: String,
    /// The project that owns the subnet; absent = the connector's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub project_id: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectorState {
    Ready,
    Creating,
    Deleting,
    /// "Connector is in a bad state, manual deletion recommended": it can only be deleted.
    Error,
    Updating,
    /// Unspecified, or a state that Google added later.
    #[default]
    #[serde(other)]
    StateUnspecified,
}

impl ConnectorState {
    fn is_unspecified(&self) -> bool {
        *self == Self::StateUnspecified
    }

    /// Google is doing something to it.
    pub fn is_changing(self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::Deleting)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::StateUnspecified => "in an unknown state",
            Self::Ready => "ready",
            Self::Creating => "being created",
            Self::Deleting => "being deleted",
            Self::Error => "in error",
            Self::Updating => "being updated",
        }
    }
}
