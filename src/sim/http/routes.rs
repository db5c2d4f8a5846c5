//! From a URL to a route.

use http::{HeaderMap, Method, Uri};

use crate::sim::{api::service::Service, store::kind::Kinds};

use super::{
    app_routes, flat_routes,
    hosts::{region_of, service_of},
    route::{Route, Target, Verb, on_one},
    urls::percent_decoded,
};

/// The route of a request; None if no simulated service has the URL.
pub fn read(kinds: Kinds, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Route> {
    let (service, path) = service_of(kinds, uri, headers)?;
    let decoded = percent_decoded(path)?;
    let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
    match (service, segments.as_slice()) {
        // In a namespace, what is nested elsewhere is not.
        (
            Service::Run,
            ["apis", _, version, "namespaces", project, nested @ ("executions" | "revisions"), rest @ ..],
        ) if method == Method::GET && rest.len() <= 1 => {
            let verb = if rest.is_empty() { Verb::List } else { Verb::Get };
            let target = Target::Kind(kinds.at(service, nested, true)?);
            Some(Route::new(service, version, project, region_of(uri, headers), target, rest.first().copied(), verb))
        }
        // Version 1 has no capital in it.
        (Service::Run, ["apis", _, version, "namespaces", project, "workerpools"]) if method == Method::GET => {
            let target = Target::Kind(kinds.at(service, "workerPools", true)?);
            Some(Route::new(service, version, project, region_of(uri, headers), target, None, Verb::List))
        }
        (Service::Run, ["apis", _, version, "namespaces", project, rest @ ..]) => {
            collection(kinds, service, method, version, project, region_of(uri, headers), rest)
        }
        // A hierarchical policy is in no project.
        (Service::Compute, ["compute", version, "locations", "global", "firewallPolicies", name, rest @ ..])
            if method == Method::GET =>
        {
            let verb = match rest {
                [] => Verb::Get,
                ["getRule"] => Verb::Custom("getRule"),
                _ => return None,
            };
            let target = Target::Kind(kinds.of_collection("compute.firewallPolicies")?);
            Some(Route::new(service, version, "", None, target, Some(*name), verb))
        }
        (Service::Compute, ["compute", version, "projects", project, rest @ ..]) => {
            compute(kinds, method, version, project, rest)
        }
        (Service::Usage, [version, "projects", project, "services", rest @ ..]) => apis(method, version, project, rest),
        (Service::Usage, [version, "projects", project, batch]) => {
            let verb = match (method.as_str(), *batch) {
                ("GET", "services:batchGet") => Verb::Custom("batchGet"),
                ("POST", "services:batchEnable") => Verb::Custom("batchEnable"),
                _ => return None,
            };
            Some(Route::new(service, version, project, None, Target::Apis, None, verb))
        }
        // The caller's permissions say which.
        (Service::ResourceManager, [version, "projects"]) if method == Method::GET => {
            Some(Route::new(service, version, "", None, Target::Project, None, Verb::List))
        }
        (Service::ResourceManager, [version, "projects", project]) => flat_routes::project(method, version, project),
        (Service::VpcAccess | Service::Run, [version, "projects", project, "locations", rest @ ..]) => {
            located(kinds, service, method, version, project, rest)
        }
        // The body has the project.
        (Service::Logging, [version, "entries:list"]) if method == Method::POST => {
            Some(Route::new(service, version, "", None, Target::Entries, None, Verb::List))
        }
        // The body has the project.
        (Service::Iam, [version, "permissions:queryTestablePermissions"]) if method == Method::POST => {
            let verb = Verb::Custom("queryTestablePermissions");
            Some(Route::new(service, version, "", None, Target::Project, None, verb))
        }
        // Organizations are not simulated: no caller has a permission in one.
        (Service::Logging, [version, "organizations" | "folders" | "billingAccounts", _, ..]) => {
            Some(Route::new(service, version, "", None, Target::Project, None, on_one(method).unwrap_or(Verb::Create)))
        }
        (Service::AppEngine, [version, "apps", app, rest @ ..]) => app_routes::route(kinds, method, version, app, rest),
        (service, segments) if service.is_flat() => flat_routes::route(kinds, service, method, segments),
        _ => None,
    }
}

fn compute(kinds: Kinds, method: &Method, version: &str, project: &str, rest: &[&str]) -> Option<Route> {
    let route =
        |region, target, name, verb| Some(Route::new(Service::Compute, version, project, region, target, name, verb));
    match rest {
        [] if method == Method::GET => route(None, Target::Project, None, Verb::Get),
        ["regions"] if method == Method::GET => route(None, Target::Locations, None, Verb::List),
        ["regions", region] if method == Method::GET => route(Some(region), Target::Locations, None, Verb::Get),
        ["aggregated", "operations"] if method == Method::GET => {
            route(None, Target::Operations, None, Verb::AggregatedList)
        }
        ["aggregated", segment] if method == Method::GET => {
            let kind = kinds.at(Service::Compute, segment, true)?;
            route(None, Target::Kind(kind), None, Verb::AggregatedList)
        }
        ["global", rest @ ..] => collection(kinds, Service::Compute, method, version, project, None, rest),
        ["regions", region, rest @ ..] => {
            collection(kinds, Service::Compute, method, version, project, Some(region), rest)
        }
        _ => None,
    }
}

/// Cloud Run and VPC Access: every resource is in a location.
fn located(
    kinds: Kinds,
    service: Service,
    method: &Method,
    version: &str,
    project: &str,
    rest: &[&str],
) -> Option<Route> {
    match rest {
        [] if method == Method::GET => {
            Some(Route::new(service, version, project, None, Target::Locations, None, Verb::List))
        }
        [region, owner @ ("services" | "workerPools"), name, "revisions", rest @ ..]
            if service == Service::Run && method == Method::GET && rest.len() <= 1 =>
        {
            let verb = if rest.is_empty() { Verb::List } else { Verb::Get };
            let target = Target::Kind(kinds.at(service, "revisions", true)?);
            let route = Route::new(service, version, project, Some(region), target, rest.first().copied(), verb);
            Some(Route { within: Some(format!("{owner}/{name}")), ..route })
        }
        [region, "jobs", name, "executions", rest @ ..]
            if service == Service::Run && method == Method::GET && rest.len() <= 1 =>
        {
            let verb = if rest.is_empty() { Verb::List } else { Verb::Get };
            let target = Target::Kind(kinds.at(service, "executions", true)?);
            let route = Route::new(service, version, project, Some(region), target, rest.first().copied(), verb);
            Some(Route { within: Some(format!("jobs/{name}")), ..route })
        }
        [region, rest @ ..] if !rest.is_empty() => {
            collection(kinds, service, method, version, project, Some(region), rest)
        }
        _ => None,
    }
}

fn apis(method: &Method, version: &str, project: &str, rest: &[&str]) -> Option<Route> {
    let route = |name, verb| Some(Route::new(Service::Usage, version, project, None, Target::Apis, name, verb));
    match rest {
        [] if method == Method::GET => route(None, Verb::List),
        [name] if method == Method::GET => route(Some(*name), Verb::Get),
        [name] if method == Method::POST => route(Some(name.strip_suffix(":enable")?), Verb::Custom("enable")),
        _ => None,
    }
}

/// `COLLECTION`, `COLLECTION/NAME`, `COLLECTION/NAME/VERB`, and Cloud Run's `COLLECTION/NAME:VERB`.
fn collection(
    kinds: Kinds,
    service: Service,
    method: &Method,
    version: &str,
    project: &str,
    region: Option<&str>,
    rest: &[&str],
) -> Option<Route> {
    let segment = *rest.first()?;
    let target = if segment == "operations" {
        Target::Operations
    } else {
        // Cloud Run's kinds are regional, even if the host has no region and the call is for all of them.
        let kind = kinds.at(service, segment, region.is_some() || service == Service::Run)?;
        // Nested resources have other URLs.
        Some(kind).filter(|kind| kind.rules.within().is_none()).map(Target::Kind)?
    };
    let (name, verb) = match rest {
        [_] => (None, if method == Method::GET { Verb::List } else { only(method, Method::POST, Verb::Create)? }),
        // The regional form of this method is on the collection, and the network is a parameter.
        [_, "getEffectiveFirewalls"] if segment == "firewallPolicies" => {
            (None, only(method, Method::GET, Verb::Custom("getEffectiveFirewalls"))?)
        }
        [_, name] if service == Service::Run && name.contains(':') => {
            let (name, verb) = name.split_once(':')?;
            let runs = segment == "jobs" && verb == "run" && method == Method::POST;
            (Some(name), if runs { Verb::Custom("run") } else { on_iam_policy(method, verb)? })
        }
        [_, name] => (Some(*name), on_one(method)?),
        [_, name, "getEffectiveFirewalls"] if segment == "networks" => {
            (Some(*name), only(method, Method::GET, Verb::Custom("getEffectiveFirewalls"))?)
        }
        [_, name, "getRouterStatus"] if segment == "routers" => {
            (Some(*name), only(method, Method::GET, Verb::Custom("getRouterStatus"))?)
        }
        [_, name, "getRule"] if segment == "firewallPolicies" => {
            (Some(*name), only(method, Method::GET, Verb::Custom("getRule"))?)
        }
        [_, name, "listPeeringRoutes"] if segment == "networks" => {
            (Some(*name), only(method, Method::GET, Verb::Custom("listPeeringRoutes"))?)
        }
        [_, name, verb] if service == Service::Compute => {
            (Some(*name), only(method, Method::POST, Verb::Custom(own(target, verb)?))?)
        }
        _ => return None,
    };
    Some(Route::new(service, version, project, region, target, name, verb))
}

/// Compute's custom methods that use POST.
fn own(target: Target, verb: &str) -> Option<&'static str> {
    match target {
        Target::Kind(kind) => kind.rules.custom_methods().iter().find(|own| own.name == verb).map(|own| own.name),
        Target::Operations => (verb == "wait").then_some("wait"),
        _ => None,
    }
}

fn on_iam_policy(method: &Method, verb: &str) -> Option<Verb> {
    match (method.as_str(), verb) {
        ("GET", "getIamPolicy") => Some(Verb::Custom("getIamPolicy")),
        ("POST", "setIamPolicy") => Some(Verb::Custom("setIamPolicy")),
        ("POST", "testIamPermissions") => Some(Verb::Custom("testIamPermissions")),
        _ => None,
    }
}

fn only(method: &Method, wanted: Method, verb: Verb) -> Option<Verb> {
    (*method == wanted).then_some(verb)
}
