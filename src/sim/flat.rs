//! Services whose resources stand in a project without a region and change at once: Pub/Sub, Logging, Organization Policy
//! and Network Connectivity.

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    answer::{Code, Refusal},
    call::Call,
    clock::written,
    fields, iam,
    kind::Kind,
    kinds::{org_policies, sinks, subscriptions},
    links, lro, mail,
    route::{Route, Target, Verb, on_one},
    service::Service,
    state::State,
};

const PAGE: usize = 1000;
/// Methods of a resource's own, which follow its name after a colon.
const OWN: [&str; 6] = ["publish", "pull", "acknowledge", "getIamPolicy", "testIamPermissions", "getEffectivePolicy"];

/// `projects/P/COLLECTION`, `projects/P/COLLECTION/NAME` and `projects/P/COLLECTION/NAME:VERB`.
pub fn route(service: Service, method: &Method, segments: &[&str]) -> Option<Route> {
    let (version, project, segment, rest) = match segments {
        [version, "projects", project, "locations", "global", segment, rest @ ..]
            if service == Service::NetworkConnectivity =>
        {
            (version, project, segment, rest)
        }
        [version, "projects", project, segment, rest @ ..] => (version, project, segment, rest),
        _ => return None,
    };
    let target = Target::Kind(Kind::at(service, segment, false)?);
    let (name, verb) = match rest {
        [] if method == Method::GET => (None, Verb::List),
        [] if method == Method::POST => (None, Verb::Create),
        [name] => match name.split_once(':') {
            Some((name, verb)) => (Some(name), own(verb)?),
            // Pub/Sub creates by PUT.
            None if method == Method::PUT && service == Service::PubSub => (Some(*name), Verb::Create),
            None => (Some(*name), on_one(method)?),
        },
        _ => return None,
    };
    Some(Route::new(service, version, project, None, target, name, verb))
}

/// `projects/P` of Resource Manager, and `projects/P:VERB`.
pub fn project(method: &Method, version: &str, segment: &str) -> Option<Route> {
    let (project, verb) = match segment.split_once(':') {
        Some((project, verb)) => (project, own(verb)?),
        None if method == Method::GET => (segment, Verb::Get),
        _ => return None,
    };
    Some(Route::new(Service::ResourceManager, version, project, None, Target::Project, None, verb))
}

fn own(verb: &str) -> Option<Verb> {
    OWN.into_iter().find(|own| *own == verb).map(Verb::Own)
}

pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let Target::Kind(kind) = call.route.target else { return Err(not_found(call)) };
    match call.route.verb {
        Verb::List => lro::list(state, call, kind, PAGE),
        Verb::Get => found(state, call, kind, "get"),
        Verb::Create => create(state, call, kind),
        Verb::Patch | Verb::Update => change(state, call, kind),
        Verb::Delete => delete(state, call, kind),
        Verb::Own("getEffectivePolicy") => org_policies::effective(state, call),
        Verb::Own("getIamPolicy") => {
            found(state, call, kind, "getIamPolicy").map(|_| iam::shown(state.iam(&call.project)))
        }
        Verb::Own("testIamPermissions") => Ok(iam::tested(state, call)),
        Verb::Own("publish") => found(state, call, kind, "publish").and_then(|_| mail::publish(state, call)),
        Verb::Own("pull") => found(state, call, kind, "consume").map(|it| mail::pull(state, call, &it)),
        Verb::Own("acknowledge") => found(state, call, kind, "consume").map(|_| mail::acknowledge(state, call)),
        _ => Err(not_found(call)),
    }
}

/// The resource, for whoever may do `verb` to it.
fn found(state: &State, call: &Call, kind: &'static Kind, verb: &str) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.{verb}", kind.permissions), &call.path)?;
    state.seen(kind, &call.path, call).ok_or_else(|| not_found(call))
}

fn not_found(call: &Call) -> Refusal {
    lro::not_found(&match call.route.service {
        Service::PubSub => format!("Resource not found (resource={}).", links::last(&call.path)),
        _ => format!("Resource not found: {}", call.path),
    })
}

fn create(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, &format!("{}.create", kind.permissions), &project)?;
    let mut sent = sent(call, kind)?;
    // The name of a sink is in the body, that of all others in the URL.
    let path = match (call.route.service, sent.get("name").and_then(Value::as_str)) {
        (Service::Logging, Some(name)) => format!("{}/{name}", call.path),
        _ => call.path.clone(),
    };
    if state.standing(call).get(&path).is_some() {
        let message = format!("Resource already exists in the project (resource={}).", links::last(&path));
        return Err(Refusal::new(Code::ALREADY_EXISTS, "alreadyExists", message));
    }
    if *kind == subscriptions::KIND {
        subscriptions::complete(state, call, &mut sent)?;
    }
    if *kind == sinks::KIND {
        sinks::complete(state.number(&call.project), &mut sent);
        sent.insert("createTime".to_owned(), written(call.now).into());
    }
    sent.insert(kind.named_by().to_owned(), path.clone().into());
    write(state, call, kind, &path, sent)
}

/// What was sent replaces what it names; an update mask is not read.
fn change(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let before = found(state, call, kind, "update")?.as_object().cloned().unwrap_or_default();
    let mut document = before.clone();
    fields::merge(&mut document, sent(call, kind)?);
    if let Some(field) = fields::changed_for_good(kind.fields, &before, &document) {
        return Err(Refusal::invalid(format!("Invalid update_mask provided: the field {field} cannot be changed.")));
    }
    write(state, call, kind, &call.path, document)
}

/// What the body says; Pub/Sub wraps it for a change.
fn sent(call: &Call, kind: &Kind) -> Result<Map<String, Value>, Refusal> {
    let noun = kind.segment.trim_end_matches('s');
    let body = call.object();
    let wrapped = matches!(call.route.verb, Verb::Patch) && body.get(noun).is_some();
    fields::check(kind.fields, if wrapped { &body[noun] } else { &body }, noun)
}

fn write(
    state: &mut State,
    call: &Call,
    kind: &'static Kind,
    path: &str,
    mut document: Map<String, Value>,
) -> Result<Value, Refusal> {
    fields::prune(&mut document);
    let document = Value::Object(document);
    state.store.write(kind, path, call.now, Some(document.clone()));
    Ok(document)
}

fn delete(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    found(state, call, kind, "delete")?;
    state.store.write(kind, &call.path, call.now, None);
    state.mail.forget(&call.path);
    Ok(json!({}))
}
