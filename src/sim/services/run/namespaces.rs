//! The Cloud Run Admin API v1, which gcloud uses: the resources of v2 in Knative form.
//! <https://cloud.google.com/run/docs/reference/rest/v1/namespaces.jobs>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{errors::Refusal, links},
    http::{call::Call, route::Verb},
    services::shared::lro,
    state::State,
    store::kind::Kind,
};

use super::{deploy, errors::not_found, executions, jobs, knative, selector::Selector};

pub fn answer(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    match call.route.verb {
        Verb::List => list(state, call, kind),
        // A single resource is served by regional hosts only.
        _ if matches!(call.region(), None | Some("-")) => Err(not_found(call, kind)),
        Verb::Get if kind.rules.within().is_some() => nested(state, call, kind),
        Verb::Get => {
            state.may_read(call, &format!("{}.get", kind.permissions), &call.path)?;
            shown(state, call, kind)
        }
        Verb::Custom("run") if *kind == jobs::KIND => executions::run(state, call),
        Verb::Create | Verb::Update => {
            let sent = knative::read(kind, call)?;
            lro::change(state, call, kind, &sent, deploy::deploy)?;
            shown(state, call, kind)
        }
        Verb::Delete => {
            lro::change(state, call, kind, &Map::new(), deploy::delete)?;
            Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
        }
        _ => Err(not_found(call, kind)),
    }
}

/// The resource that the call is about.
fn shown(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let found = state.store.seen(&call.path, call.view()).ok_or_else(|| not_found(call, kind))?;
    Ok(written(state, call, kind, &call.path, found))
}

fn written(state: &State, call: &Call, kind: &'static Kind, path: &str, document: &Value) -> Value {
    let mut document = document.clone();
    if *kind == jobs::KIND {
        executions::sum_up(state, call, path, &mut document);
    }
    knative::written(kind, path, state.number(&call.project), &document)
}

/// An execution or a revision, whose owner the URL does not have.
fn nested(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.get", kind.permissions), &call.path)?;
    let under = format!("projects/{}/locations/{}/", call.project, call.region().unwrap_or_default());
    let name = links::last(&call.path);
    let mut all = state.store.listed(kind.collection, &under, call.view());
    let found = all.find(|(path, _)| links::last(path) == name).ok_or_else(|| not_found(call, kind))?;
    Ok(knative::written(kind, found.0, state.number(&call.project), found.1))
}

/// The resources of a region, or of all regions.
fn list(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, &format!("{}.list", kind.permissions), &project)?;
    let under = match call.region() {
        None | Some("-") => format!("{project}/locations/"),
        Some(region) => format!("{project}/locations/{region}/"),
    };
    let found = state.store.listed(kind.collection, &under, call.view());
    let found = found.filter(|(path, _)| !call.is_unreachable(path));
    let selector = call.parameter("labelSelector").unwrap_or_default();
    let selected = Selector::parse(selector).ok_or_else(|| {
        Refusal::invalid(format!("The labelSelector {selector:?} is not one of equalities, sets and keys."))
    })?;
    let written = found.map(|(path, document)| (path, written(state, call, kind, path, document)));
    let fitting = written.filter(|(_, document)| selected.fits(&document["metadata"]["labels"]));
    let (items, next) = call.page(fitting, ("limit", 1000))?;
    let mut metadata = json!({});
    if let Some(token) = next {
        metadata["continue"] = token.into();
    }
    let (version, noun) = (knative::version(kind), kind.noun());
    let mut answer =
        json!({"apiVersion": version, "kind": format!("{noun}List"), "metadata": metadata, "items": items});
    if !call.unreachable().is_empty() {
        answer["unreachable"] = call.unreachable().into();
    }
    Ok(answer)
}
