//! Callers, permissions, and the errors of a missing permission.

use std::collections::BTreeMap;

use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::{
    errors::{Code, Refusal},
    glob::matches,
    service::Service,
};

/// Permission globs by e-mail address; without them every caller has every permission.
pub type Policy = Option<BTreeMap<String, Vec<String>>>;

/// The caller: a bearer token that is an e-mail address.
pub fn caller(headers: &HeaderMap, otherwise: &str) -> String {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.map(str::trim).filter(|token| token.contains('@')).unwrap_or(otherwise).to_owned()
}

/// One permission that was checked on a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub permission: String,
    /// The path of the resource.
    pub on: String,
    pub granted: bool,
}

pub fn allows(policy: &Policy, caller: &str, permission: &str) -> bool {
    let Some(policy) = policy else { return true };
    policy.get(caller).is_some_and(|globs| globs.iter().any(|glob| matches(glob, permission)))
}

/// Roles that a service's default policy shows for callers that have all of their permissions.
const ROLES: [(Service, &str, &[&str]); 3] = [
    (Service::ResourceManager, "roles/compute.networkUser", &["compute.networks.use", "compute.subnetworks.use"]),
    (Service::ResourceManager, "roles/cloudsql.client", &["cloudsql.instances.connect", "cloudsql.instances.get"]),
    (Service::PubSub, "roles/pubsub.publisher", &["pubsub.topics.publish"]),
];

/// A principal in the form of policies and audit entries.
pub fn member(email: &str) -> String {
    let kind = if email.ends_with(".gserviceaccount.com") { "serviceAccount" } else { "user" };
    format!("{kind}:{email}")
}

/// Google's agents of a project, with the roles that are bound to them when an API is enabled.
/// <https://cloud.google.com/iam/docs/service-agents>
fn agents(number: &str) -> [(&'static str, String); 3] {
    [
        ("roles/run.serviceAgent", format!("service-{number}@serverless-robot-prod.iam.gserviceaccount.com")),
        ("roles/vpcaccess.serviceAgent", format!("service-{number}@gcp-sa-vpcaccess.iam.gserviceaccount.com")),
        ("roles/editor", format!("{number}@cloudservices.gserviceaccount.com")),
    ]
}

/// The policy that `getIamPolicy` shows if none was set: its roles are derived from the permissions. A project's agents have
/// their roles, unless the world lists the agent. `number` is the project's.
pub fn shown(policy: &Policy, service: Service, number: &str) -> Value {
    let members = |permissions: &[&str]| match policy {
        None => vec!["allUsers".to_owned()],
        Some(emails) => {
            let all = |email: &&String| permissions.iter().all(|permission| allows(policy, email, permission));
            emails.keys().filter(all).map(|email| member(email)).collect()
        }
    };
    let roles = ROLES.iter().filter(|(of, ..)| *of == service);
    let bindings = roles.map(|(_, role, permissions)| (*role, members(permissions)));
    let bindings = bindings.filter(|(_, members)| !members.is_empty());
    let listed = |email: &String| policy.as_ref().is_some_and(|emails| emails.contains_key(email));
    let of_project = (service == Service::ResourceManager).then(|| agents(number)).into_iter().flatten();
    let agents = of_project.filter(|(_, email)| !listed(email)).map(|(role, email)| (role, vec![member(&email)]));
    let bindings = bindings.chain(agents);
    let bindings: Vec<Value> = bindings.map(|(role, members)| json!({"role": role, "members": members})).collect();
    if bindings.is_empty() { json!({"etag": "ACAB"}) } else { json!({"etag": "ACAB", "bindings": bindings}) }
}

/// The error for the first permission that is missing.
pub fn refusal(service: Service, grants: &[Grant]) -> Option<Refusal> {
    let Grant { permission, on, .. } = grants.iter().find(|grant| !grant.granted)?;
    Some(match service {
        Service::Compute => {
            Refusal::new(Code::PERMISSION_DENIED, "forbidden", format!("Required '{permission}' permission for '{on}'"))
        }
        // Pub/Sub does not name the permission.
        Service::PubSub => {
            Refusal::new(Code::PERMISSION_DENIED, "forbidden", "User not authorized to perform this action.")
        }
        _ => {
            let resource = if service == Service::Run { on.clone() } else { format!("//{}/{on}", service.host()) };
            let message = format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist).");
            Refusal::new(Code::PERMISSION_DENIED, "forbidden", message).with(json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "IAM_PERMISSION_DENIED",
                "domain": "iam.googleapis.com",
                "metadata": {"permission": permission, "resource": on},
            }))
        }
    })
}

/// The error of a service whose API is not enabled.
pub fn disabled(service: Service, number: &str) -> Refusal {
    let host = service.host();
    let title = service.title();
    let url = format!("https://console.developers.google.com/apis/api/{host}/overview?project={number}");
    let message = format!(
        "{title} has not been used in project {number} before or it is disabled. Enable it by visiting {url} then \
         retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and \
         retry."
    );
    Refusal::new(Code::PERMISSION_DENIED, "accessNotConfigured", message).with(error_info(&host, number))
}

fn error_info(host: &str, number: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": host, "consumer": format!("projects/{number}")},
    })
}
