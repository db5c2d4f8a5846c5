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

use super::{deploy, errors::not_found, knative};

pub fn answer(state: &mut State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    match call.route.verb {
        Verb::List => list(state, call, kind),
        // A single resource is served by regional hosts only.
        _ if matches!(call.region(), None | Some("-")) => Err(not_found(call, kind)),
        Verb::Get if kind.rules.within().is_some() => nested(state, call, kind),
        Verb::Get => {
            let found = lro::get(state, call, kind)?.ok_or_else(|| not_found(call, kind))?;
            Ok(knative::written(kind, &call.path, state.number(&call.project), &found))
        }
        Verb::Create | Verb::Update => {
            let sent = knative::read(kind, call)?;
            lro::change(state, call, kind, &sent, deploy::deploy)?;
            let made = state.seen(kind, &call.path, call).unwrap_or_default();
            Ok(knative::written(kind, &call.path, state.number(&call.project), &made))
        }
        Verb::Delete => {
            lro::change(state, call, kind, &Map::new(), deploy::delete)?;
            Ok(json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}))
        }
        _ => Err(not_found(call, kind)),
    }
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
    let (page, next) = call.page(found.map(|(path, document)| (path, (path, document))), ("limit", 1000))?;
    let number = state.number(&call.project);
    let items: Vec<Value> = page.into_iter().map(|(path, it)| knative::written(kind, path, number, it)).collect();
    let mut metadata = json!({});
    if let Some(token) = next {
        metadata["continue"] = token.into();
    }
    let (version, noun) = (knative::version(kind), kind.noun());
    Ok(json!({"apiVersion": version, "kind": format!("{noun}List"), "metadata": metadata, "items": items}))
}
