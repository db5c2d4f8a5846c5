//! From a route to the path of the resource or of the collection.

use serde_json::Value;

use crate::sim::api::{links, service::Service};

use super::{
    flat_routes,
    route::{Route, Target, Verb},
};

/// The path of the resource a call is about. A creation names it in the body or in a parameter.
pub fn path_of(route: &Route, project: &str, query: &[(String, String)], body: &Value) -> String {
    let region = route.region.as_deref();
    let parent = match (route.target, route.service, region) {
        // A project has one app.
        (Target::Kind(kind), Service::AppEngine, _) if kind.segment.is_empty() => return links::app(project),
        // Beside the projects there are hierarchical policies alone.
        (Target::Kind(_), ..) if route.project.is_empty() => "locations/global/firewallPolicies/".to_owned(),
        (Target::Kind(kind), ..) => kind.collection_path(project, region, route.within.as_deref()),
        (Target::Operations, Service::Compute, Some(region)) => {
            format!("projects/{project}/regions/{region}/operations/")
        }
        (Target::Operations, Service::Compute, None) => format!("projects/{project}/global/operations/"),
        (Target::Operations, _, region) => {
            format!("projects/{project}/locations/{}/operations/", region.unwrap_or("-"))
        }
        (Target::Apis, ..) => format!("projects/{project}/services/"),
        (Target::Locations, Service::Compute, _) => format!("projects/{project}/regions/"),
        (Target::Locations, ..) => format!("projects/{project}/locations/"),
        (Target::Project | Target::Entries, ..) => return format!("projects/{project}"),
    };
    let name = match (&route.name, route.verb, route.service) {
        (Some(name), ..) => Some(name.as_str()),
        (None, Verb::Create, service) if service.is_flat() => {
            let name = flat_routes::new_name(route, project, query, body).unwrap_or_default();
            return format!("{parent}{name}").trim_end_matches('/').to_owned();
        }
        (None, Verb::Create, Service::Compute) => body["name"].as_str(),
        (None, Verb::Create, _) if route.is_knative() => body["metadata"]["name"].as_str(),
        // `connectorId`, `jobId` and so on.
        (None, Verb::Create, _) => query.iter().find(|(key, _)| key.ends_with("Id")).map(|(_, id)| id.as_str()),
        (None, ..) => return parent.trim_end_matches('/').to_owned(),
    };
    format!("{parent}{}", name.unwrap_or_default())
}
