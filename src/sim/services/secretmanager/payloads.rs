//! Payloads of secrets: versions are added, and `latest` reads the newest.
//! <https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions>

use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, fields, links},
    http::call::Call,
    services::shared::flat,
    state::State,
    store::{clock::written, documents::Accepted, kind::Kind},
};

use super::secrets;

/// `projects.secrets.addVersion`.
pub fn add(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, "secretmanager.versions.add", &call.path)?;
    if state.seen(kind, &call.path, call).is_none() {
        return Err(flat::not_found(call));
    }
    let sent = fields::check(&[&[fields::message("payload", secrets::PAYLOAD)]], &call.object(), "request")?;
    let payload = sent.get("payload").cloned().ok_or_else(|| Refusal::invalid("The payload must be provided."))?;
    let number = newest(state.accepted(call), &call.path).map_or(1, |(number, ..)| number + 1);
    let path = format!("{}/versions/{number}", call.path);
    let document = json!({
        "name": path,
        "createTime": written(call.now),
        "state": "ENABLED",
        "replicationStatus": {"automatic": {}},
        "clientSpecifiedPayloadChecksum": !payload["dataCrc32c"].is_null(),
        "payload": payload,
    });
    flat::store(state, call, &secrets::VERSIONS, &path, document.as_object().cloned().unwrap_or_default());
    Ok(state.seen(&secrets::VERSIONS, &path, call).unwrap_or_default())
}

/// `projects.secrets.versions.access`.
pub fn access(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.access", kind.permissions), &call.path)?;
    let accepted = state.accepted(call);
    let found = match call.path.strip_suffix("/versions/latest") {
        Some(secret) => newest(accepted, secret).map(|(_, path, version)| (path, version)),
        None => accepted.get(&call.path).map(|version| (call.path.as_str(), version)),
    };
    let (path, version) = found.ok_or_else(|| flat::not_found(call))?;
    Ok(json!({"name": path, "payload": version["payload"]}))
}

/// The version of a secret with the highest number.
fn newest<'a>(accepted: Accepted<'a>, secret: &str) -> Option<(u64, &'a str, &'a Value)> {
    let under = format!("{secret}/versions/");
    let of_secret = accepted.all(secrets::VERSIONS.collection).filter(|(path, _)| path.starts_with(&under));
    let numbered = of_secret.filter_map(|(path, version)| Some((links::last(path).parse().ok()?, path, version)));
    numbered.max_by_key(|(number, ..)| *number)
}
