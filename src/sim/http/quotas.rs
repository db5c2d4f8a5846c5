//! Which of Google's quotas a call counts against.

use crate::sim::{
    api::service::Service,
    faults::quotas::{
        Bucket, HEAVY, LISTS, OPERATIONS, PROJECT, QUERIES, QUERIES_IN_REGION, Quota, READS, REGION, RUN_READS,
        RUN_REGION, RUN_WRITES, WRITES,
    },
};

use super::route::{Route, Target, Verb};

/// The bucket that a call counts against. None for services whose quotas are not simulated.
pub fn bucket_of(route: &Route) -> Option<Bucket> {
    let region = route.region.clone().filter(|region| region != "-");
    let reads = matches!(route.verb, Verb::Get | Verb::List | Verb::Custom("getIamPolicy" | "testIamPermissions"));
    let (quota, scope) = match (route.service, region.is_some()) {
        (Service::Compute, regional) => (compute(route), if regional { REGION } else { PROJECT }),
        (Service::Run, _) => (if reads { RUN_READS } else { RUN_WRITES }, RUN_REGION),
        // Google does not document the names of VPC Access's quotas.
        (Service::VpcAccess, _) => (if reads { READS } else { WRITES }, PROJECT),
        _ => return None,
    };
    Some(Bucket::new(route.service, quota, scope, region))
}

fn compute(route: &Route) -> Quota {
    match (route.target, route.verb) {
        (_, Verb::AggregatedList | Verb::Custom("wait" | "getEffectiveFirewalls")) => HEAVY,
        (Target::Operations, Verb::Get) => OPERATIONS,
        (_, Verb::Get) => READS,
        (_, Verb::List) => LISTS,
        _ if route.region.is_some() => QUERIES_IN_REGION,
        _ => QUERIES,
    }
}
