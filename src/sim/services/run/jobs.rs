//! Cloud Run jobs. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, int, map, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind},
};

use super::workload::{COMMON, CONTAINER, ENVIRONMENTS, VPC_ACCESS, Workload};

pub static KIND: Kind = Kind {
    collection: "run.jobs",
    service: Service::Run,
    segment: "jobs",
    regional: true,
    methods: "run.projects.locations.jobs",
    permissions: "run.jobs",
    message: "google.cloud.run.v2.Job",
    fields: &[COMMON, FIELDS],
    audited: Audited { resource: "cloud_run_job", id: "job_name", region: Some("location") },
    rules: &Workload,
};

const FIELDS: &[Field] = &[
    text("startExecutionToken"),
    text("runExecutionToken"),
    message(
        "template",
        &[
            map("labels"),
            map("annotations"),
            int("parallelism"),
            int("taskCount"),
            any("client"),
            message("template", TASK),
        ],
    ),
    int("executionCount").output(),
    any("latestCreatedExecution").output(),
];

pub const TASK: &[Field] = &[
    message("containers", CONTAINER).repeated(),
    any("volumes").repeated(),
    int("maxRetries"),
    text("timeout"),
    text("serviceAccount"),
    choice("executionEnvironment", ENVIRONMENTS),
    text("encryptionKey"),
    message("vpcAccess", VPC_ACCESS),
    any("nodeSelector"),
    flag("gpuZonalRedundancyDisabled"),
];

/// The template of the containers: a job nests it one level deeper.
pub fn template<'a>(kind: &Kind, document: &'a Map<String, Value>) -> &'a Value {
    let template = document.get("template").unwrap_or(&Value::Null);
    if *kind == KIND { &template["template"] } else { template }
}
