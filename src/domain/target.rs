//! Where work happens.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::{ConnectorRef, NetworkRef, ProjectId, Region};

/// What is decided together: a region of the project that owns the connectors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Target {
    pub project: ProjectId,
    pub region: Region,
}

impl Target {
    /// The connector lies here.
    pub fn has(&self, connector: &ConnectorRef) -> bool {
        connector.project == self.project && connector.region == self.region
    }
}

impl From<&ConnectorRef> for Target {
    fn from(connector: &ConnectorRef) -> Self {
        Self { project: connector.project.clone(), region: connector.region.clone() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}", self.project, self.region)
    }
}

/// The place an event names: wider ones are expanded into the targets in scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Target(Target),
    Network(NetworkRef),
    Project(ProjectId),
    /// Whatever is below a folder or an organization: every project of the scope may be.
    Everywhere,
}

impl Place {
    /// The project that the event is of; `None` = of a folder or an organization.
    pub fn project(&self) -> Option<&ProjectId> {
        match self {
            Self::Target(target) => Some(&target.project),
            Self::Network(network) => Some(&network.project),
            Self::Project(project) => Some(project),
            Self::Everywhere => None,
        }
    }
}

pub fn subnet_path(network: &NetworkRef, target: &Target, name: &str) -> String {
    format!("projects/{}/regions/{}/subnetworks/{name}", network.project, target.region)
}
