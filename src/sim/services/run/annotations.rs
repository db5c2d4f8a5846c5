//! Settings that v1 has in annotations and v2 in fields: egress, ingress and CPU allocation.
//! <https://cloud.google.com/run/docs/reference/rest/v1/ObjectMeta>

use serde_json::{Map, Value, json};

use crate::sim::http::call::Call;

const CONNECTOR: &str = "run.googleapis.com/vpc-access-connector";
const EGRESS: &str = "run.googleapis.com/vpc-access-egress";
const INTERFACES: &str = "run.googleapis.com/network-interfaces";
const CLOUD_SQL: &str = "run.googleapis.com/cloudsql-instances";
const INGRESS: &str = "run.googleapis.com/ingress";
const INGRESS_STATUS: &str = "run.googleapis.com/ingress-status";
const LAUNCH_STAGE: &str = "run.googleapis.com/launch-stage";
const CLIENT: &str = "run.googleapis.com/client-name";
const CLIENT_VERSION: &str = "run.googleapis.com/client-version";

/// The field of a document, shown to nobody, with the annotations of Google's that v2 has no field for: `resource` and
/// `template`. Whoever reads the resource in v1 and writes it back finds them as they were.
pub const V1_ONLY: &str = "v1Annotations";

/// Annotations of a resource that its document has in fields.
const OF_RESOURCE: [&str; 9] = [
    INGRESS,
    INGRESS_STATUS,
    LAUNCH_STAGE,
    CLIENT,
    CLIENT_VERSION,
    "run.googleapis.com/creator",
    "run.googleapis.com/lastModifier",
    "serving.knative.dev/creator",
    "serving.knative.dev/lastModifier",
];

/// Annotations of a template that its document has in fields, beside those of containers.
const OF_TEMPLATE: [&str; 4] = [CONNECTOR, EGRESS, INTERFACES, CLOUD_SQL];

const GOOGLES: [&str; 3] = ["cloud.googleapis.com/", "run.googleapis.com/", "serving.knative.dev/"];

const INGRESSES: [(&str, &str); 4] = [
    ("all", "INGRESS_TRAFFIC_ALL"),
    ("internal", "INGRESS_TRAFFIC_INTERNAL_ONLY"),
    ("internal-and-cloud-load-balancing", "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"),
    ("none", "INGRESS_TRAFFIC_NONE"),
];

/// Flags that v1 has on the template and v2 in the resources of each container.
const OF_CONTAINERS: [(&str, &str); 2] =
    [("run.googleapis.com/cpu-throttling", "cpuIdle"), ("run.googleapis.com/startup-cpu-boost", "startupCpuBoost")];

/// Labels or annotations without Google's own.
pub fn own(given: &Value) -> Value {
    kept(given, |name| !is_googles(name))
}

/// Google's annotations that v2 has no field for.
pub fn v1_only(metadata: &Value, template: &Value) -> Value {
    let only = |given: &Value, in_fields: &dyn Fn(&str) -> bool| {
        let only = kept(&given["annotations"], |name| is_googles(name) && !in_fields(name));
        if only.as_object().is_some_and(Map::is_empty) { Value::Null } else { only }
    };
    let of_containers = |name: &str| OF_CONTAINERS.iter().any(|(annotation, _)| *annotation == name);
    let of_template = |name: &str| OF_TEMPLATE.contains(&name) || of_containers(name);
    match (only(metadata, &|name| OF_RESOURCE.contains(&name)), only(template, &of_template)) {
        (Value::Null, Value::Null) => Value::Null,
        (resource, template) => json!({"resource": resource, "template": template}),
    }
}

fn is_googles(name: &str) -> bool {
    GOOGLES.iter().any(|prefix| name.starts_with(prefix))
}

fn kept(given: &Value, keeps: impl Fn(&str) -> bool) -> Value {
    let mut given = given.clone();
    if let Value::Object(given) = &mut given {
        given.retain(|name, _| keeps(name));
    }
    given
}

