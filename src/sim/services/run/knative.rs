//! The Knative form of a Cloud Run resource: v1 has annotations where v2 has fields.
//! <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{errors::Refusal, fields, links},
    audit::change::Change,
    http::call::Call,
    store::{dice::Dice, kind::Kind},
};

use super::{annotations, executions, jobs, revisions, services, traffic, worker_pools};

pub fn version(kind: &Kind) -> &'static str {
    if is_of_jobs(kind) { "run.googleapis.com/v1" } else { "serving.knative.dev/v1" }
}

fn is_of_jobs(kind: &Kind) -> bool {
    [&jobs::KIND, &executions::KIND, &worker_pools::KIND].contains(&kind)
}

/// A resource as in the audit log's system event.
pub fn event(change: &Change<'_>, number: &str, resource: &Value) -> Value {
    let mut event = written(change.kind, change.path, number, resource);
    event["@type"] = format!("type.googleapis.com/google.cloud.run.v1.{}", change.kind.noun()).into();
    event
}

/// Converts a v2 document to v1.
pub fn written(kind: &Kind, path: &str, number: &str, resource: &Value) -> Value {
    let empty = Map::new();
    let is_revision = *kind == revisions::KIND;
    // A revision has no template: it is one.
    let outer = if is_revision { resource } else { &resource["template"] };
    let template = if is_revision { resource } else { jobs::template(kind, resource.as_object().unwrap_or(&empty)) };
    let mut labels = resource["labels"].clone();
    labels["cloud.googleapis.com/location"] = region(path).into();
    // Whose it is: v2 has a field for it.
    for (label, field) in [("run.googleapis.com/job", "job"), ("serving.knative.dev/service", "service")] {
        if let Some(owner) = resource[field].as_str() {
            labels[label] = links::last(owner).into();
        }
    }
    let mut annotations = annotations::of_resource(resource);
    let about = if is_of_jobs(kind) { "run.googleapis.com" } else { "serving.knative.dev" };
    for field in ["creator", "lastModifier"] {
        annotations[format!("{about}/{field}")] = resource[field].clone();
    }
    let of_template = annotations::of_template(resource, &outer["annotations"], template);
    if is_revision {
        annotations
            .as_object_mut()
            .into_iter()
            .for_each(|all| all.extend(of_template.as_object().unwrap_or(&empty).clone()));
    }
    let given = json!({"annotations": of_template, "labels": outer["labels"]});
    let spec = spec(kind, resource, template);
    let spec = match is_revision {
        true => spec,
        false => json!({
            "template": {"metadata": given, "spec": spec},
            "traffic": traffic::knative(&resource["traffic"], None),
            "taskCount": resource["taskCount"],
            "parallelism": resource["parallelism"],
        }),
    };
    let mut document = json!({
        "apiVersion": version(kind),
        "kind": kind.noun(),
        "metadata": {
            "name": links::last(path),
            "namespace": number,
            "uid": resource["uid"],
            "generation": integer(&resource["generation"]),
            "resourceVersion": resource["etag"],
            "creationTimestamp": resource["createTime"],
            "labels": labels,
            "annotations": annotations,
        },
        "spec": spec,
        "status": status(kind, path, number, resource),
    });
    if let Value::Object(document) = &mut document {
        fields::prune(document);
    }
    document
}

fn region(path: &str) -> &str {
    path.split('/').nth(3).unwrap_or_default()
}

fn spec(kind: &Kind, resource: &Value, template: &Value) -> Value {
    let mut spec = json!({
        "containers": containers(&template["containers"], [V2, V1]),
        "volumes": annotations::without_cloud_sql(volumes(&template["volumes"], [V2_MOUNT, V1_MOUNT])),
        "serviceAccountName": template["serviceAccount"],
        "timeoutSeconds": template["timeout"].as_str().and_then(|text| text.strip_suffix('s')?.parse::<u64>().ok()),
    });
    spec["maxRetries"] = template["maxRetries"].clone();
    if *kind != jobs::KIND {
        spec["containerConcurrency"] = template["maxInstanceRequestConcurrency"].clone();
        return spec;
    }
    let outer = &resource["template"];
    json!({"taskCount": outer["taskCount"], "parallelism": outer["parallelism"], "template": {"spec": spec}})
}

