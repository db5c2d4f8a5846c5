//! Is it installed right? Every check is a pure function from what was read to a line: what is so, and the one command that
//! mends it where it is not.
//!
//! [`project`] looks at what a project allows, [`cloud_sql`] at connections to databases, [`network`] at where connectors are to stand, [`delivery`] at the way of an
//! event to the service and of a report from it, [`service`] at when that last happened, [`probe`] makes it happen. What
//! cannot be read is `unknown`, never right.

pub mod agents;
pub mod cloud_sql;
pub mod constraints;
pub mod delivery;
pub mod facts;
pub mod network;
pub mod probe;
pub mod project;
pub mod service;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::{
    state::read::{FailureKind, ReadFailure},
    text::{reads::beyond_permissions, shell},
};

/// In the order of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    Ok,
    /// It works, and may not for long, or not for all.
    Warn,
    /// It could not be looked at.
    Unknown,
    Bad,
}

impl Mark {
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warn, Self::Unknown, Self::Bad];

    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Bad => "bad",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    pub mark: Mark,
    pub subject: String,
    pub text: String,
    /// A command to paste, or, where there is none, what to change.
    #[serde(rename = "mend", skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Line {
    fn ok(subject: &str, text: impl Into<String>) -> Self {
        Self { mark: Mark::Ok, subject: subject.to_owned(), text: text.into(), fix: None }
    }

    fn warn(subject: &str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { mark: Mark::Warn, fix: Some(fix.into()), ..Self::ok(subject, text) }
    }

    fn bad(subject: &str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { mark: Mark::Bad, fix: Some(fix.into()), ..Self::ok(subject, text) }
    }

    /// The policy file, which all else is checked against.
    pub fn policy(file: &str, wrong: Option<&str>) -> Self {
        match wrong {
            None => Self::ok("policy", format!("{file} is right")),
            Some(why) => Self::bad("policy", why, format!("egress-reconciler policy check {}", shell::word(file))),
        }
    }

    /// Nobody said which one, so nothing can be told of it.
    pub fn not_named(subject: &str, flag: &str) -> Self {
        let fix = format!("egress-reconciler doctor {flag}");
        Self { mark: Mark::Unknown, ..Self::warn(subject, "not specified, so not checked", fix) }
    }
}

/// A read by which the doctor looks: Google's method, the permission that it asks, and the smallest role that has it.
const LOOKS: [(&str, &str, &str); 14] = [
    ("serviceusage.services.batchGet", "serviceusage.services.get", "roles/serviceusage.serviceUsageViewer"),
    (
        "cloudresourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.getIamPolicy",
        "roles/iam.securityReviewer",
    ),
    ("cloudresourcemanager.projects", "resourcemanager.projects.get", "roles/browser"),
    ("orgpolicy.", "orgpolicy.policy.get", "roles/orgpolicy.policyViewer"),
    ("networkconnectivity.", "networkconnectivity.internalRanges.list", "roles/compute.networkViewer"),
    ("pubsub.projects.topics.getIamPolicy", "pubsub.topics.getIamPolicy", "roles/iam.securityReviewer"),
    ("pubsub.projects.topics", "pubsub.topics.get", "roles/pubsub.viewer"),
    ("pubsub.projects.subscriptions", "pubsub.subscriptions.get", "roles/pubsub.viewer"),
    ("logging.entries", "logging.logEntries.list", "roles/logging.viewer"),
    ("logging.", "logging.sinks.get", "roles/logging.viewer"),
    ("sql.", "cloudsql.instances.get", "roles/cloudsql.viewer"),
    ("run.", "run.services.list", "roles/run.viewer"),
    ("vpcaccess.", "vpcaccess.connectors.list", "roles/vpcaccess.viewer"),
    ("compute.", "compute.projects.get", "roles/compute.viewer"),
];

/// A read that failed: what is missing to look.
pub fn unread(subject: &str, project: &str, failure: &ReadFailure) -> Line {
    let ReadFailure { call, kind, message, consumer } = failure;
    if let (FailureKind::Denied { .. }, Some((why, fix))) = (kind, beyond_permissions(message, project)) {
        let text = format!("{call} was denied: {why}");
        return Line { mark: Mark::Unknown, ..Line::warn(subject, text, fix) };
    }
    let look = LOOKS.iter().find(|(method, ..)| call.starts_with(method));
    let (text, fix) = match (kind, look) {
        (FailureKind::Denied { permission }, Some((_, usual, role))) => (
            format!("{call} was denied: looking needs `{}`", permission.as_deref().unwrap_or(usual)),
            format!("gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"),
        ),
        (FailureKind::ApiDisabled, _) => {
            let api = match call.split('.').next().unwrap_or(call) {
                "sql" => "sqladmin",
                api => api,
            };
            let project = consumer.as_deref().unwrap_or(project);
            let enable = format!("gcloud services enable {api}.googleapis.com --project={project}");
            (format!("{call} failed because its API is not enabled"), enable)
        }
        _ => (format!("{call} failed: {message}"), "egress-reconciler doctor".to_owned()),
    };
    Line { mark: Mark::Unknown, ..Line::warn(subject, text, fix) }
}
