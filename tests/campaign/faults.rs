//! Faults at Google, by chance.

use serde_json::{Value, json};

use crate::chance::Chance;

/// A fault at Google.
pub fn fault(chance: &mut Chance) -> Value {
    let reads = [
        "compute.firewalls.list",
        "compute.subnetworks.list",
        "compute.routers.*",
        "vpcaccess.*.list",
        "run.*.list",
        "*.list",
        "*",
    ];
    let writes = [
        "compute.firewalls.insert",
        "compute.firewalls.patch",
        "compute.firewalls.*",
        "compute.subnetworks.insert",
        "compute.routers.*",
        "vpcaccess.*.create",
        "compute.*.insert",
        "*.patch",
    ];
    let operations = ["compute.globalOperations.*", "compute.regionOperations.*", "vpcaccess.*.operations.get"];
    let kind = chance.pick(&[
        "refuse",
        "refuse",
        "refuse",
        "rate",
        "reset-before",
        "reset-after",
        "truncate",
        "stale",
        "lose-operation",
        "fail-operation",
        "slow",
        "page-loop",
    ]);
    let method = match kind {
        // A GET shows what was written; lists lag.
        "stale" => format!("{}.list", chance.pick(&reads).trim_end_matches(".list").trim_end_matches(".*")),
        "page-loop" => chance.pick(&reads).to_owned(),
        "lose-operation" | "fail-operation" => chance.pick(&writes).to_owned(),
        _ if chance.percent(35) => chance.pick(&reads).to_owned(),
        _ if chance.percent(15) => chance.pick(&operations).to_owned(),
        _ => chance.pick(&writes).to_owned(),
    };
    let nth = match chance.below(4) {
        0 => json!([1]),
        1 => json!([1, 2, 3]),
        2 => json!([1 + chance.below(12), 13 + chance.below(8)]),
        _ => json!("all"),
    };
    let mut fault = json!({"method": method, "nth": nth, "kind": kind});
    if kind == "refuse" {
        let (status, reason) = chance.pick(&[
            (503, "backendError"),
            (500, "INTERNAL_ERROR"),
            (429, "rateLimitExceeded"),
            (403, "forbidden"),
            (403, "quotaExceeded"),
            (409, "alreadyExists"),
            (404, "notFound"),
            (400, "resourceNotReady"),
            (409, "operationInProgress"),
            (412, "conditionNotMet"),
            (403, "accessNotConfigured"),
        ]);
        fault["status"] = status.into();
        fault["reason"] = reason.into();
    } else if kind == "rate" || kind == "slow" {
        fault["ms"] = chance.below(40_000).into();
    }
    fault
}
