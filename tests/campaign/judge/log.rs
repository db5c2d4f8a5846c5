//! The log of calls, the answers and the reports.

use std::collections::{BTreeMap, BTreeSet};

use egress_reconciler::app::simulated::Logged;
use serde_json::Value;

use super::{Evidence, Failure};
use crate::{cloud::RUNNER, deeds::Deed};

/// Calls of one run: it looks four times at most, and repeats what fails for half a minute.
const MAX_CALLS_A_RUN: u64 = 400;
/// Calls for each target over a whole scene: some twenty runs with all that they write and wait for.
const MAX_CALLS_A_TARGET: usize = 2500;
/// And for each second of its deeds: while every read is refused, what is delivered again is tried again.
const MAX_CALLS_A_SECOND: usize = 6;

pub fn judge(evidence: &Evidence<'_>, failures: &mut Vec<Failure>) {
    let mut fail = |rule, text: String| failures.push(Failure { rule, text });
    for status in evidence.statuses.iter().filter(|status| ![200, 204, 207, 429].contains(status)) {
        fail("an answer is one of those promised", status.to_string());
    }
    for (at, report) in &evidence.reports {
        let calls: u64 =
            report["calls"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
        if calls > MAX_CALLS_A_RUN {
            fail(
                "a run makes a bounded number of calls",
                format!("{at} {}: {calls}, {}", report["target"], report["calls"]),
            );
        }
    }
    let targets = evidence.scene.projects.len() * evidence.scene.regions.len();
    let ours = evidence.calls.iter().filter(|call| call.caller == RUNNER).count();
    let deeds: u64 = evidence.scene.deeds.iter().map(|(pause, _)| pause.as_secs()).sum();
    if ours > (MAX_CALLS_A_TARGET + MAX_CALLS_A_SECOND * deeds as usize) * targets {
        fail("a scene takes a bounded number of calls", format!("{ours} for {targets} targets"));
    }
    let modes: BTreeSet<&str> = evidence.policies.iter().filter_map(|(_, policy)| policy["mode"].as_str()).collect();
    let writes: Vec<&Logged> = evidence.calls.iter().filter(|call| is_write(call)).collect();
    if let Some(write) = writes.first().filter(|_| modes.iter().all(|mode| *mode == "report")) {
        fail("nothing is written in mode report", format!("{} {}", write.call, write.url));
    }
    told(evidence, &writes, &mut fail);
}

pub fn is_write(call: &Logged) -> bool {
    call.caller == RUNNER && call.is_write() && !call.call.starts_with("pubsub")
}

/// Every write that Google took stands in a report.
fn told(evidence: &Evidence<'_>, writes: &[&Logged], fail: &mut impl FnMut(&'static str, String)) {
    // What was killed cannot tell, and where Google says that nothing was done nothing is told.
    let lies = |deed: &Deed| {
        let kinds = ["fail-operation", "lose-operation", "reset-after", "truncate", "stale"];
        matches!(deed, Deed::Kill { .. })
            || matches!(deed, Deed::Fault(fault) if kinds.iter().any(|kind| fault["kind"] == *kind) || fault["method"].to_string().contains("perations") || fault["method"] == "*")
    };
    if evidence.done.iter().any(|(_, deed)| lies(deed)) {
        return;
    }
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for step in evidence.reports.iter().flat_map(|(_, report)| report["steps"].as_array().into_iter().flatten()) {
        if step["outcome"]["state"] != "skipped" {
            *told.entry(step["step"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    let mut seen = BTreeSet::new();
    let mut made: BTreeMap<String, i64> = BTreeMap::new();
    for write in writes.iter().filter(|write| write.status == 200) {
        let request = write.url.split("requestId=").nth(1).map(str::to_owned);
        if request.is_none_or(|request| seen.insert(request)) {
            *made.entry(step(write)).or_default() += 1;
        }
    }
    for (step, count) in made {
        let known = told.get(&step).copied().unwrap_or(0);
        if known < count {
            fail("every change is reported", format!("{step} was written {count} times and reported {known} times"));
        }
    }
}

/// `kind/name`, as a report names the step.
fn step(write: &Logged) -> String {
    let path = write.url.split('?').next().unwrap_or_default();
    let kinds = [
        ("firewalls", "firewall"),
        ("subnetworks", "subnet"),
        ("routers", "router"),
        ("connectors", "connector"),
        ("networks", "network"),
    ];
    let kind = kinds.iter().find(|(segment, _)| path.contains(&format!("/{segment}"))).map_or("", |(_, kind)| kind);
    let asked = write.url.split("connectorId=").nth(1).and_then(|rest| rest.split('&').next());
    let name = match write.method.as_str() {
        "POST" => asked.or(write.body["name"].as_str()),
        _ => path.rsplit('/').next(),
    };
    format!("{kind}/{}", name.unwrap_or_default())
}

/// The notes of a report as one text, to look for names in.
pub fn said(report: &Value) -> String {
    let parts = ["steps", "withheld", "waitingOn", "blockedBy", "findings"];
    parts.iter().map(|part| report[*part].to_string()).collect()
}
