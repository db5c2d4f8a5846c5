//! Which revision of a service or worker pool serves: every deployment with another template makes one, and traffic goes to
//! the latest that is ready unless it is pinned. <https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{fields, links},
    audit::change::Change,
    store::clock::written,
};

use super::{annotations::V1_ONLY, services, worker_pools};

const LATEST: &str = "ALLOCATION_TYPE_LATEST";

/// How a kind names its traffic shares, their status, and their types.
type Words = [&'static str; 3];

fn words(document: &Map<String, Value>) -> Words {
    if document.contains_key("instanceSplits") {
        ["instanceSplits", "instanceSplitStatuses", "INSTANCE_SPLIT"]
    } else {
        ["traffic", "trafficStatuses", "TRAFFIC_TARGET"]
    }
}

/// Sets the latest created revision and the default traffic.
pub fn complete(change: &Change<'_>, before: Option<&Value>, document: &mut Map<String, Value>) {
    let (shares, prefix) = match change.kind {
        kind if *kind == services::KIND => ("traffic", "TRAFFIC_TARGET"),
        kind if *kind == worker_pools::KIND => ("instanceSplits", "INSTANCE_SPLIT"),
        _ => return,
    };
    let latest = || json!([{"type": format!("{prefix}_{LATEST}"), "percent": 100}]);
    document.entry(shares).or_insert_with(latest);
    let kept = |field: &str| before.map(|before| before[field].clone()).filter(|value| !value.is_null());
    let [_, statuses, _] = words(document);
    for field in ["latestReadyRevision", statuses] {
        match kept(field) {
            Some(value) => document.insert(field.to_owned(), value),
            None => document.remove(field),
        };
    }
    let template = document.get("template").cloned().unwrap_or_default();
    let v1_only = document.get(V1_ONLY).map_or(&Value::Null, |only| &only["template"]);
    let same = before.is_some_and(|before| before["template"] == template && before[V1_ONLY]["template"] == *v1_only);
    let current = kept("latestCreatedRevision").filter(|_| same);
    let name = current.unwrap_or_else(|| {
        let given = template["revision"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let generation: u64 = document.get("generation").and_then(|text| text.as_str()?.parse().ok()).unwrap_or(1);
        let name = given.unwrap_or_else(|| format!("{}-{generation:05}-sim", links::last(change.path)));
        format!("{}/revisions/{name}", change.path).into()
    });
    document.insert("latestCreatedRevision".to_owned(), name);
}

/// Applies the traffic of a deployment that is ready.
pub fn settle(document: &mut Map<String, Value>) {
    let Some(newest) = document.get("latestCreatedRevision").cloned() else { return };
    let [shares, statuses, _] = words(document);
    document.insert("latestReadyRevision".to_owned(), newest);
    let mut shown = document.get(shares).cloned().unwrap_or_default();
    let uri = document.get("uri").and_then(Value::as_str).map(str::to_owned);
    for share in shown.as_array_mut().into_iter().flatten() {
        if let (Some(tag), Some(host)) =
            (share["tag"].as_str(), uri.as_ref().and_then(|uri| uri.strip_prefix("https://")))
        {
            share["uri"] = format!("https://{tag}---{host}").into();
        }
    }
    document.insert(statuses.to_owned(), shown);
}

/// The latest revision of a service or worker pool, with its path.
pub fn revision(change: &Change<'_>, owner: &Value) -> Option<(String, Value)> {
    let path = owner["latestCreatedRevision"].as_str()?;
    let mut document = owner["template"].as_object()?.clone();
    document.remove("revision");
    let at = written(change.call.now);
    let own = json!({
        "name": path,
        "uid": change.call.draw.and(path).uuid(),
        "generation": "1",
        "createTime": at,
        "updateTime": at,
        "launchStage": owner["launchStage"],
        "service": links::last(change.path),
        "conditions": [{"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": at}],
    });
    if !owner[V1_ONLY]["template"].is_null() {
        document.insert(V1_ONLY.to_owned(), json!({"template": owner[V1_ONLY]["template"]}));
    }
    document.extend(own.as_object()?.clone());
    fields::prune(&mut document);
    Some((path.to_owned(), Value::Object(document)))
}

/// Converts v1 traffic to v2.
pub fn read(knative: &Value) -> Value {
    let share = |share: &Value| {
        let latest = share["latestRevision"] == true;
        let by = if latest { LATEST } else { "ALLOCATION_TYPE_REVISION" };
        let revision = if latest { &Value::Null } else { &share["revisionName"] };
        without_nulls(json!({
            "type": format!("TRAFFIC_TARGET_{by}"),
            "revision": revision,
            "percent": share["percent"],
            "tag": share["tag"],
        }))
    };
    knative.as_array().map(|shares| shares.iter().map(share).collect()).unwrap_or_default()
}

/// Converts v2 traffic to v1; in a status, the latest revision is named too.
pub fn knative(shares: &Value, latest: Option<&str>) -> Value {
    let share = |share: &Value| {
        let is_latest = share["type"].as_str().is_some_and(|by| by.ends_with(LATEST));
        let named = share["revision"].as_str().map(links::last);
        without_nulls(json!({
            "latestRevision": is_latest.then_some(true),
            "revisionName": if is_latest { latest } else { named },
            "percent": share["percent"],
            "tag": share["tag"],
            "url": share["uri"],
        }))
    };
    shares.as_array().map(|shares| shares.iter().map(share).collect()).unwrap_or_default()
}

fn without_nulls(mut share: Value) -> Value {
    if let Value::Object(fields) = &mut share {
        fields.retain(|_, value| !value.is_null());
    }
    share
}
