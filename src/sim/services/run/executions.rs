//! Executions of Cloud Run jobs. Read only.
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.executions>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, int, map, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Rules},
};

use super::{jobs::TASK, workload::LAUNCH_STAGES};

pub static KIND: Kind = Kind {
    collection: "run.executions",
    service: Service::Run,
    segment: "executions",
    regional: true,
    methods: "run.projects.locations.jobs.executions",
    permissions: "run.executions",
    message: "google.cloud.run.v2.Execution",
    fields: &[FIELDS],
    audited: Audited { resource: "cloud_run_job", id: "job_name", region: Some("location") },
    rules: &Executions,
};

struct Executions;

impl Rules for Executions {
    fn within(&self) -> Option<&'static str> {
        Some("jobs")
    }
}

const FIELDS: &[Field] = &[
    text("name").output(),
    text("uid").output(),
    text("creator").output(),
    text("generation").output(),
    map("labels"),
    map("annotations"),
    text("createTime").output(),
    text("startTime").output(),
    text("completionTime").output(),
    text("updateTime").output(),
    text("deleteTime").output(),
    text("expireTime").output(),
    choice("launchStage", LAUNCH_STAGES),
    text("job").output(),
    int("parallelism").output(),
    int("taskCount").output(),
    message("template", TASK).output(),
    flag("reconciling").output(),
    any("conditions").repeated().output(),
    text("observedGeneration").output(),
    int("runningCount").output(),
    int("succeededCount").output(),
    int("failedCount").output(),
    int("cancelledCount").output(),
    int("retriedCount").output(),
    text("logUri").output(),
    flag("satisfiesPzs").output(),
    text("etag").output(),
];
