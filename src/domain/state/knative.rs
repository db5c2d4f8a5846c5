//! Jobs and services as Cloud Run v1 has them: one list shows those of every region.
//! <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::workload::{
    CloudSqlVolume, ExecutionReference, Interface, JobDocument, Nested, ServiceDocument, Share, Template, Volume,
    VpcAccess, Workload, WorkloadKind,
};
use crate::domain::target::Target;

/// A job.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KnativeJob {
    metadata: Metadata,
    spec: JobSpec,
    status: JobStatus,
}

/// A service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct KnativeService {
    metadata: Metadata,
    spec: ServiceSpec,
    status: ServiceStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
    annotations: Annotations,
}

/// Settings that v2 has fields for. <https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta>
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "run.googleapis.com/vpc-access-connector")]
    connector: String,
    #[serde(rename = "run.googleapis.com/vpc-access-egress")]
    egress: String,
    /// A JSON list.
    #[serde(rename = "run.googleapis.com/network-interfaces")]
    interfaces: String,
    /// Separated by commas.
    #[serde(rename = "run.googleapis.com/cloudsql-instances")]
    sql: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: ExecutionTemplate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExecutionTemplate {
    metadata: Metadata,
    spec: ExecutionSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ExecutionSpec {
    template: PodTemplate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodTemplate {
    metadata: Metadata,
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    service_account_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct JobStatus {
    latest_created_execution: Option<Execution>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Execution {
    name: String,
    completion_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    template: PodTemplate,
    traffic: Vec<TrafficTarget>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceStatus {
    traffic: Vec<TrafficTarget>,
    latest_ready_revision_name: String,
    latest_created_revision_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TrafficTarget {
    revision_name: String,
    latest_revision: bool,
    percent: i64,
    tag: String,
}

/// A network interface, whose tags stand in a list, or in one text with commas.
#[derive(Deserialize)]
struct WrittenInterface {
    #[serde(default)]
    network: String,
    #[serde(default)]
    subnetwork: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    List(Vec<String>),
    Text(String),
}

impl Default for Tags {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl KnativeJob {
    /// An error where an annotation cannot be read.
    pub fn workload(self) -> Result<Workload, String> {
        let Self { metadata, spec, status } = self;
        let ExecutionTemplate { metadata: annotated, spec } = spec.template;
        let template = template(&metadata.name, annotated.annotations, spec.template.spec)?;
        let latest = status.latest_created_execution;
        let document = JobDocument {
            name: metadata.name,
            labels: metadata.labels,
            template: Nested { template },
            latest_created_execution: latest
                .map(|one| ExecutionReference { name: one.name, completion_time: one.completion_timestamp }),
        };
        Ok(document.workload())
    }
}

impl KnativeService {
    /// An error where an annotation cannot be read.
    pub fn workload(self, at: &Target) -> Result<Workload, String> {
        let Self { metadata, spec, status } = self;
        let PodTemplate { metadata: annotated, spec: pod } = spec.template;
        let shares = |targets: Vec<TrafficTarget>| targets.into_iter().map(TrafficTarget::share).collect();
        let document = ServiceDocument {
            template: template(&metadata.name, annotated.annotations, pod)?,
            // Revisions are asked for by their full names.
            name: format!("projects/{}/locations/{}/services/{}", at.project, at.region, metadata.name),
            labels: metadata.labels,
            traffic: shares(spec.traffic),
            traffic_statuses: shares(status.traffic),
            latest_ready_revision: status.latest_ready_revision_name,
            latest_created_revision: status.latest_created_revision_name,
        };
        Ok(document.workload(WorkloadKind::Service))
    }
}

impl TrafficTarget {
    fn share(self) -> Share {
        let by = if self.latest_revision { "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST" } else { "" };
        Share { by: by.to_owned(), revision: self.revision_name, percent: self.percent, tag: self.tag }
    }
}

/// What concerns the network of the workload `name`.
fn template(name: &str, annotations: Annotations, pod: PodSpec) -> Result<Template, String> {
    let sql = annotations.sql.split(',').filter(|instance| !instance.is_empty()).map(str::to_owned);
    let volume = Volume { cloud_sql_instance: Some(CloudSqlVolume { instances: sql.collect() }) };
    let access = VpcAccess {
        connector: annotations.connector,
        egress: annotations.egress,
        network_interfaces: interfaces(&annotations.interfaces).map_err(|error| format!("{name}: {error}"))?,
    };
    Ok(Template { vpc_access: Some(access), volumes: vec![volume], service_account: pod.service_account_name })
}

fn interfaces(text: &str) -> Result<Vec<Interface>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let written: Vec<WrittenInterface> = serde_json::from_str(text).map_err(|error| {
        format!("run.googleapis.com/network-interfaces: expected a JSON list of interfaces: {error}")
    })?;
    let read = |WrittenInterface { network, subnetwork, tags }| {
        let tags = match tags {
            Tags::List(tags) => tags,
            Tags::Text(text) => {
                text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
            }
        };
        Interface { network, subnetwork, tags }
    };
    Ok(written.into_iter().map(read).collect())
}
