//! Projects, and the APIs they have enabled.

use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        permissions as iam,
        service::Service,
    },
    http::{call::Call, routes::Verb},
    services::iam::policy as iam_policy,
    state::State,
    store::kind::Kind,
};

/// Compute's quotas that an egress path uses up, with the limits of an ordinary project.
/// <https://cloud.google.com/vpc/docs/quota>
const QUOTAS: [(&str, &str, u32); 4] = [
    ("NETWORKS", "compute.networks", 50),
    ("FIREWALLS", "compute.firewalls", 1000),
    ("ROUTERS", "compute.routers", 200),
    ("SUBNETWORKS", "compute.subnetworks", 500),
];

/// A project itself, and who may do what in it.
pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    match call.route.verb {
        Verb::Own("testIamPermissions") => Ok(iam::tested(state, call)),
        Verb::Own("getIamPolicy") => {
            state.may_read(call, "resourcemanager.projects.getIamPolicy", &call.path)?;
            Ok(iam_policy::standing(state, call))
        }
        Verb::Own("setIamPolicy") => {
            state.may_read(call, "resourcemanager.projects.setIamPolicy", &call.path)?;
            iam_policy::set(state, call)
        }
        Verb::Own("getAncestry") => {
            state.may_read(call, "resourcemanager.projects.get", &call.path)?;
            Ok(ancestry(state, call))
        }
        Verb::Get => get(state, call),
        _ => Err(Refusal::not_found(&call.path)),
    }
}

/// The project and all that is above it, the nearest first.
/// <https://cloud.google.com/resource-manager/reference/rest/v1/projects/getAncestry>
fn ancestry(state: &State, call: &Call) -> Value {
    let above = state.projects.get(&call.project).map(|project| project.ancestors.as_slice()).unwrap_or_default();
    let above = above.iter().filter_map(|name| name.split_once("s/"));
    let all = std::iter::once(("project", call.project.as_str())).chain(above);
    json!({"ancestor": all.map(|(kind, id)| json!({"resourceId": {"type": kind, "id": id}})).collect::<Vec<_>>()})
}

/// The metric, the limit and the use of every quota.
fn quotas(state: &State, call: &Call) -> Vec<(&'static str, u32, usize)> {
    let given = state.projects.get(&call.project).map(|project| &project.quotas);
    let quota = |(metric, collection, usual): (&'static str, &str, u32)| {
        let limit = given.and_then(|given| given.get(metric)).copied().unwrap_or(usual);
        let under = format!("projects/{}/", call.project);
        let standing = Kind::of_collection(collection).into_iter().flat_map(|kind| state.standing(call).all(kind));
        (metric, limit, standing.filter(|(path, _)| path.starts_with(&under)).count())
    };
    QUOTAS.map(quota).to_vec()
}

/// Refuses one more of a kind where its quota is used up.
pub fn spend(state: &State, call: &Call, kind: &Kind) -> Result<(), Refusal> {
    let Some((metric, ..)) = QUOTAS.iter().find(|(_, collection, _)| *collection == kind.collection) else {
        return Ok(());
    };
    let used_up = |(own, limit, used): &(&str, u32, usize)| own == metric && *used >= *limit as usize;
    quotas(state, call).into_iter().find(used_up).map_or(Ok(()), |(metric, limit, _)| {
        let message = format!("Quota '{metric}' exceeded. Limit: {limit}.0 globally.");
        Err(Refusal::new(Code::PERMISSION_DENIED, "quotaExceeded", message))
    })
}

/// One project, as Resource Manager or Compute shows it.
fn get(state: &State, call: &Call) -> Result<Value, Refusal> {
    let path = &call.path;
    let number = state.number(&call.project);
    let permission =
        if call.route.service == Service::Compute { "compute.projects.get" } else { "resourcemanager.projects.get" };
    state.may_read(call, permission, path)?;
    Ok(match (call.route.service, call.route.version.as_str()) {
        (Service::Compute, _) => json!({
            "kind": "compute#project",
            "id": state.dice.fixed(path).id(),
            "name": call.project,
            "quotas": quotas(state, call)
                .into_iter()
                .map(|(metric, limit, usage)| json!({"metric": metric, "limit": limit, "usage": usage}))
                .collect::<Vec<_>>(),
            "defaultServiceAccount": format!("{number}-compute@developer.gserviceaccount.com"),
            "selfLink": crate::sim::api::links::full(path),
        }),
        (_, "v1") => {
            json!({"projectNumber": number, "projectId": call.project, "lifecycleState": "ACTIVE", "name": call.project})
        }
        _ => {
            json!({"name": format!("projects/{number}"), "projectId": call.project, "state": "ACTIVE", "displayName": call.project})
        }
    })
}

/// Service Usage: which APIs are enabled, and the enabling of one.
pub fn apis(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    let number = state.number(&call.project).to_owned();
    let enabled =
        |api: &str| state.projects.get(&call.project).is_some_and(|project| project.apis.iter().any(|one| one == api));
    match call.route.verb {
        Verb::Get => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            Ok(shown(call.name(), &number, enabled(call.name())))
        }
        Verb::Own("batchGet") => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            let names = call.parameters("names").map(crate::sim::api::links::last);
            Ok(json!({"services": names.map(|api| shown(api, &number, enabled(api))).collect::<Vec<_>>()}))
        }
        Verb::List => {
            state.may_read(call, "serviceusage.services.list", &project)?;
            // What is not enabled is known to nobody here, so there is nothing to list under the other filter.
            let wanted = call.parameter("filter") != Some("state:DISABLED");
            let apis = state.projects.get(&call.project).map(|project| project.apis.as_slice()).unwrap_or_default();
            let all = apis.iter().filter(|_| wanted).map(|api| (api.as_str(), shown(api, &number, true)));
            let (services, next) = call.page(all, ("pageSize", 200))?;
            Ok(json!({"services": services, "nextPageToken": next}))
        }
        Verb::Own("batchEnable") => {
            state.may_read(call, "serviceusage.services.enable", &project)?;
            let ids = call.body["serviceIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let ids: Vec<String> = ids.map(str::to_owned).collect();
            ids.iter().for_each(|api| enable(state, call, api));
            let services: Vec<Value> = ids.iter().map(|api| shown(api, &number, true)).collect();
            Ok(enabled_at_once("BatchEnableServicesResponse", json!({"services": services})))
        }
        _ => {
            state.may_read(call, "serviceusage.services.enable", &project)?;
            enable(state, call, call.name());
            Ok(enabled_at_once("EnableServiceResponse", json!({"service": shown(call.name(), &number, true)})))
        }
    }
}

fn enable(state: &mut State, call: &Call, api: &str) {
    if let Some(project) = state.projects.get_mut(&call.project)
        && !project.apis.iter().any(|enabled| enabled == api)
    {
        project.unknown.retain(|unknown| unknown != api);
        project.apis.push(api.to_owned());
        project.apis.sort();
    }
}

/// The operation of what is done at once.
fn enabled_at_once(message: &str, mut response: Value) -> Value {
    response["@type"] = format!("type.googleapis.com/google.api.serviceusage.v1.{message}").into();
    json!({"name": "operations/noop.DONE_OPERATION", "done": true, "response": response})
}

fn shown(api: &str, number: &str, enabled: bool) -> Value {
    json!({
        "name": format!("projects/{number}/services/{api}"),
        "parent": format!("projects/{number}"),
        "config": {"name": api},
        "state": if enabled { "ENABLED" } else { "DISABLED" },
    })
}
