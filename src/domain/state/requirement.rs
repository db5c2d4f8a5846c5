//! A connector that should exist, and who asks for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{egress::Egress, workload::WorkloadKind};
use crate::domain::names::{ConnectorRef, ProjectId};

/// Who sends traffic through a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathUser {
    pub kind: WorkloadKind,
    /// Of an App Engine version `SERVICE/VERSION`.
    pub name: String,
    /// Where it is not the path's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
}

/// `job nightly`, or `job nightly of other-project`.
impl fmt::Display for PathUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match &self.project {
            Some(project) => write!(f, " of {project}"),
            None => Ok(()),
        }
    }
}

/// A connector that should exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Required {
    pub connector: ConnectorRef,
    pub by: Vec<Requirer>,
    /// Those of `by` that were seen.
    pub users: Vec<PathUser>,
    /// The widest of its users.
    pub egress: Egress,
    /// Why nothing of it may be made, denied or repaired: an opt-out label or an exemption.
    pub frozen: Option<String>,
    /// Set where some workloads could not be read, any of which may have opted out: why nothing is denied or repaired.
    pub unread: Option<&'static str>,
}

impl Required {
    /// Why no deny and no repair may touch it.
    pub fn hold_reason(&self) -> Option<&str> {
        self.frozen.as_deref().or(self.unread)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirer {
    /// A live workload, such as `job nightly-export`.
    Workload(String),
    /// A user beside jobs, services and worker pools, such as `function resize`.
    Further(String),
    Declared,
    /// A deploy that failed because the connector is missing; `None` = a person who asks before there is a deploy.
    Wanted(Option<String>),
    /// It stands on a subnet of ours.
    Stamp,
}

impl Requirer {
    /// Somebody asks for it now, beside what is left of it.
    pub fn is_alive(&self) -> bool {
        *self != Self::Stamp
    }
}
