use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::wanted::Egress;

/// A Cloud Run job, service or worker pool: only what concerns its network. Nothing else of the document is kept, so
/// that no environment variable can reach a log or a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    pub kind: WorkloadKind,
    pub name: String,
    /// As written: a full name, a bare name, with the project's id or number.
    pub connector: Option<String>,
    pub egress: Egress,
    pub direct: Vec<Interface>,
    /// The opt-out label `egress-reconciler=ignore` stands.
    pub ignored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    Job,
    Service,
    WorkerPool,
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "job",
            Self::Service => "service",
            Self::WorkerPool => "worker pool",
        })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// One network interface of Direct VPC egress.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interface {
    pub network: String,
    pub subnetwork: String,
}

/// A job of run v2: the revision settings stand two templates deep.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct JobDocument {
    name: String,
    labels: BTreeMap<String, String>,
    template: Nested,
}

/// A service or worker pool of run v2: one template deep.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceDocument {
    name: String,
    labels: BTreeMap<String, String>,
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nested {
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Template {
    vpc_access: Option<VpcAccess>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VpcAccess {
    connector: String,
    egress: String,
    network_interfaces: Vec<Interface>,
}

impl JobDocument {
    pub fn workload(self) -> Workload {
        workload(WorkloadKind::Job, &self.name, &self.labels, self.template.template)
    }
}

impl ServiceDocument {
    pub fn workload(self, kind: WorkloadKind) -> Workload {
        workload(kind, &self.name, &self.labels, self.template)
    }
}

fn workload(kind: WorkloadKind, name: &str, labels: &BTreeMap<String, String>, template: Template) -> Workload {
    let access = template.vpc_access.unwrap_or_default();
    Workload {
        kind,
        name: crate::domain::names::last_segment(name).to_owned(),
        connector: Some(access.connector).filter(|name| !name.is_empty()),
        egress: if access.egress == "ALL_TRAFFIC" { Egress::AllTraffic } else { Egress::PrivateRangesOnly },
        direct: access.network_interfaces,
        ignored: labels.get("egress-reconciler").is_some_and(|value| value == "ignore"),
    }
}
