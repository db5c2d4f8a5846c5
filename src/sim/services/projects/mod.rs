//! Projects, and the APIs they have enabled.

pub mod apis;

use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, fields, filter::Filter},
    http::{call::Call, route::Verb},
    services::iam::policy,
    state::State,
};

/// A project and its IAM policy.
pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    match call.route.verb {
        Verb::Custom("testIamPermissions") => Ok(policy::tested(state, call)),
        Verb::Custom("getIamPolicy") => {
            state.may_read(call, "resourcemanager.projects.getIamPolicy", &call.path)?;
            Ok(policy::current(state, call))
        }
        Verb::Custom("setIamPolicy") => {
            state.may_read(call, "resourcemanager.projects.setIamPolicy", &call.path)?;
            policy::set(state, call)
        }
        Verb::Custom("getAncestry") => {
            state.may_read(call, "resourcemanager.projects.get", &call.path)?;
            Ok(ancestry(state, call))
        }
        Verb::Get => get(state, call),
        Verb::List => list(state, call),
        _ => Err(Refusal::not_found(&call.path)),
    }
}

/// The project and its ancestors, the nearest first.
/// <https://cloud.google.com/resource-manager/reference/rest/v1/projects/getAncestry>
fn ancestry(state: &State, call: &Call) -> Value {
    let above = state.projects.get(&call.project).map(|project| project.ancestors.as_slice()).unwrap_or_default();
    let above = above.iter().filter_map(|name| name.split_once("s/"));
    let all = std::iter::once(("project", call.project.as_str())).chain(above);
    json!({"ancestor": all.map(|(kind, id)| json!({"resourceId": {"type": kind, "id": id}})).collect::<Vec<_>>()})
}

fn get(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "resourcemanager.projects.get", &call.path)?;
    Ok(shown(state, call, &call.project))
}

/// The projects that the caller may get, and that fit the filter.
/// <https://cloud.google.com/resource-manager/reference/rest/v1/projects/list>
fn list(state: &State, call: &Call) -> Result<Value, Refusal> {
    let text = call.parameter("filter").unwrap_or_default();
    let filter = Filter::parse(text).ok_or_else(|| Refusal::bad_request(format!("Invalid filter: {text}")))?;
    let may_get = |id: &str| state.may(&call.caller, "resourcemanager.projects.get", &format!("projects/{id}"));
    let visible = state.projects.keys().map(String::as_str).filter(|id| may_get(id));
    // A filter has a name of its own for the id.
    let fits = |(id, project): &(&str, Value)| {
        let mut project = project.clone();
        project["id"] = (*id).into();
        filter.fits(&project)
    };
    let projects = visible.map(|id| (id, shown(state, call, id))).filter(fits);
    let (projects, next) = call.page(projects, ("pageSize", 1000))?;
    let mut answer = json!({"projects": projects, "nextPageToken": next});
    answer.as_object_mut().into_iter().for_each(fields::prune);
    Ok(answer)
}

/// A project, in the form of the version that is asked for.
fn shown(state: &State, call: &Call, id: &str) -> Value {
    let number = state.number(id);
    match call.route.version.as_str() {
        "v1" => json!({"projectNumber": number, "projectId": id, "lifecycleState": "ACTIVE", "name": id}),
        _ => json!({"name": format!("projects/{number}"), "projectId": id, "state": "ACTIVE", "displayName": id}),
    }
}
