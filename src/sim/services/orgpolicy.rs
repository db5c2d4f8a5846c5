//! Organization policies: list constraints of a project, and the checks of those that concern egress.
//! <https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{Field, any, text},
        links,
        service::Service,
    },
    http::{call::Call, route::Verb},
    services::shared::address_space::SUBNETWORKS,
    state::State,
    store::kind::{Audited, Kind, Plain},
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

/// The effective policy: without a policy a list constraint allows everything.
pub fn effective(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "orgpolicy.policy.get", &call.path)?;
    let everything = || json!({"name": call.path, "spec": {"rules": [{"allowAll": true}]}});
    Ok(state.seen(&KIND, &call.path, call).unwrap_or_else(everything))
}

/// Refuses a router or subnetwork that violates a policy of the project.
pub fn check(state: &State, call: &Call, kind: &Kind, document: &Map<String, Value>) -> Result<(), Refusal> {
    if kind.collection == "compute.routers" {
        let nats = document.get("nats").and_then(Value::as_array).into_iter().flatten();
        let listed = nats.flat_map(|nat| nat["subnetworks"].as_array().into_iter().flatten());
        for subnet in listed.filter_map(|one| one["name"].as_str()).map(links::path) {
            if !allows(state, call, "compute.restrictCloudNATUsage", subnet) {
                let why = format!(" {subnet} is not allowed to use Cloud NAT.");
                return Err(violated(call, "compute.restrictCloudNATUsage", &why));
            }
        }
    }
    if kind.collection == SUBNETWORKS && call.route.verb == Verb::Create {
        let logs = document.get("logConfig").unwrap_or(&Value::Null);
        let sampling = logs["flowSampling"].as_f64().unwrap_or(0.5);
        let level = match logs["enable"] == true {
            false => "none",
            true if sampling >= 1.0 => "COMPREHENSIVE",
            true if sampling >= 0.5 => "LIGHT",
            true => "ESSENTIAL",
        };
        if !allows(state, call, "compute.requireVpcFlowLogs", level) {
            return Err(violated(call, "compute.requireVpcFlowLogs", ""));
        }
    }
    Ok(())
}

/// Refuses a connector if its API is restricted.
pub fn check_connector(state: &State, call: &Call) -> Result<(), Refusal> {
    const NAME: &str = "gcp.restrictServiceUsage";
    if allows(state, call, NAME, "vpcaccess.googleapis.com") {
        return Ok(());
    }
    let message = format!(
        "Request is disallowed by organization's constraints/{NAME} constraint for projects/{} attempting to use \
         service 'vpcaccess.googleapis.com'.",
        state.number(&call.project)
    );
    Err(Refusal::new(Code::PERMISSION_DENIED, "forbidden", message).with(json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RESOURCE_USAGE_RESTRICTION_VIOLATED",
        "domain": "googleapis.com",
        "metadata": {"consumer": format!("projects/{}", call.project)},
    })))
}

/// <https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints>
fn violated(call: &Call, name: &str, why: &str) -> Refusal {
    let message = format!("Constraint constraints/{name} violated for projects/{}.{why}", call.project);
    Refusal::new(Code::of_http(412), "conditionNotMet", message)
}

/// Whether a project's policy allows a value, listed by itself or by a hierarchy that it is under.
fn allows(state: &State, call: &Call, name: &str, value: &str) -> bool {
    let path = format!("projects/{}/policies/{name}", call.project);
    let Some(policy) = state.accepted(call).get(&path) else { return true };
    let above = state.projects.get(&call.project).map(|project| project.ancestors.as_slice()).unwrap_or_default();
    let project = format!("projects/{}", call.project);
    let names = |listed: &str| match listed.split_once(':') {
        Some(("under", tree)) => tree == project || above.iter().any(|one| one == tree),
        Some(("is", exact)) => value == exact,
        _ => value == listed,
    };
    let rules = || policy["spec"]["rules"].as_array().into_iter().flatten();
    let values = |field: &'static str| {
        let lists = rules().flat_map(move |rule| rule["values"][field].as_array().into_iter().flatten());
        lists.filter_map(Value::as_str)
    };
    let denied = rules().any(|rule| rule["denyAll"] == true) || values("deniedValues").any(names);
    let listed = values("allowedValues").next().is_some();
    !denied && (!listed || rules().any(|rule| rule["allowAll"] == true) || values("allowedValues").any(names))
}
