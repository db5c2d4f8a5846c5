//! URLs of App Engine: `apps/P`, whose id is the project's, with services and their versions. Read only.
//! <https://cloud.google.com/appengine/docs/admin-api/reference/rest>

use http::Method;

use crate::sim::{api::service::Service, store::kind::Kinds};

use super::route::{Route, Target, Verb};

pub fn route(kinds: Kinds, method: &Method, version: &str, app: &str, rest: &[&str]) -> Option<Route> {
    if method != Method::GET {
        return None;
    }
    let route = |segment: &str, within: Option<&str>, name: Option<&str>| {
        let kind = kinds.at(Service::AppEngine, segment, false)?;
        let verb = if name.is_some() { Verb::Get } else { Verb::List };
        let route = Route::new(Service::AppEngine, version, app, None, Target::Kind(kind), name, verb);
        Some(Route { within: within.map(|service| format!("services/{service}")), ..route })
    };
    match *rest {
        [] => route("", None, Some(app)),
        ["services"] => route("services", None, None),
        ["services", name] => route("services", None, Some(name)),
        ["services", service, "versions"] => route("versions", Some(service), None),
        ["services", service, "versions", name] => route("versions", Some(service), Some(name)),
        _ => None,
    }
}
