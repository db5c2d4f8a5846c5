//! A deploy that was refused because its connector does not exist is not forgotten.

use serde_json::Value;

use super::{Evidence, Failure, log::said, seconds};
use crate::{cloud::time, deeds::Deed};

pub fn judge(evidence: &Evidence<'_>, failures: &mut Vec<Failure>) {
    for entry in &evidence.audit {
        let payload = &entry["protoPayload"];
        let message = payload["status"]["message"].as_str().unwrap_or_default();
        let Some((before, _)) = message.split_once(" does not exist, or Cloud Run") else { continue };
        let Some((_, connector)) = before.rsplit_once("VPC connector ") else { continue };
        let workload = payload["resourceName"].as_str().unwrap_or_default();
        let at = time(&entry["timestamp"]);
        let heard = entry["insertId"].as_str().is_some_and(|id| evidence.heard.iter().any(|heard| heard == id));
        if !heard || evidence.killed_since(at) || is_settled(evidence, entry, connector, workload) {
            continue;
        }
        let name = connector.rsplit('/').next().unwrap_or_default();
        if !evidence.last.iter().any(|report| said(report).contains(name)) {
            let text = format!(
                "{at} {workload} was refused for want of {connector}; last: {:?}",
                evidence.last.iter().map(|report| &report["outcome"]).collect::<Vec<_>>()
            );
            failures.push(Failure { rule: "a refused deploy is not forgotten", text });
        }
    }
}

/// The connector came to be, the workload was deployed or deleted since, or a later deploy of it was refused (then that one
/// counts), a day went by, or the policy does not make it.
fn is_settled(evidence: &Evidence<'_>, entry: &Value, connector: &str, workload: &str) -> bool {
    let at = time(&entry["timestamp"]);
    let since = evidence.changes.iter().filter(|change| change.at >= at && change.document.is_some());
    let came = since.clone().any(|change| change.path == connector);
    let last_before = evidence.changes.iter().rfind(|change| change.at <= at && change.path == connector);
    let there = last_before.is_some_and(|change| change.document.is_some());
    let name = workload.rsplit('/').next().unwrap_or_default();
    let deployed =
        since.clone().any(|change| change.path.ends_with(&format!("/{name}")) && change.collection.starts_with("run."));
    let deleted = evidence.done.iter().any(|(when, deed)| {
        *when >= at && matches!(deed, Deed::Call { method, url, .. } if *method == http::Method::DELETE && url.ends_with(&format!("/{name}")))
    });
    let again = evidence.audit.iter().any(|other| {
        let payload = &other["protoPayload"];
        time(&other["timestamp"]) > at
            && payload["resourceName"] == workload
            && payload["status"]["message"].as_str().is_some_and(|text| text.contains("does not exist, or Cloud Run"))
    });
    let end = evidence.changes.last().map_or(at, |change| change.at);
    let jumped =
        evidence.done.iter().any(|(when, deed)| *when >= at && matches!(deed, Deed::Advance(by) if *by > 3600));
    came || there || deployed || deleted || again || jumped || seconds(end, at) > 80_000
}
