//! The Compute Engine API: reads of every kind, and its other methods.

pub mod addresses;
pub mod change;
pub mod effective_firewalls;
pub mod firewall_policies;
pub mod firewalls;
pub mod instances;
pub mod lists;
pub mod nats;
pub mod networks;
pub mod project;
pub mod quotas;
pub mod references;
pub mod regions;
pub mod routers;
pub mod routes;
pub mod routing;
pub mod subnetworks;

use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        links,
    },
    http::{
        call::Call,
        route::{Target, Verb},
    },
    state::State,
    store::kind::Kind,
};

use lists::{PAGE, by_scope};

pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    match (call.route.target, call.route.verb) {
        (Target::Project, _) => project::get(state, call),
        (Target::Locations, _) => regions::answer(state, call),
        (Target::Operations, Verb::AggregatedList) => aggregated_operations(state, call),
        (Target::Operations, verb) => operation(state, call, verb),
        (Target::Kind(kind), Verb::Get) => get(state, call, kind),
        (Target::Kind(kind), Verb::List) => list(state, call, kind),
        (Target::Kind(kind), Verb::AggregatedList) => aggregated(state, call, kind),
        (Target::Kind(_), Verb::Custom("getEffectiveFirewalls")) => effective_firewalls::answer(state, call),
        (Target::Kind(kind), Verb::Custom("getRule")) => {
            get(state, call, kind).and_then(|policy| firewall_policies::rule_of(&policy, call.parameter("priority")))
        }
        (Target::Kind(_), Verb::Custom("getRouterStatus")) => routing::status(state, call),
        (Target::Kind(_), Verb::Custom("listPeeringRoutes")) => routing::peering_routes(state, call),
        (Target::Kind(kind), Verb::Create | Verb::Patch | Verb::Update | Verb::Delete | Verb::Custom(_)) => {
            change::change(state, call, kind)
        }
        _ => Err(Refusal::not_found(&call.path)),
    }
}

fn get(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.get", kind.permissions), &call.path)?;
    let mut document = state.seen(kind, &call.path, call).ok_or_else(|| Refusal::not_found(&call.path))?;
    if kind.collection == subnetworks::KIND.collection
        && call.parameters("views").any(|view| view == "WITH_UTILIZATION")
    {
        document["utilizationDetails"] = subnetworks::utilization(state.accepted(call), &call.path, &document);
    }
    Ok(document)
}

fn list(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.list", kind.permissions), &format!("projects/{}", call.project))?;
    let under = format!("{}/", call.path);
    let shown = lists::filter(call)?;
    let found = state.store.listed(kind.collection, &under, call.view());
    let found = found.map(|(path, document)| (path, presented(state, call, kind, document)));
    let (items, next) = call.page(found.filter(|(_, document)| shown.fits(document)), PAGE)?;
    let mut answer =
        json!({"kind": format!("{}List", kind.message), "id": call.path, "selfLink": links::full(&call.path)});
    if !items.is_empty() {
        answer["items"] = items.into();
    }
    if let Some(token) = next {
        answer["nextPageToken"] = token.into();
    }
    Ok(answer)
}

fn presented(state: &State, call: &Call, kind: &Kind, document: &Value) -> Value {
    let mut document = document.clone();
    kind.rules.present(state.accepted(call), &mut document);
    document
}

/// A kind's list of all regions.
fn aggregated(state: &State, call: &Call, kind: &'static Kind) -> Result<Value, Refusal> {
    state.may_read(call, &format!("{}.list", kind.permissions), &format!("projects/{}", call.project))?;
    if !call.unreachable().is_empty() && call.parameter("returnPartialSuccess") != Some("true") {
        return Err(Refusal::new(Code::of_http(503), "backendError", "Some regions cannot be reached. Try again."));
    }
    let under = format!("projects/{}/regions/", call.project);
    let shown = lists::filter(call)?;
    let found = state.store.listed(kind.collection, &under, call.view());
    let found = found.filter(|(path, _)| !call.is_unreachable(path));
    let found = found.map(|(path, document)| (path, (path, presented(state, call, kind, document))));
    let (page, next) = call.page(found.filter(|(_, (_, document))| shown.fits(document)), PAGE)?;
    Ok(by_scope(state, call, (kind.message, kind.segment), page.into_iter(), next))
}

/// Operations of all regions, and the global ones.
fn aggregated_operations(state: &State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, "compute.globalOperations.list", &project)?;
    let under = format!("{project}/");
    let shown = lists::filter(call)?;
    let found = state.operations.under(&under, call.now).filter(|(_, operation)| shown.fits(operation));
    let (page, next) = call.page(found.map(|(path, operation)| (path, (path, operation.clone()))), PAGE)?;
    Ok(by_scope(state, call, ("compute#operation", "operations"), page.into_iter(), next))
}

fn operation(state: &State, call: &Call, verb: Verb) -> Result<Value, Refusal> {
    let permission = if call.region().is_some() { "compute.regionOperations" } else { "compute.globalOperations" };
    match verb {
        Verb::List => {
            state.may_read(call, &format!("{permission}.list"), &format!("projects/{}", call.project))?;
            let under = format!("{}/", call.path);
            let shown = lists::filter(call)?;
            let found = state.operations.under(&under, call.now).filter(|(_, operation)| shown.fits(operation));
            let (items, next) = call.page(found, PAGE)?;
            Ok(json!({"kind": "compute#operationList", "id": call.path, "items": items, "nextPageToken": next}))
        }
        Verb::Get | Verb::Custom("wait") => {
            state.may_read(call, &format!("{permission}.get"), &call.path)?;
            state.operations.get(&call.path, call.now).cloned().ok_or_else(|| Refusal::not_found(&call.path))
        }
        _ => Err(Refusal::not_found(&call.path)),
    }
}
