//! Projects, and the APIs they have enabled.

use serde_json::{Value, json};

use super::{
    answer::Refusal,
    call::Call,
    route::{Service, Verb},
    state::State,
};

/// One project, as Resource Manager or Compute shows it.
pub fn get(state: &State, call: &Call) -> Result<Value, Refusal> {
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
            "defaultServiceAccount": format!("{number}-compute@developer.gserviceaccount.com"),
            "selfLink": super::links::full(path),
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
    let shown = |api: &str, enabled: bool| {
        json!({
            "name": format!("projects/{number}/services/{api}"),
            "parent": format!("projects/{number}"),
            "config": {"name": api},
            "state": if enabled { "ENABLED" } else { "DISABLED" },
        })
    };
    match call.route.verb {
        Verb::Get => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            Ok(shown(call.name(), enabled(call.name())))
        }
        Verb::Own("batchGet") => {
            state.may_read(call, "serviceusage.services.get", &project)?;
            let names = call.parameters("names").map(super::links::last);
            Ok(json!({"services": names.map(|api| shown(api, enabled(api))).collect::<Vec<_>>()}))
        }
        Verb::List => {
            state.may_read(call, "serviceusage.services.list", &project)?;
            // What is not enabled is known to nobody here, so there is nothing to list under the other filter.
            let wanted = call.parameter("filter") != Some("state:DISABLED");
            let apis = state.projects.get(&call.project).map(|project| project.apis.as_slice()).unwrap_or_default();
            let all = apis.iter().filter(|_| wanted).map(|api| (api.as_str(), shown(api, true)));
            let (services, next) = call.page(all, ("pageSize", 200))?;
            Ok(json!({"services": services, "nextPageToken": next}))
        }
        _ => {
            state.may_read(call, "serviceusage.services.enable", &project)?;
            let api = call.name().to_owned();
            if let Some(project) = state.projects.get_mut(&call.project)
                && !project.apis.contains(&api)
            {
                project.apis.push(api.clone());
                project.apis.sort();
            }
            let response = json!({
                "@type": "type.googleapis.com/google.api.serviceusage.v1.EnableServiceResponse",
                "service": shown(&api, true),
            });
            Ok(json!({"name": "operations/noop.DONE_OPERATION", "done": true, "response": response}))
        }
    }
}
