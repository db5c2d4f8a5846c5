//! Knative's form of a Cloud Run resource: v1 says in annotations what v2 says in fields.
//! <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services>

use serde_json::{Map, Value, json};

use super::{
    answer::Refusal,
    audit::Change,
    call::Call,
    fields,
    kind::Kind,
    kinds::{jobs, services},
    links, run,
};

const CONNECTOR: &str = "run.googleapis.com/vpc-access-connector";
const EGRESS: &str = "run.googleapis.com/vpc-access-egress";
const INTERFACES: &str = "run.googleapis.com/network-interfaces";

pub fn version(kind: &Kind) -> &'static str {
    if *kind == jobs::KIND { "run.googleapis.com/v1" } else { "serving.knative.dev/v1" }
}

/// A resource as the audit log's system event shows it.
pub fn event(change: &Change<'_>, number: &str, resource: &Value) -> Value {
    let mut event = written(change.kind, change.path, number, resource);
    event["@type"] = format!("type.googleapis.com/google.cloud.run.v1.{}", change.kind.noun()).into();
    event
}

/// v2's document in v1's form.
pub fn written(kind: &Kind, path: &str, number: &str, resource: &Value) -> Value {
    let empty = Map::new();
    let template = run::template(kind, resource.as_object().unwrap_or(&empty));
    let mut labels = resource["labels"].clone();
    labels["cloud.googleapis.com/location"] = region(path).into();
    let mut annotations = resource["annotations"].clone();
    annotations["run.googleapis.com/launch-stage"] = resource["launchStage"].clone();
    let about = if *kind == jobs::KIND { "run.googleapis.com" } else { "serving.knative.dev" };
    for field in ["creator", "lastModifier"] {
        annotations[format!("{about}/{field}")] = resource[field].clone();
    }
    let given = json!({
        "annotations": template_annotations(resource, template),
        "labels": resource["template"]["labels"],
    });
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
        "spec": {"template": {"metadata": given, "spec": spec(kind, resource, template)}},
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
        "volumes": template["volumes"],
        "serviceAccountName": template["serviceAccount"],
        "timeoutSeconds": template["timeout"].as_str().and_then(|text| text.strip_suffix('s')?.parse::<u64>().ok()),
    });
    if *kind != jobs::KIND {
        spec["containerConcurrency"] = template["maxInstanceRequestConcurrency"].clone();
        return spec;
    }
    spec["maxRetries"] = template["maxRetries"].clone();
    let outer = &resource["template"];
    json!({"taskCount": outer["taskCount"], "parallelism": outer["parallelism"], "template": {"spec": spec}})
}

fn status(kind: &Kind, path: &str, number: &str, resource: &Value) -> Value {
    let settled = resource["terminalCondition"]["state"] == "CONDITION_SUCCEEDED";
    let ready = if settled { "True" } else { "Unknown" };
    let mut status = json!({
        "observedGeneration": integer(&resource["observedGeneration"]),
        "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": resource["updateTime"]}],
    });
    if *kind == jobs::KIND {
        status["executionCount"] = 0.into();
        return status;
    }
    let name = links::last(path);
    let revision = format!("{name}-{:05}-sim", integer(&resource["generation"]).unwrap_or(0));
    status["url"] = match &resource["uri"] {
        Value::Null => services::url(path, number).into(),
        uri => uri.clone(),
    };
    status["latestCreatedRevisionName"] = revision.clone().into();
    if settled {
        status["latestReadyRevisionName"] = revision.clone().into();
        status["traffic"] = json!([{"revisionName": revision, "percent": 100, "latestRevision": true}]);
    }
    status
}

fn integer(text: &Value) -> Option<i64> {
    text.as_str()?.parse().ok()
}

/// How v1 says what v2 says in `vpcAccess`.
fn template_annotations(resource: &Value, template: &Value) -> Value {
    let access = &template["vpcAccess"];
    let mut annotations = resource["template"]["annotations"].clone();
    if let Some(connector) = access["connector"].as_str() {
        annotations[CONNECTOR] = connector.into();
    }
    if let Some(egress) = access["egress"].as_str() {
        annotations[EGRESS] = egress.to_lowercase().replace('_', "-").into();
    }
    if !access["networkInterfaces"].is_null() {
        annotations[INTERFACES] = access["networkInterfaces"].to_string().into();
    }
    annotations
}

