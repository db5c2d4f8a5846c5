//! What IAM policies grant: a binding grants a role's permissions to its members, on the resource of the policy and on
//! everything below it. Conditions are ignored.
//!
//! Custom roles grant their included permissions, predefined roles those of the table; other predefined roles can be bound
//! and grant nothing. <https://cloud.google.com/iam/docs/roles-permissions>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sim::{api::glob::matches, store::documents::Accepted};

/// Predefined roles, as globs of the permissions that the simulation checks.
const PREDEFINED: [(&str, &[&str]); 11] = [
    ("roles/owner", &["*"]),
    ("roles/cloudsql.client", &["cloudsql.instances.connect", "cloudsql.instances.get"]),
    ("roles/compute.networkUser", &["compute.networks.use", "compute.subnetworks.use"]),
    ("roles/iam.serviceAccountTokenCreator", &["iam.serviceAccounts.getOpenIdToken"]),
    ("roles/pubsub.publisher", &["pubsub.topics.publish"]),
    ("roles/pubsub.subscriber", &["pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"]),
    ("roles/run.developer", &["run.jobs.*", "run.services.*", "run.workerpools.*"]),
    ("roles/run.serviceAgent", &["vpcaccess.connectors.get", "vpcaccess.connectors.use"]),
    ("roles/run.invoker", &["run.routes.invoke"]),
    ("roles/secretmanager.secretAccessor", &["secretmanager.versions.access"]),
    ("roles/vpcaccess.user", &["vpcaccess.connectors.get", "vpcaccess.connectors.list", "vpcaccess.connectors.use"]),
];

/// Whether a policy of a resource, or of one above it, grants a permission to a caller.
pub fn grant(
    policies: &BTreeMap<String, Value>,
    accepted: Accepted<'_>,
    caller: &str,
    permission: &str,
    on: &str,
) -> bool {
    let above = on.match_indices('/').map(|(end, _)| &on[..end]);
    above.chain([on]).filter_map(|path| policies.get(path)).any(|policy| {
        let bindings = policy["bindings"].as_array().into_iter().flatten();
        bindings.into_iter().any(|binding| binds(binding, caller) && includes(accepted, &binding["role"], permission))
    })
}

fn binds(binding: &Value, caller: &str) -> bool {
    let mut members = binding["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
    members.any(|member| match member.split_once(':') {
        Some((_, email)) => email == caller,
        None => member == "allUsers" || (member == "allAuthenticatedUsers" && !caller.is_empty()),
    })
}

fn includes(accepted: Accepted<'_>, role: &Value, permission: &str) -> bool {
    let role = role.as_str().unwrap_or_default();
    if let Some((_, globs)) = PREDEFINED.iter().find(|(name, _)| *name == role) {
        return globs.iter().any(|glob| matches(glob, permission));
    }
    let custom = accepted.get(role);
    custom.filter(|role| role["deleted"] != true).is_some_and(|role| {
        role["includedPermissions"].as_array().into_iter().flatten().any(|included| included == permission)
    })
}
