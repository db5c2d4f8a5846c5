//! Executions of Cloud Run jobs, which `run` begins.
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs.executions>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{self, Field, any, choice, flag, int, map, message, text},
        links,
        service::Service,
    },
    audit::{change::Change, entries},
    http::call::Call,
    services::shared::lro,
    state::{State, operations},
    store::{
        clock::{after, written},
        documents::Accepted,
        kind::{Audited, Kind, Rules},
    },
};

use super::{
    annotations::V1_ONLY,
    errors::not_found,
    jobs::{self, TASK},
    knative,
    workload::{LAUNCH_STAGES, Workload},
};

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

    fn present(&self, accepted: Accepted<'_>, document: &mut Value) {
        Workload.present(accepted, document);
    }
}

/// `run` of a job.
pub fn run(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let sent = fields::check(&[REQUEST], &call.object(), "run_job_request")?;
    lro::change(state, call, &jobs::KIND, &sent, begin)
}

const REQUEST: &[Field] = &[
    text("etag"),
    flag("validateOnly"),
    message(
        "overrides",
        &[
            message(
                "containerOverrides",
                &[text("name"), text("args").repeated(), any("env").repeated(), flag("clearArgs")],
            )
            .repeated(),
            int("taskCount"),
            text("timeout"),
            // The same in v1.
            int("timeoutSeconds"),
        ],
    ),
];

/// Begins an execution, whose tasks all succeed once it has settled.
fn begin(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let call = change.call;
    let job = state.accepted(call).get(change.path).cloned().ok_or_else(|| not_found(call, change.kind))?;
    let due = after(call.now, state.options.settling);
    let (path, running, done) = stages(change, &job, &written(due));
    state.record(change.begun("", None));
    let mut event = knative::written(&KIND, &path, state.number(&call.project), &done);
    event["@type"] = "type.googleapis.com/google.cloud.run.v1.Execution".into();
    state.record(ended(change, entries::settled(change, due, event), &path));
    state.store.write(KIND.collection, &path, call.now, Some(running.clone()));
    state.store.write(KIND.collection, &path, due, Some(done.clone()));
    if call.route.is_knative() {
        return Ok(knative::written(&KIND, &path, state.number(&call.project), &running));
    }
    let typed = |mut execution: Value| {
        fields::hide(&mut execution, &[V1_ONLY]);
        execution["@type"] = format!("type.googleapis.com/{}", KIND.message).into();
        execution
    };
    let (running, done) = (typed(running), typed(done));
    let operation = operations::longrunning(call, due, running, done.clone(), Ok(done));
    Ok(state.operations.begin(call, operation))
}

/// The system event of an execution's end, which is about the execution.
fn ended(change: &Change<'_>, mut entry: Value, path: &str) -> Value {
    let name = links::last(path);
    entry["protoPayload"]["resourceName"] = format!("namespaces/{}/executions/{name}", change.call.project).into();
    entry["protoPayload"]["status"]["message"] = format!("Execution {name} has completed successfully.").into();
    entry["labels"] = json!({"run.googleapis.com/execution_name": name});
    entry
}

/// An execution's path, and the execution while it runs and when it has ended.
fn stages(change: &Change<'_>, job: &Value, end: &str) -> (String, Value, Value) {
    let draw = change.call.draw.and("execution");
    let name = links::last(change.path);
    let path = format!("{}/executions/{name}-{}", change.path, draw.hex(3));
    let outer = &job["template"];
    let overrides = change.sent.get("overrides").unwrap_or(&Value::Null);
    let tasks = overrides["taskCount"].as_u64().or(outer["taskCount"].as_u64()).unwrap_or(1);
    let at = written(change.call.now);
    let condition = |state: &str, at: &str| json!([{"type": "Completed", "state": state, "lastTransitionTime": at}]);
    let mut running = json!({
        "name": path,
        "uid": draw.uuid(),
        "generation": "1",
        "observedGeneration": "1",
        "creator": change.call.caller,
        "labels": outer["labels"],
        "annotations": outer["annotations"],
        "createTime": at,
        "startTime": at,
        "updateTime": at,
        "launchStage": job["launchStage"],
        "job": name,
        "parallelism": outer["parallelism"],
        "taskCount": tasks,
        "template": overridden(&outer["template"], overrides),
        "conditions": condition("CONDITION_RECONCILING", &at),
        "reconciling": true,
        "runningCount": tasks,
        "etag": format!("\"{}\"", draw.and("etag").hex(12)),
        V1_ONLY: {"resource": job[V1_ONLY]["template"], "template": job[V1_ONLY]["template"]},
    });
    running.as_object_mut().into_iter().for_each(fields::prune);
    let mut done = running.clone();
    let outcome = json!({
        "completionTime": end,
        "updateTime": end,
        "conditions": condition("CONDITION_SUCCEEDED", end),
        "succeededCount": tasks,
    });
    fields::hide(&mut done, &["reconciling", "runningCount"]);
    done.as_object_mut().into_iter().for_each(|done| done.extend(outcome.as_object().cloned().unwrap_or_default()));
    (path, running, done)
}

/// The template of the tasks with what a run changes for itself.
fn overridden(template: &Value, overrides: &Value) -> Value {
    let mut template = template.clone();
    let seconds = overrides["timeoutSeconds"].as_u64().map(|seconds| format!("{seconds}s").into());
    if let Some(timeout) = seconds.or_else(|| overrides.get("timeout").cloned()) {
        template["timeout"] = timeout;
    }
    for given in overrides["containerOverrides"].as_array().into_iter().flatten() {
        let containers = template["containers"].as_array_mut().into_iter().flatten();
        // Without a name it is the only container.
        let named = |container: &&mut Value| given["name"].as_str().is_none_or(|name| container["name"] == name);
        let Some(container) = containers.filter(named).find_map(Value::as_object_mut) else { continue };
        if given["clearArgs"] == true {
            container.remove("args");
        }
        if given["args"].as_array().is_some_and(|args| !args.is_empty()) {
            container.insert("args".to_owned(), given["args"].clone());
        }
        let added: Vec<&Value> = given["env"].as_array().into_iter().flatten().collect();
        let mut all = container.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
        all.retain(|one| !added.iter().any(|other| other["name"] == one["name"]));
        all.extend(added.into_iter().cloned());
        container.insert("env".to_owned(), all.into());
    }
    template.as_object_mut().into_iter().for_each(fields::prune);
    template
}

/// Sets what a job says of its executions.
pub fn sum_up(state: &State, call: &Call, path: &str, job: &mut Value) {
    let under = format!("{path}/executions/");
    let all: Vec<&Value> = state.store.listed(KIND.collection, &under, call.view()).map(|(_, one)| one).collect();
    let Some(latest) = all.iter().max_by_key(|one| one["createTime"].as_str()) else { return };
    let mut about = Map::new();
    about.insert("name".to_owned(), links::last(latest["name"].as_str().unwrap_or_default()).into());
    for field in ["createTime", "completionTime"] {
        about.extend(latest.get(field).map(|time| (field.to_owned(), time.clone())));
    }
    let failed = latest["failedCount"].as_u64().unwrap_or(0) > 0;
    let status = match (latest["completionTime"].is_null(), failed) {
        (true, _) => "EXECUTION_RUNNING",
        (false, false) => "EXECUTION_SUCCEEDED",
        (false, true) => "EXECUTION_FAILED",
    };
    about.insert("completionStatus".to_owned(), status.into());
    job["latestCreatedExecution"] = about.into();
    job["executionCount"] = all.len().into();
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
    any(V1_ONLY).output(),
    text("etag").output(),
];
