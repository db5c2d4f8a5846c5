//! Cloud Audit Logs: the entries of a call.
//!
//! A refused call has one entry. Compute and VPC Access write two for a change, at its start and at its end; Cloud Run writes
//! one for the call and, when the deployment is ready, a system event without a caller.
//! <https://cloud.google.com/logging/docs/audit/understanding-audit-logs>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        links,
        permissions::{self, Grant},
        service::Service,
    },
    store::clock::{after, written},
};

use super::change::{Change, strings};

/// The delay between the time of an entry and its routing.
const ROUTING: Duration = Duration::from_millis(400);

impl Change<'_> {
    /// The entry of a refused call.
    pub fn refused(&self, refusal: &Refusal) -> Value {
        let mut entry = self.activity(self.call.now, "refused", "");
        entry["severity"] = "ERROR".into();
        entry["protoPayload"]["status"] = refusal.status();
        self.with_request(entry)
    }

    /// The entry of an accepted call; Cloud Run has no `operation` in it.
    pub fn begun(&self, target_id: &str, operation: Option<&Value>) -> Value {
        let mut entry = self.with_request(self.activity(self.call.now, "first", target_id));
        let Some(operation) = operation else { return entry };
        entry["operation"] = self.operation("first", operation);
        let mut response = match self.call.route.service {
            Service::Compute => strings(operation),
            _ => json!({"name": operation["name"]}),
        };
        response["@type"] = match self.call.route.service {
            Service::Compute => "type.googleapis.com/operation".into(),
            _ => "type.googleapis.com/google.longrunning.Operation".into(),
        };
        entry["protoPayload"]["response"] = response;
        entry
    }

    /// The entry of the end of an operation.
    pub fn ended(&self, target_id: &str, operation: &Value, due: Timestamp, failure: Option<&Refusal>) -> Value {
        let mut entry = self.activity(due, "last", target_id);
        entry["operation"] = self.operation("last", operation);
        let compute = self.call.route.service == Service::Compute;
        let Some(payload) = entry["protoPayload"].as_object_mut() else { return entry };
        payload.remove("authorizationInfo");
        payload.insert("request".to_owned(), json!({"@type": self.request_type()}));
        if compute {
            payload.remove("resourceLocation");
        } else {
            payload.insert("status".to_owned(), json!({}));
        }
        if let Some(failure) = failure {
            payload.insert("status".to_owned(), failure.status());
            entry["severity"] = "ERROR".into();
        }
        entry
    }

    fn with_request(&self, mut entry: Value) -> Value {
        if let Some(request) = self.request() {
            entry["protoPayload"]["request"] = request;
        }
        entry
    }

    fn operation(&self, end: &str, operation: &Value) -> Value {
        json!({"id": operation["name"], "producer": self.call.route.service.host(), end: true})
    }

    fn activity(&self, at: Timestamp, which: &str, target_id: &str) -> Value {
        let call = self.call;
        let grants: Vec<Value> = self.grants.iter().map(|grant| self.authorization(grant)).collect();
        let mut insert_id = call.draw.and(which).hex(6);
        if call.route.service == Service::Compute {
            insert_id.insert(0, '-');
        }
        json!({
            "protoPayload": {
                "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
                "authenticationInfo": {
                    "principalEmail": call.caller,
                    "principalSubject": permissions::member(&call.caller),
                },
                "requestMetadata": {
                    "callerIp": "192.0.2.1",
                    "callerSuppliedUserAgent": call.agent,
                    "requestAttributes": {"time": written(at), "auth": {}},
                    "destinationAttributes": {},
                },
                "authorizationInfo": grants,
                "serviceName": call.route.service.host(),
                "methodName": self.method_name(),
                "resourceName": self.resource_name(),
                "resourceLocation": {"currentLocations": [call.region().unwrap_or("global")]},
            },
            "insertId": insert_id,
            "resource": {"type": self.kind.audited.resource, "labels": self.labels(target_id)},
            "timestamp": written(at),
            "severity": "NOTICE",
            "logName": format!("projects/{}/logs/cloudaudit.googleapis.com%2Factivity", call.project),
            "receiveTimestamp": written(after(at, ROUTING)),
        })
    }

    fn authorization(&self, grant: &Grant) -> Value {
        let mut info = json!({
            "permission": grant.permission,
            "granted": grant.granted,
            "permissionType": "ADMIN_WRITE",
            "resourceAttributes": {},
        });
        if self.call.route.service == Service::Compute {
            let kind = grant.permission.rsplit_once('.').map_or("", |(kind, _)| kind);
            info["resourceAttributes"] = json!({"service": "compute", "name": grant.on, "type": kind});
        } else {
            info["resource"] = self.resource_name().into();
        }
        info
    }

    fn labels(&self, target_id: &str) -> Value {
        let (call, audited) = (self.call, &self.kind.audited);
        let mut labels = json!({"project_id": call.project});
        labels[audited.id] = match call.route.service {
            Service::Compute => target_id.into(),
            Service::VpcAccess => self.method_name().into(),
            _ => links::last(self.path).into(),
        };
        if let (Some(label), Some(region)) = (audited.region, call.region()) {
            labels[label] = region.into();
        }
        if call.route.service == Service::VpcAccess {
            labels["service"] = call.route.service.host().into();
        }
        labels
    }
}

/// When an entry is routed.
pub fn routed(entry: &Value) -> Timestamp {
    entry["receiveTimestamp"].as_str().and_then(|time| time.parse().ok()).unwrap_or(Timestamp::MIN)
}

/// Cloud Run's system event of a deployment that is ready: no caller, no request, the resource in Knative's form.
pub fn settled(change: &Change<'_>, at: Timestamp, response: Value) -> Value {
    let call = change.call;
    let noun = change.kind.noun();
    let name = links::last(change.path);
    let method = change.method_name();
    let (interface, rpc) = method.rsplit_once('.').unwrap_or_default();
    json!({
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "status": {"message": format!("Ready condition status changed to True for {noun} {name}.")},
            "serviceName": call.route.service.host(),
            "methodName": format!("/{}.{rpc}", interface.rsplit('.').next().unwrap_or_default()),
            "resourceName": change.namespaced(),
            "response": response,
        },
        "insertId": call.draw.and("settled").hex(6),
        "resource": {"type": change.kind.audited.resource, "labels": change.labels("")},
        "timestamp": written(at),
        "severity": "INFO",
        "logName": format!("projects/{}/logs/cloudaudit.googleapis.com%2Fsystem_event", call.project),
        "receiveTimestamp": written(after(at, ROUTING)),
    })
}
