//! Documents, byte for byte: what is not ours stays as it is, and what has a user is not deleted.

use serde_json::Value;

use super::{Evidence, Failure, is_ours, now::Now, seconds};
use crate::history::Change;

pub fn judge(evidence: &Evidence<'_>, failures: &mut Vec<Failure>) {
    let mut now = Now::default();
    for change in &evidence.changes {
        if let Some(before) = now.get(&change.path).filter(|_| change.by == "program") {
            written(evidence, &now, change, before, failures);
        }
        now.apply(change);
    }
}

fn written(evidence: &Evidence<'_>, now: &Now<'_>, change: &Change, before: &Value, failures: &mut Vec<Failure>) {
    let mut fail =
        |rule, text: String| failures.push(Failure { rule, text: format!("{} {}: {text}", change.at, change.path) });
    // A person may have taken the stamp off while the write was on its way.
    let untouched = |change: &Change| {
        let mut others = evidence.changes.iter().filter(|other| other.path == change.path && other.by == "person");
        !others.any(|other| (0..120).contains(&seconds(change.at, other.at)))
    };
    let scene = evidence.scene;
    match change.collection {
        "vpcaccess.connectors" => {
            let ours = now.connector(scene, &change.path).is_some_and(|connector| connector.ours);
            // A state that moves on by itself is no write.
            let same = change.document.as_ref().is_some_and(|document| document["subnet"] == before["subnet"]);
            if !ours && !same {
                fail("nothing of another's is written", format!("{before} became {:?}", change.document));
            }
            let users: Vec<&str> = now
                .all("run.jobs")
                .chain(now.all("run.services"))
                .filter(|(path, user)| {
                    let since = evidence.changes.iter().rfind(|other| other.path == *path && other.at <= change.at);
                    let long = since.is_none_or(|other| seconds(change.at, other.at) > 400);
                    long && user["deleteTime"].is_null() && names(user, path, &change.path)
                })
                .map(|(path, _)| path)
                .collect();
            if scene.used.contains(&change.path) && change.document.as_ref().is_none_or(|it| it["state"] == "DELETING")
            {
                fail("no connector with a user is deleted", "a revision, function or version uses it".into());
            }
            if change.document.is_none() && before["state"] == "READY" && !users.is_empty() {
                fail("no connector with a user is deleted", format!("{users:?} use it"));
            }
        }
        collection if collection.starts_with("compute.") => {
            let automatic =
                evidence.policies_at(change.at).iter().any(|policy| policy["firewall"]["replace_auto"] == true)
                    && change.path.contains("/firewalls/automatic-");
            if !is_ours(&change.path, before) && !automatic && untouched(change) {
                fail("nothing of another's is written", format!("{before} became {:?}", change.document));
            }
            if collection == "compute.routers" {
                lost_gateways(evidence, change, before, &mut fail);
            }
        }
        _ => {}
    }
}

/// Whether a workload at `path` names the connector.
fn names(workload: &Value, path: &str, connector: &str) -> bool {
    let short = connector.rsplit('/').next().unwrap();
    let place = |path: &str| path.split('/').take(4).map(str::to_owned).collect::<Vec<_>>();
    let access = [&workload["template"]["template"]["vpcAccess"], &workload["template"]["vpcAccess"]];
    access
        .iter()
        .filter_map(|access| access["connector"].as_str())
        .any(|named| named == connector || named == short && place(path) == place(connector))
}

/// Gateways on our router that another operator made stay, each as it was. Only one that came between our read and our
/// write can be lost, and then a report says so.
fn lost_gateways(
    evidence: &Evidence<'_>,
    change: &Change,
    before: &Value,
    fail: &mut impl FnMut(&'static str, String),
) {
    let gateways = |router: &Value| -> Vec<Value> {
        let all = router["nats"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|nat| nat["name"] != "egress-nat").collect()
    };
    let Some(after) = &change.document else { return };
    let after = gateways(after);
    let lost: Vec<Value> = gateways(before).into_iter().filter(|nat| !after.contains(nat)).collect();
    if lost.is_empty() {
        return;
    }
    let raced = evidence.changes.iter().any(|other| {
        other.path == change.path && other.by == "person" && (0..15).contains(&seconds(change.at, other.at))
    });
    let told =
        evidence.reports.iter().any(|(at, report)| *at >= change.at && report.to_string().contains("router-raced"));
    if !raced || !told && !evidence.killed_since(change.at) {
        fail("another's gateway on our router stays", format!("lost {}, raced {raced}, told {told}", lost[0]["name"]));
    }
}
