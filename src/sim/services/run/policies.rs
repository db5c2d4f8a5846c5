//! IAM policies of Cloud Run's resources, whose changes are audited.

use serde_json::Value;

use crate::sim::{
    api::errors::Refusal,
    audit::change::Change,
    http::call::Call,
    services::{iam::policy, shared::lro},
    state::State,
    store::kind::Kind,
};

use super::errors::not_found;

pub fn answer(state: &mut State, call: &Call, kind: &'static Kind, verb: &str) -> Result<Value, Refusal> {
    match verb {
        "setIamPolicy" => lro::change(state, call, kind, &policy::sent(call)?, |state, change| {
            present(state, change.call, change.kind)?;
            let set = policy::replace(state, change.call, change.sent)?;
            state.record(entry(change, &set));
            Ok(set)
        }),
        // gcloud calls it before the resource exists.
        "testIamPermissions" => Ok(policy::tested(state, call)),
        _ => {
            state.may_read(call, &format!("{}.getIamPolicy", kind.permissions), &call.path)?;
            present(state, call, kind)?;
            Ok(policy::current(state, call))
        }
    }
}

fn present(state: &State, call: &Call, kind: &'static Kind) -> Result<(), Refusal> {
    state.seen(kind, &call.path, call).map(|_| ()).ok_or_else(|| not_found(call, kind))
}

fn entry(change: &Change<'_>, policy: &Value) -> Value {
    let mut entry = change.begun("", None);
    entry["protoPayload"]["response"] = policy.clone();
    entry["protoPayload"]["response"]["@type"] = "type.googleapis.com/google.iam.v1.Policy".into();
    entry
}
