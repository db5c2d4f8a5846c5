//! Cloud Run worker pools. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.workerPools>

use crate::sim::{
    fields::{Field, any, choice, flag, long, map, message, text},
    kind::{Audited, Kind, Plain},
    kinds::workload::{LAUNCH_STAGES, REVISION},
    route::Service,
};

pub static KIND: Kind = Kind {
    collection: "run.workerPools",
    service: Service::Run,
    segment: "workerPools",
    regional: true,
    methods: "run.projects.locations.workerPools",
    permissions: "run.workerpools",
    message: "google.cloud.run.v2.WorkerPool",
    fields: FIELDS,
    audited: Audited { resource: "cloud_run_worker_pool", id: "worker_pool_name", region: Some("location") },
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
    text("description"),
    message("template", REVISION),
    text("customAudiences").repeated(),
    any("scaling"),
    any("instanceSplits").repeated(),
    any("instanceSplitStatuses").repeated().output(),
    text("latestCreatedRevision").output(),
    text("latestReadyRevision").output(),
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
