//! The properties of a project other than its resources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sim::api::{permissions::Policy, service::Service};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    pub number: String,
    /// Host names of the APIs that are enabled.
    #[serde(default = "all_apis")]
    pub apis: Vec<String>,
    /// Host names of APIs that the world file does not mention, neither as enabled nor by resources: reads are refused, because
    /// neither an empty list nor a disabled API would be true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Policy,
    /// Limits of Compute's quotas by metric, other than the default ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, u32>,
    /// Limits of quotas of a region by metric, such as `CPUS`, other than the default ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub region_quotas: BTreeMap<String, BTreeMap<String, u32>>,
    /// Regions that are not open to the project.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_regions: Vec<String>,
    /// Folders and organization of the project, the nearest first: `folders/12`, `organizations/34`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ancestors: Vec<String>,
}

impl Project {
    pub fn knows(&self, service: Service) -> bool {
        self.unknown.iter().all(|api| *api != service.host())
    }

    pub fn enabled(&self, service: Service) -> bool {
        self.apis.iter().any(|api| *api == service.host())
    }
}

pub fn all_apis() -> Vec<String> {
    let mut apis: Vec<String> = Service::all().map(Service::host).collect();
    apis.sort();
    apis
}
