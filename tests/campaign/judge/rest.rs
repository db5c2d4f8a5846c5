//! What is left when the trouble is over.

use serde_json::Value;

use super::{
    Evidence, Failure,
    log::said,
    now::{CONTROL, Now, PACKETS, opens},
};

/// Reasons that end with the faults that caused them.
const PASSING: [&str; 6] = ["denied", "read-failed", "api-disabled", "quota", "creation-refused", "unreadable"];

pub fn judge(evidence: &Evidence<'_>, failures: &mut Vec<Failure>) {
    let mut fail = |rule, text: String| failures.push(Failure { rule, text });
    if evidence.rounds.last() != Some(&0) {
        fail("it comes to rest", format!("writes in the last sweeps: {:?}", evidence.rounds));
    }
    let writes = evidence.policy()["mode"] != "report";
    for report in &evidence.fresh {
        let target = &report["target"];
        let same: Vec<&Value> = evidence.last.iter().filter(|last| last["target"] == *target).collect();
        if report["outcome"] == "failed" {
            fail("no run fails at rest", said(report));
        }
        let steps: Vec<String> =
            list(report, "steps").map(|step| format!("{} {}", step["verb"], step["step"])).collect();
        let held = same.iter().any(|last| list(last, "withheld").chain(list(last, "blockedBy")).next().is_some());
        if writes && !steps.is_empty() && !held {
            fail("at rest nothing is left to do", format!("{target}: {steps:?}"));
        }
        for note in list(report, "blockedBy").filter(|note| PASSING.iter().any(|code| note["code"] == *code)) {
            fail("what blocks is true", format!("{target}: {note}"));
        }
    }
    paths(evidence, &mut fail);
    gateways(evidence, &mut fail);
}

fn list<'a>(report: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    report[name].as_array().into_iter().flatten()
}

fn is_rule(step: &str) -> bool {
    step.starts_with("firewall/")
}

/// A connector of ours through which all traffic of a workload leaves has a way out, or a report says why not.
fn gateways(evidence: &Evidence<'_>, fail: &mut impl FnMut(&'static str, String)) {
    let (scene, policy) = (evidence.scene, evidence.policy());
    if policy["mode"] == "report" || policy["nat"]["ensure"] == "never" {
        return;
    }
    let mut now = Now::default();
    evidence.changes.iter().for_each(|change| now.apply(change));
    for (path, job) in now.all("run.jobs") {
        let access = &job["template"]["template"]["vpcAccess"];
        let named = access["connector"].as_str().unwrap_or_default();
        let Some(connector) = now.connector(scene, named).filter(|of| of.ours && now.sends(&of.path)) else { continue };
        if access["egress"] != "ALL_TRAFFIC" || is_exempted(policy, named) {
            continue;
        }
        let region = named.split('/').nth(3).unwrap_or_default();
        let subnet = now.subnet(scene, named).unwrap_or_default();
        let routers = now.all("compute.routers").filter(|(router, document)| {
            router.contains(&format!("/regions/{region}/")) && is_of(document, &scene.network())
        });
        let mut gateways = routers.flat_map(|(_, router)| list(router, "nats"));
        let covered = gateways.any(|nat| {
            nat["sourceSubnetworkIpRangesToNat"] != "LIST_OF_SUBNETWORKS"
                || list(nat, "subnetworks").any(|one| one["name"].as_str().is_some_and(|name| name.ends_with(&subnet)))
        });
        let project = named.split('/').nth(1).unwrap_or_default();
        let mut own = evidence
            .last
            .iter()
            .filter(|report| report["target"]["project"] == project && report["target"]["region"] == region);
        let is_told = |report: &Value| {
            let held = list(report, "withheld").chain(list(report, "blockedBy")).next().is_some();
            held || said(report).contains("route")
        };
        if !covered && !own.any(is_told) {
            fail("all traffic has a way out", format!("{path} by {}: {subnet} is in no gateway", connector.path));
        }
    }
}

fn is_exempted(policy: &Value, connector: &str) -> bool {
    let name = connector.rsplit('/').next().unwrap_or_default();
    list(policy, "exemptions").any(|entry| entry["connector"] == name)
}

fn is_of(document: &Value, network: &str) -> bool {
    document["network"].as_str().is_some_and(|named| named.ends_with(network))
}

/// What is told of egress is so.
fn paths(evidence: &Evidence<'_>, fail: &mut impl FnMut(&'static str, String)) {
    let (scene, policy) = (evidence.scene, evidence.policy());
    let mut now = Now::default();
    evidence.changes.iter().for_each(|change| now.apply(change));
    for report in &evidence.fresh {
        for egress in list(report, "egress").filter(|egress| egress["state"] == "scoped") {
            let path = egress["connector"].as_str().unwrap_or_default();
            let Some(connector) = now.connector(scene, path) else { continue };
            let (all, foreign) = (now.fates(scene, &connector, true), now.fates(scene, &connector, false));
            if all.iter().all(|fate| fate.surely_denied()) {
                fail("a path with nothing open is not scoped", format!("{path}: {:?}", all[0]));
            }
            for (at, packet) in PACKETS.iter().enumerate() {
                let say =
                    || format!("{path}: {packet:?} {:?}; foreign {:?}; said {}", all[at], foreign[at], said(report));
                if !all[at].surely_denied() && !opens(policy, &connector, *packet) {
                    fail("scoped is told of what is", say());
                    break;
                }
                // Another's deny may stop a part of it, and is told elsewhere.
                let ours = all[at].surely_denied() && !foreign[at].surely_denied();
                // Under a mode that repairs nothing a rule that a person changed stays, and the report says so.
                let held = list(report, "withheld").any(|held| held["step"].as_str().is_some_and(is_rule));
                let is_told = held || list(report, "blockedBy").next().is_some();
                if ours && (at < CONTROL || opens(policy, &connector, *packet)) && !is_told {
                    fail("what the policy opens is not stopped by us", say());
                    break;
                }
            }
        }
    }
}
