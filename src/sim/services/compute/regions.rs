//! The regions of the world, as Compute lists them.

use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, links},
    http::{call::Call, route::Verb},
    services::vpcaccess::connectors,
    state::State,
};

use super::lists;

pub fn answer(state: &State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    let one = |region: &String| {
        let path = format!("{project}/regions/{region}");
        json!({
            "kind": "compute#region",
            "id": state.dice.fixed(region).id(),
            "name": region,
            "status": "UP",
            "selfLink": links::full(&path),
            "quotas": [cpus(state, call, region)],
        })
    };
    if call.route.verb == Verb::Get {
        state.may_read(call, "compute.regions.get", &call.path)?;
        // The dispatcher has checked that the region exists.
        return Ok(one(&call.region().unwrap_or_default().to_owned()));
    }
    state.may_read(call, "compute.regions.list", &project)?;
    let shown = lists::filter(call)?;
    let all = state.regions.iter().map(|region| (region.as_str(), one(region)));
    let (items, next) = call.page(all.filter(|(_, region)| shown.fits(region)), lists::PAGE)?;
    Ok(json!({"kind": "compute#regionList", "id": call.path, "items": items, "nextPageToken": next}))
}

/// The CPU quota of a region. Only connectors count towards its usage.
fn cpus(state: &State, call: &Call, region: &str) -> Value {
    let (limit, usage) = connectors::cpus(state, call, region);
    json!({"metric": "CPUS", "limit": limit, "usage": usage})
}
