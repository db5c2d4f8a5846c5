//! Who may do what.

use std::collections::BTreeMap;

use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::{
    answer::{Code, Refusal},
    glob::matches,
    route::Service,
};

/// Permission globs by e-mail address; a project without them lets everybody do everything.
pub type Policy = Option<BTreeMap<String, Vec<String>>>;

/// The caller: a bearer token that is an e-mail address is the caller's name.
pub fn caller(headers: &HeaderMap, otherwise: &str) -> String {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.map(str::trim).filter(|token| token.contains('@')).unwrap_or(otherwise).to_owned()
}

/// One permission that was asked for, on one resource.
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

/// Google's words for the first permission that is missing.
pub fn refusal(service: Service, grants: &[Grant]) -> Option<Refusal> {
    let Grant { permission, on, .. } = grants.iter().find(|grant| !grant.granted)?;
    Some(match service {
        Service::Compute => {
            Refusal::new(Code::PERMISSION_DENIED, "forbidden", format!("Required '{permission}' permission for '{on}'"))
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

/// The refusal of a service whose API the project has not enabled.
pub fn disabled(service: Service, number: &str) -> Refusal {
    let host = service.host();
    let title = match service {
        Service::Compute => "Compute Engine API",
        Service::VpcAccess => "Serverless VPC Access API",
        Service::Run => "Cloud Run Admin API",
        Service::Usage => "Service Usage API",
        Service::ResourceManager => "Cloud Resource Manager API",
    };
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
