//! Compute's quotas of resources.

use crate::sim::{
    api::errors::{Code, Refusal},
    http::call::Call,
    state::State,
    store::kind::Kind,
};

/// The quotas that an egress path counts against, with their default limits.
/// <https://cloud.google.com/vpc/docs/quota>
const QUOTAS: [(&str, &str, u32); 4] = [
    ("NETWORKS", "compute.networks", 50),
    ("FIREWALLS", "compute.firewalls", 1000),
    ("ROUTERS", "compute.routers", 200),
    ("SUBNETWORKS", "compute.subnetworks", 500),
];

/// The metric, the limit and the usage of every quota.
pub fn quotas(state: &State, call: &Call) -> Vec<(&'static str, u32, usize)> {
    let given = state.projects.get(&call.project).map(|project| &project.quotas);
    let quota = |(metric, collection, usual): (&'static str, &str, u32)| {
        let limit = given.and_then(|given| given.get(metric)).copied().unwrap_or(usual);
        let under = format!("projects/{}/", call.project);
        (metric, limit, state.accepted(call).all(collection).filter(|(path, _)| path.starts_with(&under)).count())
    };
    QUOTAS.map(quota).to_vec()
}

/// Refuses a creation that would exceed the quota.
pub fn spend(state: &State, call: &Call, kind: &Kind) -> Result<(), Refusal> {
    let Some((metric, ..)) = QUOTAS.iter().find(|(_, collection, _)| *collection == kind.collection) else {
        return Ok(());
    };
    let used_up = |(own, limit, used): &(&str, u32, usize)| own == metric && *used >= *limit as usize;
    quotas(state, call).into_iter().find(used_up).map_or(Ok(()), |(metric, limit, _)| {
        let message = format!("Quota '{metric}' exceeded. Limit: {limit}.0 globally.");
        Err(Refusal::new(Code::PERMISSION_DENIED, "quotaExceeded", message))
    })
}
