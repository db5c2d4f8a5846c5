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
}

fn list<'a>(report: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    report[name].as_array().into_iter().flatten()
}

fn is_rule(step: &str) -> bool {
    step.starts_with("firewall/")
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
                if !all[at].surely_denied() && !opens(policy, *packet) {
                    fail("scoped is told of what is", say());
                    break;
                }
                // Another's deny may stop a part of it, and is told elsewhere.
                let ours = all[at].surely_denied() && !foreign[at].surely_denied();
                // Under a mode that repairs nothing a rule that a person changed stays, and the report says so.
                let held = list(report, "withheld").any(|held| held["step"].as_str().is_some_and(is_rule));
                let is_told = held || list(report, "blockedBy").next().is_some();
                if ours && (at < CONTROL || opens(policy, *packet)) && !is_told {
                    fail("what the policy opens is not stopped by us", say());
                    break;
                }
            }
        }
    }
}
