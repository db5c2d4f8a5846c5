//! Service Usage: which APIs a project has enabled.

use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, links},
    http::{call::Call, route::Verb},
    state::State,
};

/// Reads and enables APIs.
pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    let number = state.number(&call.project).to_owned();
    let enabled =
        |api: &str| state.projects.get(&call.project).is_some_and(|project| project.apis.iter().any(|one| one == api));
    match call.route.verb {
        Verb::Get => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            Ok(shown(call.name(), &number, enabled(call.name())))
        }
        Verb::Custom("batchGet") => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            let names = call.parameters("names").map(links::last);
            Ok(json!({"services": names.map(|api| shown(api, &number, enabled(api))).collect::<Vec<_>>()}))
        }
        Verb::List => {
            state.may_read(call, "serviceusage.services.list", &project)?;
            // Disabled APIs are not stored, so the other filter lists nothing.
            let wanted = call.parameter("filter") != Some("state:DISABLED");
            let apis = state.projects.get(&call.project).map(|project| project.apis.as_slice()).unwrap_or_default();
            let all = apis.iter().filter(|_| wanted).map(|api| (api.as_str(), shown(api, &number, true)));
            let (services, next) = call.page(all, ("pageSize", 200))?;
            Ok(json!({"services": services, "nextPageToken": next}))
        }
        Verb::Custom("batchEnable") => {
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

/// An operation that is already done.
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
