//! Changes of Compute resources of every kind.

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields, links, names, permissions,
    },
    audit::change::Change,
    faults::FaultKind,
    http::{call::Call, route::Verb},
    services::orgpolicy,
    state::{
        State,
        operations::{self, Operation},
    },
    store::{
        clock::{after, written},
        kind::{CustomMethod, Draft, Kind},
    },
};

use super::quotas;

/// Makes a change. The request goes to the audit log whether it is accepted or refused.
pub fn change(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let sent = sent(call, kind)?;
    if let Some(operation) = state.operations.replayed(call) {
        return Ok(operation.clone());
    }
    if call.route.verb == Verb::Create {
        check_name(&sent)?;
    }
    let path = call.path.as_str();
    let grants = state.ask(call, wanted(state, call, kind, path, &sent));
    let change = Change { call, kind, path, grants: &grants, sent: &sent };
    let refused = permissions::refusal(call.route.service, &grants).map_or(Ok(()), Err);
    match refused.and_then(|()| accept(state, &change)) {
        Ok(operation) => Ok(operation),
        Err(refusal) => {
            state.record(change.refused(&refusal));
            Err(refusal)
        }
    }
}

/// The body, checked against the kind's table of fields.
fn sent(call: &Call, kind: &Kind) -> Result<Map<String, Value>, Refusal> {
    if let Some(own) = own(call, kind) {
        return fields::check(&[own.body], &call.object(), "resource");
    }
    match call.route.verb {
        Verb::Delete => Ok(Map::new()),
        Verb::Create => {
            let mut sent = fields::check(kind.fields, &call.object(), "resource")?;
            fields::prune(&mut sent);
            Ok(sent)
        }
        _ => fields::check(kind.fields, &call.object(), "resource"),
    }
}

fn own(call: &Call, kind: &Kind) -> Option<&'static CustomMethod> {
    let Verb::Custom(name) = call.route.verb else { return None };
    kind.rules.custom_methods().iter().find(|own| own.name == name)
}

/// RFC 1035 and at most 63 characters: <https://cloud.google.com/compute/docs/naming-resources>.
fn check_name(sent: &Map<String, Value>) -> Result<(), Refusal> {
    let name = sent.get("name").and_then(Value::as_str).ok_or_else(|| Refusal::required("resource.name"))?;
    if names::is_label(name, 1..=63) { Ok(()) } else { Err(Refusal::value("resource.name", name, names::WANTED)) }
}

/// The permissions that a change needs: on the resource itself, and those its kind adds.
fn wanted(state: &State, call: &Call, kind: &Kind, path: &str, sent: &Map<String, Value>) -> Vec<(String, String)> {
    let on_itself = |verb: &str| vec![(format!("{}.{verb}", kind.permissions), path.to_owned())];
    let mut wanted = match call.route.verb {
        Verb::Create => on_itself("create"),
        Verb::Delete => on_itself("delete"),
        Verb::Custom(name) => return on_itself(own(call, kind).map_or(name, |own| own.permission)),
        _ => on_itself("update"),
    };
    // A patch without a network concerns the network of the existing resource.
    let mut document = state.accepted(call).get(path).and_then(Value::as_object).cloned().unwrap_or_default();
    document.extend(sent.clone());
    if fields::expand_links(kind.fields, &mut document, &call.project, "resource").is_ok() {
        let further = kind.rules.further_permissions(&document);
        wanted.extend(further.into_iter().map(|(permission, on)| (permission.to_owned(), on)));
    }
    wanted
}

/// Validates the change, writes it, and starts its operation.
fn accept(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let (call, kind, path) = (change.call, change.kind, change.path);
    let before = state.accepted(call).get(path).cloned();
    let creates = call.route.verb == Verb::Create;
    if creates && before.is_some() {
        let message = format!("The resource '{path}' already exists");
        return Err(Refusal::new(Code::ALREADY_EXISTS, "alreadyExists", message));
    }
    if creates {
        quotas::spend(state, call, kind)?;
    }
    in_flight(state, change)?;
    if !creates && before.is_none() {
        return Err(Refusal::not_found(path));
    }
    let draft = state.draft(call, path);
    let document = if call.route.verb == Verb::Delete { None } else { Some(drafted(change, &draft)?) };
    if let Some(document) = &document {
        orgpolicy::check(state, call, kind, document)?;
    }
    let companions = match (&document, before.as_ref().and_then(Value::as_object)) {
        (Some(document), None) => kind.rules.companions(&draft, document),
        (None, Some(before)) => kind.rules.companions(&draft, before),
        _ => Vec::new(),
    };
    let injected = call.fault(FaultKind::FailOperation).map(|fault| fault.refusal(&call.method, &call.path));
    let failure = injected.or_else(|| in_use(state, change));
    let due = after(call.now, state.options.operation);
    if failure.is_none() {
        for (kind, path, companion) in companions {
            state.store.write(kind.collection, &path, due, document.as_ref().map(|_| companion));
        }
        state.store.write(kind.collection, path, due, document.clone().map(Value::Object));
    }
    let target = document.or_else(|| before.as_ref()?.as_object().cloned()).unwrap_or_default();
    let id = target.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(begin(state, change, id, operations::compute(call, path, id, due, failure.as_ref()), failure.as_ref()))
}

