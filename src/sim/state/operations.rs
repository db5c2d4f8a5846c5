//! Long-running operations: documents that change when they are due.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, links, service::Service},
    faults::FaultKind,
    http::{call::Call, route::Verb},
    store::clock::written,
};

/// Above this number, operations that have been done for a day are removed.
const MAX_OPERATIONS: usize = 10_000;

/// One operation: its document while it runs, its document when it is done, and when it is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub path: String,
    pub due: Timestamp,
    pub running: Value,
    pub done: Value,
}

impl Operation {
    pub fn seen(&self, now: Timestamp) -> &Value {
        if now < self.due { &self.running } else { &self.done }
    }
}

#[derive(Debug, Default)]
pub struct Operations {
    by_path: BTreeMap<String, Operation>,
    /// The operation that a `requestId` started, by project and id.
    by_request: HashMap<(String, String), String>,
}

impl Operations {
    /// Stores an operation, unless a fault loses it.
    pub fn begin(&mut self, call: &Call, operation: Operation) -> Value {
        let running = operation.running.clone();
        if let Some(id) = call.parameter("requestId") {
            self.by_request.insert((call.project.clone(), id.to_owned()), operation.path.clone());
        }
        if call.fault(FaultKind::LoseOperation).is_none() {
            self.add(operation, call.now);
        }
        running
    }

    pub fn add(&mut self, operation: Operation, now: Timestamp) {
        if self.by_path.len() >= MAX_OPERATIONS {
            let day = SignedDuration::from_hours(24);
            self.by_path.retain(|_, old| now.duration_since(old.due) < day);
            self.by_request.retain(|_, path| self.by_path.contains_key(path));
        }
        self.by_path.insert(operation.path.clone(), operation);
    }

    /// The operation that an earlier call with the same `requestId` started.
    pub fn replayed(&self, call: &Call) -> Option<&Value> {
        let id = call.parameter("requestId")?;
        let path = self.by_request.get(&(call.project.clone(), id.to_owned()))?;
        self.get(path, call.now)
    }

    pub fn get(&self, path: &str, now: Timestamp) -> Option<&Value> {
        self.by_path.get(path).map(|operation| operation.seen(now))
    }

    pub fn due(&self, path: &str) -> Option<Timestamp> {
        self.by_path.get(path).map(|operation| operation.due)
    }

    pub fn under<'a>(&'a self, parent: &'a str, now: Timestamp) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let operations = self.by_path.range(parent.to_owned()..).take_while(move |(path, _)| path.starts_with(parent));
        operations.map(move |(path, operation)| (path.as_str(), operation.seen(now)))
    }

    pub fn all(&self) -> impl Iterator<Item = &Operation> {
        self.by_path.values()
    }
}

/// Compute's operation on a resource. A failure is reported in the `DONE` operation, which is answered with 200.
pub fn compute(call: &Call, target: &str, target_id: &str, due: Timestamp, failure: Option<&Refusal>) -> Operation {
    let scope = match call.region() {
        Some(region) => format!("projects/{}/regions/{region}", call.project),
        None => format!("projects/{}/global", call.project),
    };
    let draw = call.draw.and("operation");
    let name = format!("operation-{}-{}-{}-{}", draw.hex(6), draw.hex(7), draw.hex(4), draw.and("tail").hex(4));
    let path = format!("{scope}/operations/{name}");
    let begun = written(call.now);
    let mut running = json!({
        "kind": "compute#operation",
        "id": draw.id(),
        "name": name,
        "operationType": operation_type(call),
        "targetLink": links::full(target),
        "targetId": target_id,
        "status": "RUNNING",
        "user": call.caller,
        "progress": 0,
        "insertTime": begun,
        "startTime": begun,
        "selfLink": links::full(&path),
    });
    if let Some(id) = call.parameter("requestId") {
        running["clientOperationId"] = id.into();
    }
    if call.region().is_some() {
        running["region"] = links::full(&scope).into();
    }
    let mut done = running.clone();
    done["status"] = "DONE".into();
    done["progress"] = 100.into();
    done["endTime"] = written(due).into();
    if let Some(failure) = failure {
        done["error"] = json!({"errors": [{"code": failure.reason, "message": failure.message}]});
        done["httpErrorStatusCode"] = failure.code.http.into();
        let status = http::StatusCode::from_u16(failure.code.http).ok();
        done["httpErrorMessage"] = status.and_then(|status| status.canonical_reason()).map(str::to_uppercase).into();
    }
    Operation { path, due, running, done }
}

fn operation_type(call: &Call) -> &'static str {
    match (call.route.verb, call.method.as_str()) {
        (_, "compute.networks.patch") => "updateNetwork",
        (_, "compute.firewalls.patch") => "compute.firewalls.patch",
        (Verb::Custom(name), _) => name,
        (Verb::Create, _) => "insert",
        (Verb::Patch, _) => "patch",
        (Verb::Update, _) => "update",
        _ => "delete",
    }
}

/// A `google.longrunning.Operation`, with its metadata while it runs and when it is done, and its outcome.
pub fn longrunning(
    call: &Call,
    due: Timestamp,
    running: Value,
    metadata: Value,
    outcome: Result<Value, &Refusal>,
) -> Operation {
    let region = call.region().unwrap_or("global");
    let id = call.draw.and("operation").uuid();
    let path = format!("projects/{}/locations/{region}/operations/{id}", call.project);
    let mut done = json!({"name": path, "metadata": metadata, "done": true});
    match outcome {
        Ok(response) => done["response"] = response,
        Err(refusal) => done["error"] = refusal.status(),
    }
    Operation {
        due,
        running: json!({"name": path, "metadata": running}),
        done,
        path: operation_key(call.route.service, &path),
    }
}

/// The key of an operation: those of VPC Access and of Cloud Run have the same form of name.
pub fn operation_key(service: Service, path: &str) -> String {
    if service == Service::Compute { path.to_owned() } else { format!("{}/{path}", service.short()) }
}
