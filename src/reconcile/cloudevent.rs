//! A report as a CloudEvent in Pub/Sub's binary mode: attributes with the prefix `ce-`, the body alone as data.
//! <https://github.com/google/knative-gcp/blob/main/docs/spec/pubsub-protocol-binding.md>

use crate::domain::report::Report;

const TYPE: &str = "dev.egress-reconciler.report.v1";

/// The body, in camelCase.
pub fn body(report: &Report) -> String {
    // Strings, numbers, lists and maps with string keys always have a JSON form.
    serde_json::to_string(report).unwrap_or_default()
}

pub fn attributes(report: &Report) -> Vec<(String, String)> {
    [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-type", TYPE.to_owned()),
        ("ce-id", report.id.clone()),
        ("ce-source", report.source()),
        ("ce-subject", report.outcome.word().to_owned()),
        ("ce-time", report.done.to_string()),
        ("content-type", "application/json".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
