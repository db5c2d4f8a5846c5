//! Which service a request is for, and which region its host names.

use http::{HeaderMap, Uri, header::HOST};

use crate::sim::{api::service::Service, store::kind::Kinds};

/// By the prefix `/svc/NAME/`, else by the host, else by the form of the path.
pub fn service_of<'a>(kinds: Kinds, uri: &'a Uri, headers: &HeaderMap) -> Option<(Service, &'a str)> {
    let path = uri.path();
    if let Some((name, rest)) = path.strip_prefix("/svc/").and_then(|rest| rest.split_once('/')) {
        return Some((Service::named(name)?, rest));
    }
    let by_host = host_of(uri, headers).and_then(|host| host.strip_suffix(".googleapis.com")).map(|host| {
        // Cloud Run also answers on `REGION-run.googleapis.com`.
        if host.ends_with("-run") { "run" } else { host }
    });
    by_host.and_then(Service::named).or_else(|| by_look(kinds, path)).map(|service| (service, path))
}

fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.host().or_else(|| headers.get(HOST)?.to_str().ok()?.split(':').next())
}

/// The region in a host name: `europe-west1-run.googleapis.com`. gcloud prefixes it to every configured host.
pub fn region_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let label = host_of(uri, headers)?.split('.').next()?;
    label.rsplit_once('-').map(|(region, _)| region)
}

fn by_look(kinds: Kinds, path: &str) -> Option<Service> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["compute", ..] => Some(Service::Compute),
        [_, "projects", _, "topics" | "subscriptions", ..] => Some(Service::PubSub),
        [_, "projects", _, "sinks", ..] => Some(Service::Logging),
        [_, "projects", _, "policies", ..] => Some(Service::OrgPolicy),
        [_, "projects", _, "locations", "global", "internalRanges" | "policyBasedRoutes", ..] => {
            Some(Service::NetworkConnectivity)
        }
        ["v2" | "apis", ..] => Some(Service::Run),
        [_, "apps", ..] => Some(Service::AppEngine),
        [_, "projects", _, "locations", _, "functions", ..] => Some(Service::Functions),
        ["v1", "projects", _, "instances", ..] => Some(Service::SqlAdmin),
        [_, "projects", _] => Some(Service::ResourceManager),
        [_, "projects", _, "services" | "services:batchGet", ..] => Some(Service::Usage),
        // Both services have this path; only Cloud Run is called without its host.
        ["v1", "projects", _, "locations"] => Some(Service::Run),
        [_, "projects", _, "locations", _, segment, ..] if kinds.at(Service::Run, segment, true).is_some() => {
            Some(Service::Run)
        }
        [_, "projects", _, "locations", ..] => Some(Service::VpcAccess),
        _ => None,
    }
}