/// The annotations of a resource or its template: those in its document, and those that v1 alone has.
fn all(own: &Value, v1_only: &Value) -> Value {
    let both = [own, v1_only].into_iter().filter_map(Value::as_object).flatten();
    both.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>().into()
}

/// The ingress setting of a service's annotations.
pub fn ingress(annotations: &Value) -> Option<&'static str> {
    let given = annotations[INGRESS].as_str()?;
    INGRESSES.iter().find(|(v1, _)| *v1 == given).map(|(_, v2)| *v2)
}

/// A resource's annotations in v1.
pub fn of_resource(resource: &Value) -> Value {
    let mut annotations = all(&resource["annotations"], &resource[V1_ONLY]["resource"]);
    for (annotation, field) in [(LAUNCH_STAGE, "launchStage"), (CLIENT, "client"), (CLIENT_VERSION, "clientVersion")] {
        annotations[annotation] = resource[field].clone();
    }
    if let Some((v1, _)) = INGRESSES.iter().find(|(_, v2)| resource["ingress"] == *v2) {
        annotations[INGRESS] = (*v1).into();
        annotations[INGRESS_STATUS] = (*v1).into();
    }
    annotations
}

/// A template's annotations in v1.
pub fn of_template(resource: &Value, own: &Value, template: &Value) -> Value {
    let access = &template["vpcAccess"];
    let mut annotations = all(own, &resource[V1_ONLY]["template"]);
    if let Some(connector) = access["connector"].as_str() {
        annotations[CONNECTOR] = connector.into();
    }
    if let Some(egress) = access["egress"].as_str() {
        annotations[EGRESS] = egress.to_lowercase().replace('_', "-").into();
    }
    if !access["networkInterfaces"].is_null() {
        annotations[INTERFACES] = access["networkInterfaces"].to_string().into();
    }
    let connections = template["volumes"].as_array().into_iter().flatten();
    let connections = connections.flat_map(|volume| volume["cloudSqlInstance"]["instances"].as_array());
    let connections: Vec<&str> = connections.flatten().filter_map(Value::as_str).collect();
    if !connections.is_empty() {
        annotations[CLOUD_SQL] = connections.join(",").into();
    }
    for (annotation, field) in OF_CONTAINERS {
        if let Some(flag) = template["containers"][0]["resources"][field].as_bool() {
            annotations[annotation] = flag.to_string().into();
        }
    }
    annotations
}

/// Moves the flags that v1 has in the template's annotations into v2's containers.
pub fn set_flags(containers: &mut Value, annotations: &Value) {
    for (annotation, field) in OF_CONTAINERS {
        let Some(flag) = annotations[annotation].as_str().and_then(|text| text.parse::<bool>().ok()) else { continue };
        for container in containers.as_array_mut().into_iter().flatten() {
            container["resources"][field] = flag.into();
        }
    }
}

/// The volumes that v1 has none of: it names their instances in an annotation.
pub fn without_cloud_sql(mut volumes: Value) -> Value {
    if let Some(volumes) = volumes.as_array_mut() {
        volumes.retain(|volume| volume["cloudSqlInstance"].is_null());
    }
    if volumes.as_array().is_some_and(Vec::is_empty) { Value::Null } else { volumes }
}

/// The volumes, with the one that v1's annotation is in v2.
pub fn with_cloud_sql(volumes: Value, annotations: &Value) -> Value {
    let Some(connections) = annotations[CLOUD_SQL].as_str().filter(|text| !text.is_empty()) else { return volumes };
    let connections: Vec<&str> = connections.split(',').collect();
    let volume = json!({"name": "cloudsql", "cloudSqlInstance": {"instances": connections}});
    let own = volumes.as_array().cloned().unwrap_or_default();
    [own, vec![volume]].concat().into()
}

/// Removes v2's flags from a container's resources.
pub fn clear_flags(resources: &mut Map<String, Value>) {
    resources.retain(|name, _| !OF_CONTAINERS.iter().any(|(_, field)| field == name));
}

/// The egress setting of v1's annotations. A connector may be given by name only.
pub fn vpc_access(call: &Call, annotations: &Value) -> Value {
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
