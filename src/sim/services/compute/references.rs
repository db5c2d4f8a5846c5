//! Links from one resource to another, and the permission that a link to a network needs.

use serde_json::{Map, Value};

use crate::sim::{
    api::{errors::Refusal, links},
    store::kind::Draft,
};

/// The path of the resource that a field refers to: it must exist and be ready.
pub fn reference(draft: &Draft<'_>, document: &Map<String, Value>, field: &str) -> Result<String, Refusal> {
    let link =
        document.get(field).and_then(Value::as_str).ok_or_else(|| Refusal::required(&format!("resource.{field}")))?;
    ready(draft, link)
}

/// The path of a linked resource, if it exists and is ready.
pub fn ready(draft: &Draft<'_>, link: &str) -> Result<String, Refusal> {
    let path = links::path(link);
    if draft.accepted.in_flight(path) {
        return Err(Refusal::not_ready(path));
    }
    draft.accepted.get(path).map(|_| path.to_owned()).ok_or_else(|| Refusal::not_found(path))
}

/// The permission to change a network's firewall policy.
pub fn update_policy(document: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let network = document.get("network").and_then(Value::as_str).unwrap_or_default();
    vec![("compute.networks.updatePolicy", links::path(network).to_owned())]
}
