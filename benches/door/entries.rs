//! Deliveries as Pub/Sub pushes them.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Of an audit entry of a job's execution.
const SIZE: usize = 2_400;

/// A job was run: its entry passes every sink that lets deployments pass, and means nothing to us.
pub fn irrelevant() -> Value {
    entry("google.cloud.run.v1.Jobs.RunJob")
}

/// A job was deployed: its region is looked at.
pub fn deploy() -> Value {
    entry("google.cloud.run.v1.Jobs.ReplaceJob")
}

fn entry(method: &str) -> Value {
    let mut entry = json!({
        "insertId": "1qy5m5de2u3f",
        "logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
        "receiveTimestamp": "2026-11-23T12:00:01.523004851Z",
        "resource": {
            "labels": {"job_name": "nightly-export", "location": "europe-west2", "project_id": "demo-project"},
            "type": "cloud_run_job",
        },
        "severity": "NOTICE",
        "timestamp": "2026-11-23T12:00:00.738292Z",
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": "scheduler@demo-project.iam.gserviceaccount.com"},
            "authorizationInfo": [{
                "granted": true,
                "permission": "run.jobs.run",
                "resource": "namespaces/demo-project/jobs/nightly-export",
                "resourceAttributes": {},
            }],
            "methodName": method,
            "request": {
                "@type": "type.googleapis.com/google.cloud.run.v1.RunJobRequest",
                "name": "namespaces/demo-project/jobs/nightly-export",
            },
            "requestMetadata": {
                "callerIp": "203.0.113.7",
                "callerSuppliedUserAgent": "Google-Cloud-Scheduler",
                "destinationAttributes": {},
                "requestAttributes": {"auth": {}, "time": "2026-11-23T12:00:00.745910Z"},
            },
            "resourceLocation": {"currentLocations": ["europe-west2"]},
            "resourceName": "namespaces/demo-project/jobs/nightly-export",
            "response": {
                "@type": "type.googleapis.com/google.cloud.run.v1.Execution",
                "apiVersion": "run.googleapis.com/v1",
                "kind": "Execution",
                "spec": {"parallelism": 1, "taskCount": 10, "template": {"spec": {"containers": [{
                    "image": "europe-docker.pkg.dev/demo-project/app/export:1",
                    "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}},
                }]}}},
            },
            "serviceName": "run.googleapis.com",
        },
    });
    let missing = SIZE.saturating_sub(entry.to_string().len() + r#","annotations":{"note":""}"#.len());
    entry["protoPayload"]["response"]["annotations"] = json!({"note": "x".repeat(missing)});
    entry
}

/// The whole request, its entry wrapped in a message.
pub fn push(entry: &Value, authorization: Option<&str>) -> Vec<u8> {
    let message = json!({
        "message": {
            "attributes": {"logging.googleapis.com/timestamp": entry["timestamp"]},
            "data": BASE64_STANDARD.encode(entry.to_string()),
            "messageId": "12345678901234567",
            "message_id": "12345678901234567",
            "publishTime": "2026-11-23T12:00:02.1Z",
            "publish_time": "2026-11-23T12:00:02.1Z",
        },
        "subscription": "projects/demo-project/subscriptions/audit",
    });
    let body = message.to_string();
    let authorization = authorization.map(|token| format!("authorization: {token}\r\n")).unwrap_or_default();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: egress-reconciler.example\r\ncontent-type: application/json\r\n\
         user-agent: APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)\r\n\
         accept-encoding: gzip, deflate, br\r\n{authorization}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}
