//! Services whose changes need no operation: Pub/Sub, Logging, Secret Manager and the like. Most of their kinds need a row
//! in the table and nothing else; custom methods that do more are passed in.

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields, links,
        service::Service,
    },
    http::{
        call::Call,
        route::{Target, Verb},
    },
    state::{State, operations},
    store::kind::{CustomMethod, Kind},
};

use super::lro;

const PAGE: usize = 1000;

/// Answers a custom method that does more than change the document.
pub type Custom = fn(&mut State, &Call, &'static Kind, &str) -> Result<Value, Refusal>;

/// Answers a call; `custom` answers the custom methods that the kind itself does not.
pub fn answer(state: &mut State, call: &Call, custom: Custom) -> Result<Value, Refusal> {
    let kind = match call.route.target {
        Target::Kind(kind) => kind,
        Target::Operations => return lro::operation(state, call),
        _ => return Err(not_found(call)),
    };
    match call.route.verb {
        // Functions of the second generation are services of Cloud Run: version 2 of this API has them, and no others.
        Verb::List if call.route.service == Service::Functions && call.route.version == "v2" => Ok(json!({})),
        Verb::List => lro::list(state, call, kind, PAGE),
        verb if kind.service.is_optional() && verb != Verb::Get => Err(not_found(call)),
        Verb::Get => found(state, call, kind, "get"),
        // A nested resource is created by a method of its parent.
        Verb::Create if kind.rules.within().is_none() => create(state, call, kind),
        Verb::Patch | Verb::Update => change(state, call, kind),
        Verb::Delete => delete(state, call, kind),
        Verb::Custom(name) => match kind.rules.custom_methods().iter().find(|method| method.name == name) {
            Some(method) => changed_by(state, call, kind, method),
            None => custom(state, call, kind, name),
        },
        _ => Err(not_found(call)),
    }
}

/// The resource, if the caller has the permission of `verb`.
pub fn found(state: &State, call: &Call, kind: &'static Kind, verb: &str) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.{verb}", kind.permissions), &call.path)?;
    state.seen(kind, &call.path, call).ok_or_else(|| not_found(call))
}

pub fn not_found(call: &Call) -> Refusal {
    lro::not_found(&match call.route.service {
        Service::PubSub => format!("Resource not found (resource={}).", links::last(&call.path)),
        _ => format!("Resource not found: {}", call.path),
    })
}

fn create(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, &format!("{}.create", kind.permissions), &project)?;
    let collection = kind.collection_path(&call.project, call.region(), call.route.within.as_deref());
    let path = match call.path.strip_prefix(&collection) {
        Some(_) => call.path.clone(),
        // The service generates the name.
        None => format!("{collection}{}", call.draw.id()),
    };
    if state.accepted(call).get(&path).is_some() {
        let message = format!("Resource already exists in the project (resource={}).", links::last(&path));
        return Err(Refusal::new(Code::ALREADY_EXISTS, "alreadyExists", message));
    }
    let sent = sent(call, kind)?;
    for (permission, on) in kind.rules.further_permissions(&sent) {
        state.may_read(call, permission, &on)?;
    }
    let made = write(state, call, kind, &path, sent)?;
    Ok(done(state, call, made, kind.message))
}

/// PUT replaces the resource, PATCH merges into it; an update mask is ignored.
fn change(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let before = found(state, call, kind, "update")?.as_object().cloned().unwrap_or_default();
    let mut sent = sent(call, kind)?;
    if sent.remove("etag").is_some_and(|etag| before.get("etag").is_some_and(|current| *current != etag)) {
        return Err(Refusal::new(Code::ABORTED, "aborted", "There were concurrent changes. Please read it again."));
    }
    let document = if call.route.verb == Verb::Update {
        let mut document = fields::set_by_google(kind.fields, &before);
        document.extend(sent);
        document
    } else {
        let mut document = before.clone();
        fields::merge(&mut document, sent);
        document
    };
    if let Some(field) = fields::changed_for_good(kind.fields, &before, &document) {
        return Err(Refusal::invalid(format!("Invalid update_mask provided: the field {field} cannot be changed.")));
    }
    write(state, call, kind, &call.path, document)
}

fn changed_by(state: &mut State, call: &Call, kind: &'static Kind, method: &CustomMethod) -> Result<Value, Refusal> {
    let mut document = found(state, call, kind, method.permission)?.as_object().cloned().unwrap_or_default();
    let sent = fields::check(&[method.body], &call.object(), method.name)?;
    (method.apply)(&state.draft(call, &call.path), &mut document, sent)?;
    let changed = store(state, call, kind, &call.path, document);
    // Pub/Sub's custom methods return an empty message.
    Ok(if kind.service == Service::PubSub { json!({}) } else { changed })
}

/// The resource in the body. IAM wraps it in a request message on creation, Pub/Sub on update.
fn sent(call: &Call, kind: &Kind) -> Result<Map<String, Value>, Refusal> {
    let noun = kind.member();
    let noun = noun.as_str();
    let body = call.object();
    let wrapped = match (kind.service, call.route.verb) {
        (Service::Iam, Verb::Create) => true,
        (_, verb) => verb == Verb::Patch && body.get(noun).is_some(),
    };
    match wrapped.then(|| &body[noun]) {
        Some(Value::Null) => Ok(Map::new()),
        Some(inner) => fields::check(kind.fields, inner, noun),
        None => fields::check(kind.fields, &body, noun),
    }
}

/// Fills in defaults, checks the rules of the kind, and stores the document.
fn write(
    state: &mut State,
    call: &Call,
    kind: &'static Kind,
    path: &str,
    mut document: Map<String, Value>,
) -> Result<Value, Refusal> {
    let draft = state.draft(call, path);
    document.insert(kind.named_by().to_owned(), path.into());
    kind.rules.complete(&draft, &mut document);
    kind.rules.check(&draft, &document)?;
    Ok(store(state, call, kind, path, document))
}

pub fn store(
    state: &mut State,
    call: &Call,
    kind: &'static Kind,
    path: &str,
    mut document: Map<String, Value>,
) -> Value {
    fields::prune(&mut document);
    let document = Value::Object(document);
    state.store.write(kind.collection, path, call.now, Some(document.clone()));
    document
}

fn delete(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let before = found(state, call, kind, "delete")?;
    if before["deleted"] == true {
        let message = format!("You can't delete {} because it is already deleted.", call.path);
        return Err(Refusal::new(Code::FAILED_PRECONDITION, "failedPrecondition", message));
    }
    let remains = kind.rules.remains(&before);
    state.store.write(kind.collection, &call.path, call.now, remains.clone());
    state.store.empty(&format!("{}/", call.path), call.now);
    state.policies.remove(&call.path);
    state.messages.forget(&call.path);
    Ok(done(state, call, remains.unwrap_or_else(|| json!({})), "google.protobuf.Empty"))
}

/// Artifact Registry returns an operation, which is done already.
fn done(state: &mut State, call: &Call, mut response: Value, message: &str) -> Value {
    if call.route.service != Service::ArtifactRegistry {
        return response;
    }
    response["@type"] = format!("type.googleapis.com/{message}").into();
    let operation = operations::longrunning(call, call.now, json!({}), json!({}), Ok(response));
    let done = operation.done.clone();
    state.operations.begin(call, operation);
    done
}
