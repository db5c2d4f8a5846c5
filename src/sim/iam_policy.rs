//! IAM policies of Cloud Run's resources. They are kept and handed out; nobody calls a workload here, so nobody is held
//! to them. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/setIamPolicy>

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Map, Value, json};

use super::{
    answer::{Code, Refusal},
    audit::Change,
    call::Call,
    fields::{self, Field, any, int, message, text},
    iam,
    kind::Kind,
    lro, run,
    state::State,
};

const REQUEST: &[Field] = &[message("policy", POLICY), text("updateMask")];
const POLICY: &[Field] = &[
    int("version"),
    text("etag"),
    message("bindings", &[text("role"), text("members").repeated(), any("condition")]).repeated(),
    any("auditConfigs").repeated(),
];

/// What `verb` asks about the policy of a resource.
pub fn answer(state: &mut State, call: &Call, kind: &'static Kind, verb: &str) -> Result<Value, Refusal> {
    match verb {
        "setIamPolicy" => lro::change(state, call, kind, &sent(call)?, set),
        // gcloud asks before there is a resource.
        "testIamPermissions" => Ok(iam::tested(state, call)),
        _ => {
            state.may_read(call, &format!("{}.getIamPolicy", kind.permissions), &call.path)?;
            present(state, call, kind)?;
            Ok(standing(state, &call.path))
        }
    }
}

fn present(state: &State, call: &Call, kind: &'static Kind) -> Result<(), Refusal> {
    state.seen(kind, &call.path, call).map(|_| ()).ok_or_else(|| run::not_found(call, kind))
}

fn sent(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let mut sent = fields::check(&[REQUEST], &call.object(), "set_iam_policy_request")?;
    fields::prune(&mut sent);
    Ok(sent)
}

/// A resource whose policy nobody has set has one that binds nobody.
fn standing(state: &State, path: &str) -> Value {
    state.policies.get(path).cloned().unwrap_or_else(|| json!({"etag": "ACAB"}))
}

fn set(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    present(state, change.call, change.kind)?;
    let mut policy = change.sent.get("policy").cloned().unwrap_or_else(|| json!({}));
    if !policy["etag"].is_null() && policy["etag"] != standing(state, change.path)["etag"] {
        let message = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential \
                       backoff.";
        return Err(Refusal::new(Code::ABORTED, "aborted", message));
    }
    policy["version"] = 1.into();
    policy["etag"] = BASE64.encode(change.call.draw.hex(4)).into();
    state.policies.insert(change.path.to_owned(), policy.clone());
    let mut entry = change.begun("", None);
    entry["protoPayload"]["response"] = policy.clone();
    entry["protoPayload"]["response"]["@type"] = "type.googleapis.com/google.iam.v1.Policy".into();
    state.record(entry);
    Ok(policy)
}