/// v1's body as the fields of a v2 document, checked against v2's table.
pub fn read(kind: &Kind, call: &Call) -> Result<Map<String, Value>, Refusal> {
    let body = &call.body;
    let template = &body["spec"]["template"];
    let is_job = *kind == jobs::KIND;
    let spec = if is_job { &template["spec"]["template"]["spec"] } else { &template["spec"] };
    let given = &template["metadata"];
    let mut inner = json!({
        "containers": containers(&spec["containers"], [V1, V2]),
        "volumes": spec["volumes"],
        "serviceAccount": spec["serviceAccountName"],
        "timeout": seconds(&spec["timeoutSeconds"]),
        "vpcAccess": vpc_access(call, &given["annotations"]),
    });
    let mut template = if is_job {
        inner["maxRetries"] = spec["maxRetries"].clone();
        let outer = &template["spec"];
        json!({"template": inner, "taskCount": outer["taskCount"], "parallelism": outer["parallelism"]})
    } else {
        inner["maxInstanceRequestConcurrency"] = spec["containerConcurrency"].clone();
        inner
    };
    template["labels"] = own(&given["labels"]);
    template["annotations"] = own(&given["annotations"]);
    let metadata = &body["metadata"];
    let mut document = Map::new();
    document.insert("labels".to_owned(), own(&metadata["labels"]));
    document.insert("annotations".to_owned(), own(&metadata["annotations"]));
    document.insert("launchStage".to_owned(), metadata["annotations"]["run.googleapis.com/launch-stage"].clone());
    document.insert("client".to_owned(), metadata["annotations"]["run.googleapis.com/client-name"].clone());
    document.insert("template".to_owned(), template);
    fields::prune(&mut document);
    fields::check(kind.fields, &Value::Object(document), kind.segment)
}

/// Labels or annotations without those by which v1 says what v2 has fields for.
fn own(given: &Value) -> Value {
    let mut own = given.clone();
    if let Value::Object(own) = &mut own {
        let googles = ["cloud.googleapis.com/", "run.googleapis.com/", "serving.knative.dev/"];
        own.retain(|name, _| !googles.iter().any(|prefix| name.starts_with(prefix)));
    }
    own
}

/// How a version writes that a variable's value is a secret's: the field, and in it those of the name and the version.
type Source = [&'static str; 3];
const V1: Source = ["valueFrom", "name", "key"];
const V2: Source = ["valueSource", "secret", "version"];

/// Containers with their secrets in the other version's words. v2 has limits and no requests; all else is the same.
fn containers(containers: &Value, [from, to]: [Source; 2]) -> Value {
    let mut containers = containers.clone();
    for container in containers.as_array_mut().into_iter().flatten() {
        if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) {
            resources.remove("requests");
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

/// Whole seconds, as a number or in decimal.
fn seconds(value: &Value) -> Option<String> {
    let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    Some(format!("{seconds}s"))
}

/// What v1's annotations say about the way out. A connector may be named by its bare name.
fn vpc_access(call: &Call, annotations: &Value) -> Value {
    let text = |name: &str| annotations[name].as_str().filter(|text| !text.is_empty());
    let connector = text(CONNECTOR).map(|connector| match connector.contains('/') {
        true => connector.to_owned(),
        false => {
            let region = call.region().unwrap_or_default();
            format!("projects/{}/locations/{region}/connectors/{connector}", call.project)
        }
    });
    let egress = text(EGRESS).map(|egress| match egress {
        "all" | "all-traffic" => "ALL_TRAFFIC",
        _ => "PRIVATE_RANGES_ONLY",
    });
    let interfaces: Option<Value> = text(INTERFACES).and_then(|text| serde_json::from_str(text).ok());
    let mut access = json!({"connector": connector, "egress": egress, "networkInterfaces": interfaces});
    if let Value::Object(fields) = &mut access {
        fields.retain(|_, value| !value.is_null());
    }
    if access.as_object().is_some_and(Map::is_empty) { Value::Null } else { access }
}