fn begin(state: &mut State, change: &Change<'_>, id: &str, operation: Operation, failure: Option<&Refusal>) -> Value {
    state.record(change.begun(id, Some(&operation.running)));
    state.record(change.ended(id, &operation.running, operation.due, failure));
    state.operations.begin(change.call, operation)
}

/// Refuses a change while another is in progress: networks and subnetworks with 400, others with 409.
fn in_flight(state: &State, change: &Change<'_>) -> Result<(), Refusal> {
    let path = change.path;
    if !state.accepted(change.call).in_flight(path) {
        return Ok(());
    }
    Err(match change.kind.segment {
        "networks" | "subnetworks" => Refusal::not_ready(path),
        _ => Refusal::new(
            Code::ABORTED,
            "operationInProgress",
            format!("The resource '{path}' has another operation in progress."),
        ),
    })
}

/// The deletion of a resource in use is accepted, and its operation fails.
fn in_use(state: &State, change: &Change<'_>) -> Option<Refusal> {
    if change.call.route.verb != Verb::Delete {
        return None;
    }
    let user = change.kind.rules.user(state.accepted(change.call), change.path)?;
    let noun = change.kind.message.trim_start_matches("compute#");
    let message = format!("The {noun} resource '{}' is already being used by '{user}'", change.path);
    Some(Refusal::new(Code::INVALID_ARGUMENT, "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", message))
}

/// The document as it will be read back.
fn drafted(change: &Change<'_>, draft: &Draft<'_>) -> Result<Map<String, Value>, Refusal> {
    let (call, kind) = (change.call, change.kind);
    let before = draft.before.and_then(Value::as_object);
    let mut document = match (call.route.verb, before) {
        (Verb::Update, Some(before)) => identity(before),
        (_, before) => before.cloned().unwrap_or_else(|| new_document(change)),
    };
    let mut sent = change.sent.clone();
    if let Some(before) = before {
        up_to_date(call, before, sent.remove("fingerprint"))?;
    }
    if let Some(own) = own(call, kind) {
        fields::expand_links(&[own.body], &mut sent, &call.project, "resource")?;
        (own.apply)(draft, &mut document, sent)?;
        fields::prune(&mut document);
    } else {
        fields::expand_links(kind.fields, &mut sent, &call.project, "resource")?;
        in_its_region(&document, &mut sent)?;
        fields::merge(&mut document, sent);
    }
    kind.rules.complete(draft, &mut document);
    // What is immutable to an update may have a method of its own.
    let kept = before.filter(|_| own(call, kind).is_none());
    if let Some(field) = kept.and_then(|before| fields::changed_for_good(kind.fields, before, &document)) {
        let value = document.get(field).unwrap_or(&Value::Null);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Err(Refusal::value(&format!("resource.{field}"), &value, "The field cannot be changed."));
    }
    kind.rules.check(draft, &document)?;
    Ok(document)
}

/// Refuses a body that names another region than the URL. By its last part: clients write a region's name in several ways.
fn in_its_region(document: &Map<String, Value>, sent: &mut Map<String, Value>) -> Result<(), Refusal> {
    let Some(own) = document.get("region").and_then(Value::as_str) else { return Ok(()) };
    match sent.remove("region").as_ref().and_then(Value::as_str) {
        Some(other) if links::last(own) != links::last(other) => {
            Err(Refusal::value("resource.region", other, "The region is not that of the request."))
        }
        _ => Ok(()),
    }
}

/// Refuses an update whose fingerprint is not the current one.
fn up_to_date(call: &Call, before: &Map<String, Value>, sent: Option<Value>) -> Result<(), Refusal> {
    let patches = matches!(call.route.verb, Verb::Patch | Verb::Update);
    match before.get("fingerprint") {
        Some(fingerprint) if patches && sent.as_ref() != Some(fingerprint) => Err(Refusal::new(
            Code::of_http(412),
            "conditionNotMet",
            "Supplied fingerprint does not match current metadata fingerprint.",
        )),
        _ => Ok(()),
    }
}

/// The fields that every new document has.
fn new_document(change: &Change<'_>) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("kind".to_owned(), change.kind.message.into());
    document.insert("id".to_owned(), change.call.draw.id().into());
    document.insert("creationTimestamp".to_owned(), written(change.call.now).into());
    document.insert("selfLink".to_owned(), links::full(change.path).into());
    if let (Some(region), true) = (change.call.region(), change.kind.regional) {
        let region = format!("projects/{}/regions/{region}", change.call.project);
        document.insert("region".to_owned(), links::full(&region).into());
    }
    document
}

/// The fields that a full update keeps.
fn identity(before: &Map<String, Value>) -> Map<String, Value> {
    let kept = ["kind", "id", "name", "creationTimestamp", "selfLink", "region"];
    before.iter().filter(|(name, _)| kept.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}
