//! Cloud Scheduler's jobs. They run on request only, never on schedule.
//! <https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, any, choice, int, map, message, text},
        service::Service,
    },
    http::call::Call,
    state::State,
    store::{
        clock::written,
        kind::{Audited, CustomMethod, Draft, Kind, Rules},
    },
};

pub static KIND: Kind = Kind {
    collection: "cloudscheduler.jobs",
    service: Service::Scheduler,
    segment: "jobs",
    regional: true,
    methods: "cloudscheduler.projects.locations.jobs",
    permissions: "cloudscheduler.jobs",
    message: "google.cloud.scheduler.v1.Job",
    fields: &[FIELDS],
    audited: Audited { resource: "cloud_scheduler_job", id: "job_id", region: Some("location") },
    rules: &Jobs,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("description"),
    any("pubsubTarget"),
    any("appEngineHttpTarget"),
    message(
        "httpTarget",
        &[
            text("uri"),
            choice("httpMethod", &["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"]),
            map("headers"),
            text("body"),
            any("oauthToken"),
            message("oidcToken", &[text("serviceAccountEmail"), text("audience")]),
        ],
    ),
    text("schedule"),
    text("timeZone"),
    text("userUpdateTime").output(),
    choice("state", &["ENABLED", "PAUSED", "DISABLED", "UPDATE_FAILED"]).output(),
    any("status").output(),
    text("scheduleTime").output(),
    text("lastAttemptTime").output(),
    message(
        "retryConfig",
        &[
            int("retryCount"),
            text("maxRetryDuration"),
            text("minBackoffDuration"),
            text("maxBackoffDuration"),
            int("maxDoublings"),
        ],
    ),
    text("attemptDeadline"),
];

struct Jobs;

impl Rules for Jobs {
    fn complete(&self, draft: &Draft<'_>, job: &mut Map<String, Value>) {
        for (field, usual) in [("state", "ENABLED"), ("timeZone", "Etc/UTC"), ("attemptDeadline", "180s")] {
            job.entry(field).or_insert_with(|| usual.into());
        }
        job.insert("userUpdateTime".to_owned(), written(draft.now).into());
    }

    fn check(&self, _draft: &Draft<'_>, job: &Map<String, Value>) -> Result<(), Refusal> {
        let targets = ["httpTarget", "pubsubTarget", "appEngineHttpTarget"];
        match targets.iter().any(|target| job.contains_key(*target)) {
            true => Ok(()),
            false => Err(Refusal::invalid("Job.target is required.")),
        }
    }

    fn custom_methods(&self) -> &'static [CustomMethod] {
        const CUSTOM_METHODS: &[CustomMethod] = &[
            CustomMethod { name: "pause", body: &[], permission: "pause", apply: |_, job, _| turn(job, "PAUSED") },
            CustomMethod { name: "resume", body: &[], permission: "enable", apply: |_, job, _| turn(job, "ENABLED") },
        ];
        CUSTOM_METHODS
    }
}

fn turn(job: &mut Map<String, Value>, state: &str) -> Result<(), Refusal> {
    job.insert("state".to_owned(), state.into());
    Ok(())
}

/// `projects.locations.jobs.run`: answers with the job; its request is made afterwards.
pub fn run(state: &mut State, call: &Call, job: Value) -> Value {
    state.jobs_to_run.push(call.path.clone());
    job
}
