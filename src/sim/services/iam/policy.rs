//! Reads and writes of IAM policies. What they grant is in [`crate::sim::state::bindings`].
//! <https://cloud.google.com/iam/docs/reference/rest/v1/Policy>

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{self, Field, any, int, message, text},
        links, permissions,
    },
    http::call::Call,
    state::State,
};

const REQUEST: &[Field] = &[message("policy", POLICY), text("updateMask")];
const POLICY: &[Field] = &[
    int("version"),
    text("etag"),
    message("bindings", &[text("role"), text("members").repeated(), any("condition")]).repeated(),
    any("auditConfigs").repeated(),
];

/// The policy of the called resource. Until one is set, it shows the permissions of the world's `iam`.
pub fn current(state: &State, call: &Call) -> Value {
    let set = state.policies.get(&call.path).cloned();
    set.unwrap_or_else(|| {
        let number = state.number(&call.project);
        permissions::shown(state.iam(&call.project), call.route.service, number)
    })
}

/// Sets the policy of the called resource.
pub fn set(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    replace(state, call, &sent(call)?)
}

pub fn sent(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let mut sent = fields::check(&[REQUEST], &call.object(), "set_iam_policy_request")?;
    fields::prune(&mut sent);
    Ok(sent)
}

pub fn replace(state: &mut State, call: &Call, sent: &Map<String, Value>) -> Result<Value, Refusal> {
    let mut policy = sent.get("policy").cloned().unwrap_or_else(|| json!({}));
    let before = current(state, call);
    if !policy["etag"].is_null() && policy["etag"] != before["etag"] {
        let message = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential \
                       backoff.";
        return Err(Refusal::new(Code::ABORTED, "aborted", message));
    }
    let mut added = bindings(&policy).into_iter().filter(|pair| !bindings(&before).contains(pair));
    added.try_for_each(|(role, member)| check_binding(state, call, role, member))?;
    policy["version"] = 1.into();
    policy["etag"] = BASE64.encode(call.draw.hex(4)).into();
    state.policies.insert(call.path.clone(), policy.clone());
    Ok(policy)
}

/// Each role with each of its members.
fn bindings(policy: &Value) -> Vec<(&str, &str)> {
    let bindings = policy["bindings"].as_array().into_iter().flatten();
    let pairs = bindings.flat_map(|binding| {
        let members = binding["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
        members.map(|member| (binding["role"].as_str().unwrap_or_default(), member))
    });
    pairs.collect()
}

/// Custom roles and service accounts of the world's projects must exist when they are bindings.
fn check_binding(state: &State, call: &Call, role: &str, member: &str) -> Result<(), Refusal> {
    let exists = |path: &str| state.accepted(call).get(path).is_some_and(|found| found["deleted"] != true);
    if role.starts_with("projects/") && !exists(role) {
        return Err(Refusal::invalid(format!("Role ({role}) does not exist in the resource's hierarchy.")));
    }
    let email = member.strip_prefix("serviceAccount:").unwrap_or_default();
    match links::project_of_account(email).filter(|project| state.projects.contains_key(*project)) {
        Some(project) if !exists(&format!("projects/{project}/serviceAccounts/{email}")) => {
            Err(Refusal::invalid(format!("Service account {email} does not exist.")))
        }
        _ => Ok(()),
    }
}

/// `testIamPermissions`: the requested permissions that the caller has. It needs no permission.
pub fn tested(state: &State, call: &Call) -> Value {
    let asked = call.body["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let wanted = asked.map(|permission| (permission.to_owned(), call.path.clone())).collect();
    let granted = state.ask(call, wanted).into_iter().filter(|grant| grant.granted);
    let granted: Vec<String> = granted.map(|grant| grant.permission).collect();
    if granted.is_empty() { json!({}) } else { json!({"permissions": granted}) }
}
