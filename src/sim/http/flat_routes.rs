//! The URLs of flat services, `projects/P/[locations/R/][OUTER/NAME/]COLLECTION[/NAME][:VERB]`, and of projects.

use http::Method;
use serde_json::Value;

use crate::sim::{
    api::{links, service::Service},
    store::kind::{Kind, Kinds},
};

use super::route::{Route, Target, Verb, on_one};

/// Custom methods that do more than change the document.
const OWN: [&str; 11] = [
    "publish",
    "pull",
    "acknowledge",
    "getAncestry",
    "getIamPolicy",
    "setIamPolicy",
    "testIamPermissions",
    "getEffectivePolicy",
    "addVersion",
    "access",
    "run",
];

pub fn route(kinds: Kinds, service: Service, method: &Method, segments: &[&str]) -> Option<Route> {
    // Cloud SQL has both forms.
    let segments = match segments {
        ["sql", rest @ ..] if service == Service::SqlAdmin => rest,
        segments => segments,
    };
    let [version, "projects", project, rest @ ..] = segments else { return None };
    if let (["topics", topic, "subscriptions"], &Method::GET) = (rest, method) {
        let target = Target::Kind(kinds.at(service, "topics", false)?);
        let verb = Verb::Custom("subscriptions.list");
        return Some(Route::new(service, version, project, None, target, Some(topic), verb));
    }
    let (region, rest) = match rest {
        // Its only location is `global`.
        ["locations", "global", rest @ ..] if service == Service::NetworkConnectivity => (None, rest),
        ["locations"] if method == Method::GET && service == Service::Functions => {
            return Some(Route::new(service, version, project, None, Target::Locations, None, Verb::List));
        }
        ["locations", region, rest @ ..] => (Some(*region), rest),
        _ => (None, rest),
    };
    let (outer, rest) = match rest {
        [outer, name, rest @ ..] if !rest.is_empty() => (Some((*outer, *name)), rest),
        _ => (None, rest),
    };
    let (segment, rest) = rest.split_first()?;
    if *segment == "operations" {
        let name = rest.first().filter(|_| rest.len() == 1 && method == Method::GET)?;
        return Some(Route::new(service, version, project, region, Target::Operations, Some(name), Verb::Get));
    }
    let kind = kinds.at(service, segment, region.is_some())?;
    if kind.rules.within() != outer.map(|(outer, _)| outer) {
        return None;
    }
    let (name, verb) = match rest {
        [] if method == Method::GET => (None, Verb::List),
        [] if method == Method::POST => (None, Verb::Create),
        [name] => match name.split_once(':') {
            Some((name, verb)) => (Some(name), own(Some(kind), verb)?),
            // Pub/Sub creates by PUT.
            None if method == Method::PUT && service == Service::PubSub => (Some(*name), Verb::Create),
            None => (Some(*name), on_one(method)?),
        },
        _ => return None,
    };
    // `projects/-` with a service account takes the project from the account's address.
    let project = if *project == "-" { links::project_of_account(name?)? } else { project };
    let route = Route::new(service, version, project, region, Target::Kind(kind), name, verb);
    Some(Route { within: outer.map(|(outer, name)| format!("{outer}/{name}")), ..route })
}

/// `projects/P` of Resource Manager, and `projects/P:VERB`.
pub fn project(method: &Method, version: &str, segment: &str) -> Option<Route> {
    let (project, verb) = match segment.split_once(':') {
        Some((project, verb)) => (project, own(None, verb)?),
        None if method == Method::GET => (segment, Verb::Get),
        _ => return None,
    };
    Some(Route::new(Service::ResourceManager, version, project, None, Target::Project, None, verb))
}

fn own(kind: Option<&'static Kind>, verb: &str) -> Option<Verb> {
    let of_kind = kind.into_iter().flat_map(|kind| kind.rules.custom_methods()).map(|own| own.name);
    of_kind.chain(OWN).find(|own| *own == verb).map(Verb::Custom)
}

/// The name of a new resource: `secretId=` in the URL, `roleId` or `name` in the body. None if the service generates it.
pub fn new_name(route: &Route, project: &str, query: &[(String, String)], body: &Value) -> Option<String> {
    let Target::Kind(kind) = route.target else { return None };
    let in_url = query.iter().find(|(key, _)| key.ends_with("Id")).map(|(_, id)| id.as_str());
    let in_body = || body.as_object()?.iter().find(|(key, _)| key.ends_with("Id"))?.1.as_str();
    let id = in_url.or_else(in_body).or_else(|| body["name"].as_str().map(links::last))?;
    Some(kind.rules.name(id, project))
}
