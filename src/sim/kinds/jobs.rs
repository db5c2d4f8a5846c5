//! Cloud Run jobs. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs>

use crate::sim::{
    fields::{Field, any, choice, flag, int, long, map, message, text},
    kind::{Audited, Kind, Plain},
    kinds::workload::{ENVIRONMENTS, LAUNCH_STAGES, VPC_ACCESS},
    route::Service,
};

pub static KIND: Kind = Kind {
    collection: "run.jobs",
    service: Service::Run,
    segment: "jobs",
    regional: true,
    methods: "run.projects.locations.jobs",
    permissions: "run.jobs",
    message: "google.cloud.run.v2.Job",
    fields: FIELDS,
    audited: Audited { resource: "cloud_run_job", id: "job_name", region: Some("location") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    map("labels"),
    map("annotations"),
    text("client"),
    text("clientVersion"),
    choice("launchStage", LAUNCH_STAGES),
    any("binaryAuthorization"),
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
    text("uid").output(),
    long("generation").output(),
    long("observedGeneration").output(),
    text("createTime").output(),
    text("updateTime").output(),
    text("deleteTime").output(),
    text("expireTime").output(),
    text("creator").output(),
    text("lastModifier").output(),
    any("terminalCondition").output(),
    any("conditions").repeated().output(),
    flag("reconciling").output(),
    flag("satisfiesPzs").output(),
    // Sent back by clients that read before they write, for optimistic locking.
    text("etag"),
];

const TASK: &[Field] = &[
    any("containers").repeated(),
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
