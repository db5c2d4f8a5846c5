use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::egress::Egress;
use crate::domain::{fields, names::last_segment};

/// What may use a connector, such as a Cloud Run job: only what concerns its network. Nothing else of the document is kept,
/// so that no environment variable can reach a log or a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    pub kind: WorkloadKind,
    pub name: String,
    /// A revision that serves beside the newest one; `None` = what the resource itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Revisions with traffic or a tag that are not the newest, by their full names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<String>,
    /// As written: a full name, a bare name, with the project's id or number.
    pub connector: Option<String>,
    pub egress: Egress,
    pub direct: Vec<Interface>,
    /// The opt-out label `egress-reconciler=ignore` is set.
    pub ignored: bool,
    /// Of a job: its latest execution has not completed.
    #[serde(skip_serializing_if = "fields::is_default")]
    pub executing: bool,
    /// Cloud SQL instances that Cloud Run connects it to, as `PROJECT:REGION:INSTANCE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sql: Vec<String>,
    /// Its service account; empty = the default one of Compute Engine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadKind {
    Job,
    Service,
    WorkerPool,
    Instance,
    /// A function of the first generation: those of the second are services.
    Function,
    /// A version of an App Engine service.
    Version,
    /// A project out of scope: Google says that it uses the connector, and no more.
    Project,
    /// An execution of a job that is under way, with the network that its job had when it began.
    Execution,
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "job",
            Self::Service => "service",
            Self::WorkerPool => "worker pool",
            Self::Instance => "instance",
            Self::Function => "function",
            Self::Version => "App Engine version",
            Self::Project => "project",
            Self::Execution => "execution of job",
        })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.revision.as_ref().map_or(Ok(()), |revision| write!(f, " (revision {revision})"))
    }
}

/// One network interface of Direct VPC egress.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interface {
    pub network: String,
    pub subnetwork: String,
    /// Network tags of the instances, for routes and firewall rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// A job of run v2: the revision settings stand two templates deep.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobDocument {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) template: Nested,
    pub(super) latest_created_execution: Option<ExecutionReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ExecutionReference {
    /// Empty where the job has never run.
    pub name: String,
    pub completion_time: Option<String>,
}

/// An execution of run v2: the settings of its tasks are in a template.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExecutionDocument {
    job: String,
    labels: BTreeMap<String, String>,
    template: Template,
    completion_time: Option<String>,
}

impl ExecutionDocument {
    /// A user by the name of its job, whose label counts for it too; of several executions, one is as good as another. `None` =
    /// it has completed.
    pub fn workload(self, jobs: &[Workload]) -> Option<Workload> {
        let own = workload(WorkloadKind::Execution, &self.job, &self.labels, self.template);
        let ignored = own.ignored || jobs.iter().any(|job| job.name == own.name && job.ignored);
        self.completion_time.is_none().then_some(Workload { ignored, ..own })
    }
}

/// A service or worker pool of run v2: one template deep. What a worker pool calls splits of its instances is what a service
/// calls traffic.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceDocument {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) template: Template,
    #[serde(alias = "instanceSplits")]
    pub(super) traffic: Vec<Share>,
    #[serde(alias = "instanceSplitStatuses")]
    pub(super) traffic_statuses: Vec<Share>,
    pub(super) latest_ready_revision: String,
    pub(super) latest_created_revision: String,
}

/// What a revision gets of the requests, or of the instances.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Share {
    #[serde(rename = "type")]
    pub by: String,
    pub revision: String,
    pub percent: i64,
    pub tag: String,
}

/// A revision, or an instance, of run v2: its network is not in a template.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FlatDocument {
    name: String,
    labels: BTreeMap<String, String>,
    vpc_access: Option<VpcAccess>,
    volumes: Vec<Volume>,
    service_account: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Nested {
    pub template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Template {
    pub vpc_access: Option<VpcAccess>,
    pub volumes: Vec<Volume>,
    pub service_account: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume {
    pub cloud_sql_instance: Option<CloudSqlVolume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CloudSqlVolume {
    pub instances: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VpcAccess {
    pub connector: String,
    pub egress: String,
    pub network_interfaces: Vec<Interface>,
}

impl JobDocument {
    pub fn workload(self) -> Workload {
        let executing = self
            .latest_created_execution
            .is_some_and(|latest| !latest.name.is_empty() && latest.completion_time.is_none());
        Workload { executing, ..workload(WorkloadKind::Job, &self.name, &self.labels, self.template.template) }
    }
}

impl ServiceDocument {
    pub fn workload(self, kind: WorkloadKind) -> Workload {
        let older = self.older();
        Workload { older, ..workload(kind, &self.name, &self.labels, self.template) }
    }

    /// Both what is asked for and what is in force count: traffic that moves may be on either.
    fn older(&self) -> Vec<String> {
        let serving = |share: &&Share| share.percent > 0 || !share.tag.is_empty();
        let shares: Vec<&Share> = self.traffic.iter().chain(&self.traffic_statuses).filter(serving).collect();
        let latest = |share: &Share| share.by.ends_with("_LATEST");
        let named =
            shares.iter().map(|share| if latest(share) { &self.latest_ready_revision } else { &share.revision });
        let mut names: Vec<&str> = named.map(|name| last_segment(name)).collect();
        if shares.is_empty() {
            // Without shares all goes to the latest revision that is ready, which need not be the newest.
            names.push(last_segment(&self.latest_ready_revision));
        }
        let newest = last_segment(&self.latest_created_revision);
        names.retain(|name| !name.is_empty() && *name != newest);
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|revision| format!("{}/revisions/{revision}", self.name)).collect()
    }
}

impl FlatDocument {
    /// A revision, as a user of its own; the labels of what it belongs to count for it too.
    pub fn of(self, of: &Workload) -> Workload {
        let (name, labels, template) = self.parts();
        let own = workload(of.kind, &of.name, &labels, template);
        Workload { revision: Some(last_segment(&name).to_owned()), ignored: own.ignored || of.ignored, ..own }
    }

    pub fn instance(self) -> Workload {
        let (name, labels, template) = self.parts();
        workload(WorkloadKind::Instance, &name, &labels, template)
    }

    fn parts(self) -> (String, BTreeMap<String, String>, Template) {
        let Self { name, labels, vpc_access, volumes, service_account } = self;
        (name, labels, Template { vpc_access, volumes, service_account })
    }
}

fn workload(kind: WorkloadKind, name: &str, labels: &BTreeMap<String, String>, template: Template) -> Workload {
    let access = template.vpc_access.unwrap_or_default();
    let volumes = template.volumes.into_iter().filter_map(|volume| volume.cloud_sql_instance);
    Workload {
        sql: volumes.flat_map(|volume| volume.instances).collect(),
        account: template.service_account,
        direct: access.network_interfaces,
        ignored: labels.get("egress-reconciler").is_some_and(|value| value == "ignore"),
        ..Workload::by_connector(kind, last_segment(name), &access.connector, &access.egress)
    }
}

impl Workload {
    /// What names a connector and no network; `egress` as its API writes it.
    pub fn by_connector(kind: WorkloadKind, name: &str, connector: &str, egress: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            revision: None,
            older: Vec::new(),
            connector: Some(connector.to_owned()).filter(|name| !name.is_empty()),
            egress: Egress::parse(egress),
            direct: Vec::new(),
            sql: Vec::new(),
            account: String::new(),
            ignored: false,
            executing: false,
        }
    }
}
