//! Cloud Run's changes: a resource is deployed or deleted, and reconciled after a while.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields, links, names,
        service::Service,
    },
    audit::{change::Change, entries},
    faults::FaultKind,
    http::route::Verb,
    services::vpcaccess,
    state::{State, operations},
    store::clock::{after, written},
};

use super::{
    annotations::V1_ONLY,
    errors::not_found,
    jobs::{self, template},
    knative, revisions, services, traffic,
};

/// How long a deleted resource remains readable.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Creates or updates; an update with `allowMissing` may create.
pub fn deploy(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let (call, path) = (change.call, change.path);
    let before = state.accepted(call).get(path).cloned();
    match (call.route.verb, &before) {
        (Verb::Create, Some(_)) => {
            let message = format!("Resource '{}' already exists.", links::last(path));
            return Err(Refusal::new(Code::ALREADY_EXISTS, "alreadyExists", message));
        }
        (Verb::Patch | Verb::Update, None) if call.parameter("allowMissing") != Some("true") => {
            return Err(not_found(call, change.kind));
        }
        _ => {}
    }
    check_name(links::last(path))?;
    let mut document = match &before {
        Some(before) => replaced(change, before),
        None => change.sent.clone(),
    };
    let stamp = document.remove("etag");
    if stamp.is_some() && before.as_ref().is_some_and(|before| stamp.as_ref() != Some(&before["etag"])) {
        return Err(Refusal::new(
            Code::ABORTED,
            "conflict",
            "The etag does not match the current version of the resource.",
        ));
    }
    check_template(state, change, &document)?;
    complete(state, change, before.as_ref(), &mut document);
    traffic::complete(change, before.as_ref(), &mut document);
    settle(state, change, document)
}

/// Deletes a resource, which `showDeleted` still lists until it expires.
pub fn delete(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let call = change.call;
    let mut document = match state.accepted(call).get(change.path).and_then(Value::as_object) {
        Some(document) => document.clone(),
        None => return Err(not_found(call, change.kind)),
    };
    document.insert("deleteTime".to_owned(), written(call.now).into());
    document.insert("expireTime".to_owned(), written(after(call.now, RETENTION)).into());
    next_generation(change, &mut document);
    state.policies.remove(change.path);
    settle(state, change, document)
}

/// Names follow RFC 1035. The lower limit of 50 characters for services is not checked.
fn check_name(name: &str) -> Result<(), Refusal> {
    if names::is_label(name, 1..=63) {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "Invalid resource name {name:?}. Only lowercase letters, digits, and hyphens are allowed; must begin with a \
         letter and cannot end with a hyphen; must be less than 64 characters."
    )))
}

/// An update replaces the whole resource, or the fields of its mask.
fn replaced(change: &Change<'_>, before: &Value) -> Map<String, Value> {
    let Some(mask) = change.call.parameter("updateMask").filter(|mask| !mask.is_empty() && *mask != "*") else {
        return change.sent.clone();
    };
    let mut document = before.as_object().cloned().unwrap_or_default();
    document.remove("etag");
    let sent = Value::Object(change.sent.clone());
    for path in mask.split(',') {
        let pointer = format!("/{}", path.trim().replace('.', "/"));
        set(&mut document, path.trim(), sent.pointer(&pointer).cloned());
    }
    document
}