fn status(kind: &Kind, path: &str, number: &str, resource: &Value) -> Value {
    let settled = resource["terminalCondition"]["state"] == "CONDITION_SUCCEEDED";
    let ready = if settled { "True" } else { "Unknown" };
    if *kind == executions::KIND {
        return of_execution(resource);
    }
    if *kind == revisions::KIND {
        return of_revision(resource);
    }
    let mut status = json!({
        "observedGeneration": integer(&resource["observedGeneration"]),
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": resource["updateTime"]}],
    });
    if *kind == jobs::KIND {
        let latest = &resource["latestCreatedExecution"];
        status["executionCount"] = resource["executionCount"].as_u64().unwrap_or(0).into();
        if let Some(name) = latest["name"].as_str() {
            status["latestCreatedExecution"] = json!({
                "name": name,
                "creationTimestamp": latest["createTime"],
                "completionTimestamp": latest["completionTime"],
                "completionStatus": latest["completionStatus"],
            });
        }
        return status;
    }
    let name = links::last(path);
    let usual = || format!("{name}-{:05}-sim", integer(&resource["generation"]).unwrap_or(0));
    let revision = |field: &str| resource[field].as_str().map(|path| links::last(path).to_owned());
    let newest = revision("latestCreatedRevision").unwrap_or_else(usual);
    status["url"] = match &resource["uri"] {
        Value::Null => services::url(path, number).into(),
        uri => uri.clone(),
    };
    let ready = revision("latestReadyRevision").or_else(|| settled.then(|| newest.clone()));
    status["latestCreatedRevisionName"] = newest.into();
    if let Some(ready) = ready {
        status["traffic"] = match &resource["trafficStatuses"] {
            Value::Null => json!([{"revisionName": ready, "percent": 100, "latestRevision": true}]),
            shares => traffic::knative(shares, Some(&ready)),
        };
        status["latestReadyRevisionName"] = ready.into();
    }
    status
}

/// With the image that the tag of the first container stood for when the revision was made: gcloud deploys that one again.
fn of_revision(resource: &Value) -> Value {
    let image = resource["containers"][0]["image"].as_str().unwrap_or_default();
    let untagged = image.rfind(':').filter(|at| !image[*at..].contains('/')).map_or(image, |at| &image[..at]);
    let digest = match image.contains("@sha256:") {
        true => image.to_owned(),
        false => format!("{untagged}@sha256:{}", digest(image)),
    };
    json!({
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": resource["updateTime"]}],
        "imageDigest": digest,
    })
}

/// A digest that is always the same one for an image.
fn digest(image: &str) -> String {
    Dice::new(0).fixed(image).hex(32)
}

/// <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.executions#executionstatus>
fn of_execution(resource: &Value) -> Value {
    let ended = !resource["completionTime"].is_null();
    let failed = resource["failedCount"].as_u64().unwrap_or(0) > 0;
    let state = match (ended, failed) {
        (false, _) => "Unknown",
        (true, false) => "True",
        (true, true) => "False",
    };
    json!({
        "conditions": [
            {"type": "Completed", "status": state, "lastTransitionTime": resource["completionTime"]},
            {"type": "ResourcesAvailable", "status": "True", "lastTransitionTime": resource["startTime"]},
            {"type": "Started", "status": "True", "lastTransitionTime": resource["startTime"]},
        ],
        "startTime": resource["startTime"],
        "completionTime": resource["completionTime"],
        "runningCount": resource["runningCount"].as_u64().unwrap_or(u64::from(!ended)),
        "succeededCount": resource["succeededCount"].as_u64().unwrap_or(0),
        "failedCount": resource["failedCount"].as_u64().unwrap_or(0),
    })
}

fn integer(text: &Value) -> Option<i64> {
    text.as_str()?.parse().ok()
}

