//! Organization policies, as far as they are read: list constraints, in force for a project.
//! <https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies>

use serde_json::{Value, json};

use crate::sim::{
    answer::Refusal,
    call::Call,
    fields::{Field, any, text},
    kind::{Audited, Kind, Plain},
    service::Service,
    state::State,
};

pub static KIND: Kind = Kind {
    collection: "orgpolicy.policies",
    service: Service::OrgPolicy,
    segment: "policies",
    regional: false,
    methods: "orgpolicy.projects.policies",
    permissions: "orgpolicy.policy",
    message: "google.cloud.orgpolicy.v2.Policy",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Plain,
};

const FIELDS: &[Field] = &[text("name"), any("spec"), any("dryRunSpec"), text("etag")];

/// What is in force: without a policy of its own a list constraint allows everything.
pub fn effective(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "orgpolicy.policy.get", &call.path)?;
    let everything = || json!({"name": call.path, "spec": {"rules": [{"allowAll": true}]}});
    Ok(state.seen(&KIND, &call.path, call).unwrap_or_else(everything))
}