fn set(document: &mut Map<String, Value>, path: &str, value: Option<Value>) {
    match (path.split_once('.'), value) {
        (Some((head, rest)), value) => {
            let inner = document.entry(head).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
        (None, Some(value)) => {
            document.insert(path.to_owned(), value);
        }
        (None, None) => {
            document.remove(path);
        }
    }
}

fn check_template(state: &State, change: &Change<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
    let template = template(change.kind, document);
    if template["containers"].as_array().is_none_or(Vec::is_empty) {
        let noun = change.kind.segment.trim_end_matches('s');
        return Err(Refusal::invalid(format!("Violation in {noun}: the template must have at least one container.")));
    }
    let access = &template["vpcAccess"];
    match (access["connector"].as_str(), access["networkInterfaces"].is_null()) {
        (Some(_), false) => {
            Err(Refusal::invalid("VpcAccess: one and only one of connector and network_interfaces must be set"))
        }
        (Some(connector), true) if !connector.is_empty() && !usable(state, change, connector) => Err(Refusal::invalid(
            format!("VPC connector {connector} does not exist, or Cloud Run does not have permission to use it."),
        )),
        _ => Ok(()),
    }
}

/// Whether Cloud Run can use a connector. A missing connector, a disabled API and a missing permission of the service agent
/// give the same error; so does a connector that is not READY, which Google does not document.
fn usable(state: &State, change: &Change<'_>, connector: &str) -> bool {
    let call = change.call;
    let ["projects", project, "locations", region, "connectors", name] = connector.split('/').collect::<Vec<_>>()[..]
    else {
        return false;
    };
    let id = state.project_id(project);
    let path = format!("projects/{id}/locations/{region}/connectors/{name}");
    let Some(project) = state.projects.get(&id) else { return false };
    let agent = format!("service-{}@serverless-robot-prod.iam.gserviceaccount.com", state.number(&call.project));
    // In its own project the service agent's role includes the permission, unless the world's `iam` lists the agent or a
    // policy was set, which then decides.
    let listed = project.iam.as_ref().is_some_and(|iam| iam.contains_key(&agent));
    let own = id == call.project && !listed && !state.policies.contains_key(&format!("projects/{id}"));
    let permitted = own || state.may(&agent, "vpcaccess.connectors.use", &path);
    let connector = vpcaccess::current(state, call, &path);
    let ready = connector.is_some_and(|it| matches!(it["state"].as_str(), Some("READY" | "UPDATING")));
    Some(region) == call.region() && permitted && ready && project.enabled(Service::VpcAccess)
}

/// Fills in Cloud Run's defaults and output fields.
fn complete(state: &State, change: &Change<'_>, before: Option<&Value>, document: &mut Map<String, Value>) {
    let call = change.call;
    let kept = |field: &str| before.map(|before| before[field].clone()).filter(|value| !value.is_null());
    document.insert("name".to_owned(), change.path.into());
    document.insert("uid".to_owned(), kept("uid").unwrap_or_else(|| call.draw.uuid().into()));
    document.insert("createTime".to_owned(), kept("createTime").unwrap_or_else(|| written(call.now).into()));
    document.insert("creator".to_owned(), kept("creator").unwrap_or_else(|| call.caller.clone().into()));
    document.insert("generation".to_owned(), kept("generation").unwrap_or_else(|| "0".into()));
    for field in ["observedGeneration", "terminalCondition"] {
        document.extend(kept(field).map(|value| (field.to_owned(), value)));
    }
    if !call.route.is_knative() {
        document.extend(kept(V1_ONLY).map(|value| (V1_ONLY.to_owned(), value)));
    }
    document.entry("launchStage").or_insert_with(|| "GA".into());
    next_generation(change, document);
    let account = format!("{}-compute@developer.gserviceaccount.com", state.number(&call.project));
    let mut defaults = json!({"serviceAccount": account});
    let mut outer = json!({});
    if *change.kind == jobs::KIND {
        document.entry("latestCreatedExecution").or_insert_with(|| json!({}));
        outer = json!({"taskCount": 1});
        let environment = "EXECUTION_ENVIRONMENT_GEN2";
        merge_missing(&mut defaults, &json!({"maxRetries": 3, "timeout": "600s", "executionEnvironment": environment}));
    } else if *change.kind == services::KIND {
        let url = services::url(change.path, state.number(&call.project));
        document.insert("urls".to_owned(), json!([url]));
        document.insert("uri".to_owned(), url.into());
        document.entry("ingress").or_insert_with(|| "INGRESS_TRAFFIC_ALL".into());
        merge_missing(&mut defaults, &json!({"timeout": "300s", "maxInstanceRequestConcurrency": 80}));
    }
    let Some(template) = document.get_mut("template") else { return };
    merge_missing(template, &outer);
    let inner = if *change.kind == jobs::KIND { &mut template["template"] } else { template };
    merge_missing(inner, &defaults);
    let limits = json!({"resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}}});
    inner["containers"].as_array_mut().into_iter().flatten().for_each(|container| merge_missing(container, &limits));
}

fn merge_missing(document: &mut Value, defaults: &Value) {
    let (Value::Object(document), Value::Object(defaults)) = (document, defaults) else { return };
    for (name, value) in defaults {
        document.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

fn next_generation(change: &Change<'_>, document: &mut Map<String, Value>) {
    let call = change.call;
    let generation: u64 = document.get("generation").and_then(|text| text.as_str()?.parse().ok()).unwrap_or(0);
    document.insert("generation".to_owned(), (generation + 1).to_string().into());
    document.insert("updateTime".to_owned(), written(call.now).into());
    document.insert("lastModifier".to_owned(), call.caller.clone().into());
    document.insert("etag".to_owned(), format!("\"{}\"", call.draw.and("etag").hex(12)).into());
}

/// Writes the resource as it is during and after reconciliation.
fn settle(state: &mut State, change: &Change<'_>, document: Map<String, Value>) -> Result<Value, Refusal> {
    let call = change.call;
    let due = after(call.now, state.options.settling);
    let (running, done) = stages(document, due);
    let message = format!("type.googleapis.com/{}", change.kind.message);
    let typed = |document: &Value| {
        let mut document = document.clone();
        fields::hide(&mut document, &[V1_ONLY]);
        document["@type"] = message.clone().into();
        document
    };
    let injected = call.fault(FaultKind::FailOperation).map(|fault| fault.refusal(&call.method, &call.path));
    let outcome = injected.as_ref().map_or_else(|| Ok(typed(&done)), Err);
    // An operation's metadata has the resource without its uid.
    let about = |document: &Value| {
        let mut document = typed(document);
        document.as_object_mut().map(|fields| fields.remove("uid"));
        document
    };
    let operation = operations::longrunning(call, due, about(&running), about(&done), outcome);
    state.record(change.begun("", None));
    if call.parameter("validateOnly") == Some("true") {
        return Ok(operation.done);
    }
    if injected.is_none() {
        let event = knative::event(change, state.number(&call.project), &done);
        state.record(entries::settled(change, due, event));
        state.store.write(change.kind.collection, change.path, call.now, Some(running));
        if let Some((path, revision)) = traffic::revision(change, &done) {
            state.store.write(revisions::KIND.collection, &path, call.now, Some(revision));
        }
        if !done["deleteTime"].is_null() {
            state.store.empty(&format!("{}/", change.path), due);
        }
        state.store.write(change.kind.collection, change.path, due, Some(done));
    }
    Ok(state.operations.begin(call, operation))
}

fn stages(mut document: Map<String, Value>, due: Timestamp) -> (Value, Value) {
    document.insert("reconciling".to_owned(), true.into());
    // A resource that has been ready keeps the time of that transition.
    let mut condition = document.remove("terminalCondition").unwrap_or_else(|| json!({}));
    condition["state"] = "CONDITION_PENDING".into();
    document.insert("terminalCondition".to_owned(), condition);
    let running = Value::Object(document.clone());
    document.remove("reconciling");
    let generation = document.get("generation").cloned().unwrap_or_default();
    document.insert("observedGeneration".to_owned(), generation);
    let ready = json!({"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": written(due)});
    document.insert("terminalCondition".to_owned(), ready);
    traffic::settle(&mut document);
    (running, Value::Object(document))
}