/// Converts a v1 body to v2 and checks it against v2's table.
pub fn read(kind: &Kind, call: &Call) -> Result<Map<String, Value>, Refusal> {
    let body = &call.body;
    let template = &body["spec"]["template"];
    let is_job = *kind == jobs::KIND;
    let spec = if is_job { &template["spec"]["template"]["spec"] } else { &template["spec"] };
    let given = &template["metadata"];
    let mut inner = json!({
        "containers": containers(&spec["containers"], [V1, V2]),
        "volumes": annotations::with_cloud_sql(volumes(&spec["volumes"], [V1_MOUNT, V2_MOUNT]), &given["annotations"]),
        "serviceAccount": spec["serviceAccountName"],
        "timeout": seconds(&spec["timeoutSeconds"]),
        "vpcAccess": annotations::vpc_access(call, &given["annotations"]),
    });
    annotations::set_flags(&mut inner["containers"], &given["annotations"]);
    let mut template = if is_job {
        inner["maxRetries"] = spec["maxRetries"].clone();
        let outer = &template["spec"];
        json!({"template": inner, "taskCount": outer["taskCount"], "parallelism": outer["parallelism"]})
    } else {
        inner["maxInstanceRequestConcurrency"] = spec["containerConcurrency"].clone();
        inner
    };
    template["labels"] = annotations::own(&given["labels"]);
    template["annotations"] = annotations::own(&given["annotations"]);
    let metadata = &body["metadata"];
    let mut document = Map::new();
    document.insert("labels".to_owned(), annotations::own(&metadata["labels"]));
    document.insert("annotations".to_owned(), annotations::own(&metadata["annotations"]));
    document.insert("launchStage".to_owned(), metadata["annotations"]["run.googleapis.com/launch-stage"].clone());
    document.insert("client".to_owned(), metadata["annotations"]["run.googleapis.com/client-name"].clone());
    let version = metadata["annotations"]["run.googleapis.com/client-version"].clone();
    document.insert("clientVersion".to_owned(), version);
    document.insert("ingress".to_owned(), annotations::ingress(&metadata["annotations"]).into());
    document.insert("template".to_owned(), template);
    if !is_job && !body["spec"]["traffic"].is_null() {
        document.insert("traffic".to_owned(), traffic::read(&body["spec"]["traffic"]));
    }
    fields::prune(&mut document);
    let mut checked = fields::check(kind.fields, &Value::Object(document), kind.segment)?;
    checked.insert(annotations::V1_ONLY.to_owned(), annotations::v1_only(metadata, given));
    fields::prune(&mut checked);
    Ok(checked)
}

/// How an API version refers to a secret in a variable: the field, and in it the fields of the name and of the version.
type Source = [&'static str; 3];
const V1: Source = ["valueFrom", "name", "key"];
const V2: Source = ["valueSource", "secret", "version"];

/// Converts containers between API versions: references to secrets, and v2 has limits but no requests.
fn containers(containers: &Value, [from, to]: [Source; 2]) -> Value {
    let mut containers = containers.clone();
    for container in containers.as_array_mut().into_iter().flatten() {
        if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) {
            resources.remove("requests");
            if from == V2 {
                annotations::clear_flags(resources);
            }
        }
        let variables = container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten();
        for variable in variables.filter_map(Value::as_object_mut) {
            if let Some(source) = variable.remove(from[0]) {
                let secret = &source["secretKeyRef"];
                let secret = json!({to[1]: secret[from[1]], to[2]: secret[from[2]]});
                variable.insert(to[0].to_owned(), json!({"secretKeyRef": secret}));
            }
        }
    }
    containers
}

/// How an API version refers to a mounted secret: the fields of the secret and of a file's version.
type Mount = [&'static str; 2];
const V1_MOUNT: Mount = ["secretName", "key"];
const V2_MOUNT: Mount = ["secret", "version"];

/// Converts volumes between API versions.
fn volumes(volumes: &Value, [from, to]: [Mount; 2]) -> Value {
    let rename = |fields: &mut Value, nth: usize| {
        let Some(fields) = fields.as_object_mut() else { return };
        let value = fields.remove(from[nth]);
        fields.extend(value.map(|value| (to[nth].to_owned(), value)));
    };
    let mut volumes = volumes.clone();
    for volume in volumes.as_array_mut().into_iter().flatten() {
        let Some(secret) = volume.get_mut("secret") else { continue };
        rename(secret, 0);
        let files = secret.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten();
        files.for_each(|file| rename(file, 1));
    }
    volumes
}

/// Whole seconds, as a number or in decimal.
fn seconds(value: &Value) -> Option<String> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(format!("{seconds}s"))
}
