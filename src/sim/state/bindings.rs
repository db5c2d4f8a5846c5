//! What IAM policies grant: a binding gives a role's permissions to its members, on the resource that has the policy and
//! on all that is below it. Conditions are not read.
//!
//! Custom roles grant what they include. Of Google's own those do that the table has; others can be bound, and grant
//! nothing. <https://cloud.google.com/iam/docs/roles-permissions>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sim::{api::glob::matches, store::documents::Standing};

/// Google's roles, as globs of the permissions that something here asks for.
const PREDEFINED: [(&str, &[&str]); 9] = [
    ("roles/owner", &["*"]),
    ("roles/compute.networkUser", &["compute.networks.use", "compute.subnetworks.use"]),
    ("roles/iam.serviceAccountTokenCreator", &["iam.serviceAccounts.getOpenIdToken"]),
    ("roles/pubsub.publisher", &["pubsub.topics.publish"]),
    ("roles/pubsub.subscriber", &["pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"]),
    ("roles/run.developer", &["run.jobs.*", "run.services.*", "run.workerpools.*"]),
    ("roles/run.invoker", &["run.routes.invoke"]),
    ("roles/secretmanager.secretAccessor", &["secretmanager.versions.access"]),
    ("roles/vpcaccess.user", &["vpcaccess.connectors.get", "vpcaccess.connectors.list", "vpcaccess.connectors.use"]),
];

/// Whether a policy on a resource, or on one above it, gives a permission to a caller.
pub fn grant(
    policies: &BTreeMap<String, Value>,
    standing: Standing<'_>,
    caller: &str,
    permission: &str,
    on: &str,
) -> bool {
    let above = on.match_indices('/').map(|(end, _)| &on[..end]);
    above.chain([on]).filter_map(|path| policies.get(path)).any(|policy| {
        let bindings = policy["bindings"].as_array().into_iter().flatten();
        bindings.into_iter().any(|binding| binds(binding, caller) && includes(standing, &binding["role"], permission))
    })
}

fn binds(binding: &Value, caller: &str) -> bool {
    let mut members = binding["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
    members.any(|member| match member.split_once(':') {
        Some((_, email)) => email == caller,
        None => member == "allUsers" || (member == "allAuthenticatedUsers" && !caller.is_empty()),
    })
}

fn includes(standing: Standing<'_>, role: &Value, permission: &str) -> bool {
    let role = role.as_str().unwrap_or_default();
    if let Some((_, globs)) = PREDEFINED.iter().find(|(name, _)| *name == role) {
        return globs.iter().any(|glob| matches(glob, permission));
    }
    let custom = standing.get(role);
    custom.filter(|role| role["deleted"] != true).is_some_and(|role| {
        role["includedPermissions"].as_array().into_iter().flatten().any(|included| included == permission)
    })
}
