//! Projects, and the APIs they have enabled.

pub mod apis;

use serde_json::{Value, json};

use crate::sim::{
    api::errors::Refusal,
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

/// One project, in the form of the version that is asked for.
fn get(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "resourcemanager.projects.get", &call.path)?;
    let number = state.number(&call.project);
    Ok(match call.route.version.as_str() {
        "v1" => {
            json!({"projectNumber": number, "projectId": call.project, "lifecycleState": "ACTIVE", "name": call.project})
        }
        _ => {
            json!({"name": format!("projects/{number}"), "projectId": call.project, "state": "ACTIVE", "displayName": call.project})
        }
    })
}
