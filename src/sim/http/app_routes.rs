//! App Engine: `apps/P`, whose id is its project's, with services and their versions. It is only read.
//! <https://cloud.google.com/appengine/docs/admin-api/reference/rest>

use http::Method;

use crate::sim::{
    api::service::Service,
    http::routes::{Route, Target, Verb},
    services::appengine as versions,
    store::kind::Kind,
};

/// Where an app is kept.
pub fn app_path(project: &str) -> String {
    format!("projects/{project}/apps")
}

/// Where a document is kept, by its name.
pub fn path_of(name: &str) -> Option<String> {
    let rest = name.strip_prefix("apps/")?;
    Some(match rest.split_once('/') {
        Some((project, rest)) => format!("{}/{rest}", app_path(project)),
        None => app_path(rest),
    })
}

pub fn route(method: &Method, version: &str, app: &str, rest: &[&str]) -> Option<Route> {
    if method != Method::GET {
        return None;
    }
    let route = |kind: &'static Kind, within: Option<&str>, name: Option<&str>| {
        let verb = if name.is_some() { Verb::Get } else { Verb::List };
        let route = Route::new(Service::AppEngine, version, app, None, Target::Kind(kind), name, verb);
        Some(Route { within: within.map(|service| format!("services/{service}")), ..route })
    };
    match *rest {
        [] => route(&versions::APP, None, Some(app)),
        ["services"] => route(&versions::SERVICE, None, None),
        ["services", name] => route(&versions::SERVICE, None, Some(name)),
        ["services", service, "versions"] => route(&versions::KIND, Some(service), None),
        ["services", service, "versions", name] => route(&versions::KIND, Some(service), Some(name)),
        _ => None,
    }
}
