//! Cloud Run's older face: resources in the form of Knative, as the audit log's system events show them.

use serde_json::{Map, Value, json};

use super::{audit::Change, kind::Kind, kinds::jobs, links, run};

/// A resource in the form of v1.
pub fn document(change: &Change<'_>, number: &str, resource: &Value) -> Value {
    let empty = Map::new();
    let fields = resource.as_object().unwrap_or(&empty);
    let noun = change.kind.message.rsplit('.').next().unwrap_or_default();
    let region = change.call.region().unwrap_or_default();
    let mut labels = fields.get("labels").cloned().unwrap_or_else(|| json!({}));
    labels["cloud.googleapis.com/location"] = region.into();
    let (version, revision) = if *change.kind == jobs::KIND {
        (
            "run.googleapis.com/v1",
            json!({"metadata": {"annotations": annotations(change.kind, fields)}, "spec": {
                "taskCount": fields.get("template").map(|template| template["taskCount"].clone()),
            }}),
        )
    } else {
        ("serving.knative.dev/v1", json!({"metadata": {"annotations": annotations(change.kind, fields)}}))
    };
    json!({
        "@type": format!("type.googleapis.com/google.cloud.run.v1.{noun}"),
        "apiVersion": version,
        "kind": noun,
        "metadata": {
            "name": links::last(change.path),
            "namespace": number,
            "uid": fields.get("uid"),
            "labels": labels,
            "creationTimestamp": fields.get("createTime"),
        },
        "spec": {"template": revision},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// How v1 says what v2 says in `vpcAccess`.
fn annotations(kind: &Kind, fields: &Map<String, Value>) -> Value {
    let access = &run::template(kind, fields)["vpcAccess"];
    let mut annotations = json!({});
    if let Some(connector) = access["connector"].as_str() {
        annotations["run.googleapis.com/vpc-access-connector"] = connector.into();
    }
    if let Some(egress) = access["egress"].as_str() {
        annotations["run.googleapis.com/vpc-access-egress"] = egress.to_lowercase().replace('_', "-").into();
    }
    if !access["networkInterfaces"].is_null() {
        annotations["run.googleapis.com/network-interfaces"] = access["networkInterfaces"].to_string().into();
    }
    annotations
}
