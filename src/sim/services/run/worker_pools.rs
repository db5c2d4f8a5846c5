//! Cloud Run worker pools. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.workerPools>

use crate::sim::{
    api::{
        fields::{Field, any, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind},
};

use super::workload::{COMMON, REVISION, Workload};

pub static KIND: Kind = Kind {
    collection: "run.workerPools",
    service: Service::Run,
    segment: "workerPools",
    regional: true,
    methods: "run.projects.locations.workerPools",
    permissions: "run.workerpools",
    message: "google.cloud.run.v2.WorkerPool",
    fields: &[COMMON, FIELDS],
    audited: Audited { resource: "cloud_run_worker_pool", id: "worker_pool_name", region: Some("location") },
    rules: &Workload,
};

const FIELDS: &[Field] = &[
    text("description"),
    message("template", REVISION),
    text("customAudiences").repeated(),
    any("scaling"),
    any("instanceSplits").repeated(),
    any("instanceSplitStatuses").repeated().output(),
    text("latestCreatedRevision").output(),
    text("latestReadyRevision").output(),
];
