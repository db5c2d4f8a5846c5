//! What VPC Access and Cloud Run share: their changes are `google.longrunning` operations.

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        permissions,
    },
    audit::change::Change,
    http::{call::Call, route::Verb},
    state::{State, operations::operation_key},
    store::{documents::View, kind::Kind},
};

/// Checks the permission, makes the change, and records a refusal in the audit log.
pub fn change(
    state: &mut State,
    call: &Call,
    kind: &'static Kind,
    sent: &Map<String, Value>,
    accept: fn(&mut State, &Change<'_>) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let verb = match call.route.verb {
        Verb::Create => "create",
        Verb::Delete => "delete",
        Verb::Custom(name) => name,
        _ => "update",
    };
    let grants = state.ask(call, vec![(format!("{}.{verb}", kind.permissions), call.path.clone())]);
    let change = Change { call, kind, path: &call.path, grants: &grants, sent };
    let refused = permissions::refusal(call.route.service, &grants).map_or(Ok(()), Err);
    refused.and_then(|()| accept(state, &change)).inspect_err(|refusal| state.record(change.refused(refusal)))
}

pub fn get(state: &State, call: &Call, kind: &'static Kind) -> Result<Option<Value>, Refusal> {
    state.may_read(call, &format!("{}.get", kind.permissions), &call.path)?;
    Ok(state.seen(kind, &call.path, call))
}

/// One page of a location's resources, or of all locations where the service allows `-`.
pub fn list(state: &State, call: &Call, kind: &'static Kind, most: usize) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, &format!("{}.list", kind.permissions), &project)?;
    // `-` stands for all: of a region, or of an owner.
    let under = match call.path.split_once("/-/") {
        Some((before, _)) => format!("{before}/"),
        None if call.region() == Some("-") => format!("{project}/locations/"),
        None => format!("{}/", call.path),
    };
    let view = View { deleted: call.parameter("showDeleted") == Some("true"), ..call.view() };
    // IAM marks deleted roles by a flag, other services by a time.
    let listed =
        state.store.listed(kind.collection, &under, view).filter(|(_, item)| view.deleted || item["deleted"] != true);
    let listed = listed.filter(|(path, _)| !call.is_unreachable(path));
    let (items, next) = call.page(listed, ("pageSize", most))?;
    let shown = |item: &Value| {
        let mut item = item.clone();
        kind.rules.present(state.accepted(call), &mut item);
        item
    };
    let mut answer = json!({});
    if !items.is_empty() {
        answer[kind.rules.listed_as().unwrap_or(kind.segment)] = items.into_iter().map(shown).collect();
    }
    if let Some(token) = next {
        answer["nextPageToken"] = token.into();
    }
    Ok(answer)
}

pub fn operation(state: &State, call: &Call) -> Result<Value, Refusal> {
    let permission = format!("{}.operations", call.route.service.short());
    let key = operation_key(call.route.service, &call.path);
    match call.route.verb {
        Verb::Get => {
            state.may_read(call, &format!("{permission}.get"), &call.path)?;
            let found = state.operations.get(&key, call.now).cloned();
            found.ok_or_else(|| not_found("Requested entity was not found."))
        }
        Verb::List => {
            state.may_read(call, &format!("{permission}.list"), &format!("projects/{}", call.project))?;
            let under = format!("{key}/");
            let (items, next) = call.page(state.operations.under(&under, call.now), ("pageSize", 100))?;
            Ok(json!({"operations": items, "nextPageToken": next}))
        }
        _ => Err(not_found("Method not found.")),
    }
}

pub fn not_found(message: &str) -> Refusal {
    Refusal::new(Code::NOT_FOUND, "notFound", message)
}
