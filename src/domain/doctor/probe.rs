//! The probe: an audit entry that changes nothing, told from all others by its id, whose run always reports.
//!
//! It is an entry like any other: it names a target and asks for a look there. So it can do no more than a deploy can, and
//! whoever may publish to the sink's topic can do that anyway; all it adds is that the report is sent though it says nothing
//! new.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Line;
use crate::domain::{audit::signal::PROBE, target::Target};

/// The synthetic entry: a job that nobody made was made.
pub fn entry(target: &Target, id: &str, now: Timestamp) -> Value {
    let Target { project, region } = target;
    let job = format!("egress-reconciler-{PROBE}{id}");
    json!({
        "logName": format!("projects/{project}/logs/cloudaudit.googleapis.com%2Factivity"),
        "insertId": format!("{PROBE}{id}"),
        "timestamp": now,
        "receiveTimestamp": now,
        "severity": "NOTICE",
        "resource": {"type": "cloud_run_job", "labels": {"project_id": project, "location": region, "job_name": job}},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "run.googleapis.com",
            "methodName": "google.cloud.run.v2.Jobs.CreateJob",
            "resourceName": format!("projects/{project}/locations/{region}/jobs/{job}"),
            "authenticationInfo": {"principalSubject": "egress-reconciler doctor"},
            "request": {},
            "status": {},
        },
    })
}

/// Whether a report, as JSON, answers the probe.
pub fn is_answer(report: &Value, id: &str) -> bool {
    let wanted = format!("/{PROBE}{id}");
    let triggers = report["triggers"].as_array().into_iter().flatten();
    triggers.filter_map(|trigger| trigger["eventId"].as_str()).any(|event| event.ends_with(&wanted))
}

/// How it went: the report and how long it took, or none within the time.
pub fn line(target: &Target, answer: Option<(&Value, Duration)>, waited: Duration) -> Line {
    let subject = format!("probe of {target}");
    match answer {
        Some((report, took)) => {
            let outcome = report["outcome"].as_str().unwrap_or("unknown");
            Line::ok(&subject, format!("its report came after {:.1} s, outcome {outcome}", took.as_secs_f64()))
        }
        None => {
            let text = format!("no report came within {} s", waited.as_secs());
            let read = "gcloud logging read 'resource.type=\"cloud_run_revision\" AND severity>=WARNING' --freshness=10m \
                        --project=PROJECT";
            Line::bad(&subject, text, read)
        }
    }
}

/// It could not be sent, or its answer not be listened for.
pub fn not_sent(target: &Target, why: &str, fix: &str) -> Line {
    Line::bad(&format!("probe of {target}"), why, fix)
}
