//! Every key of the policy that decides something is shown to do so by a case: without it, the case ends otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use egress_reconciler::domain::policy;
use serde_json::Value;

use crate::{
    case_file::Case,
    cases::{files, play, runtime},
};

/// Keys that decide nothing about a network: who we are, what is ours to look at, and where reports go.
const OTHERS: [&str; 7] =
    ["version", "owner", "mode", "scope.projects", "scope.regions", "reports.topic", "reports.in_sync"];

/// `SECTION.KEY`, or the key of what is no section.
fn keys() -> Vec<String> {
    let schema = serde_json::to_value(policy::schema()).unwrap();
    let properties = |of: &Value| of["properties"].as_object().cloned().unwrap_or_default();
    let section = |of: &Value| {
        let name = of["$ref"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        properties(&schema["$defs"][name])
    };
    let mut keys = Vec::new();
    for (name, of) in properties(&schema) {
        let inner = section(&of);
        if inner.is_empty() {
            keys.push(name);
        } else {
            keys.extend(inner.keys().map(|key| format!("{name}.{key}")));
        }
    }
    keys
}

#[test]
fn every_key_changes_a_case() {
    let keys = keys();
    assert!(keys.len() > 30, "{keys:?}");
    assert!(OTHERS.iter().all(|other| keys.iter().any(|key| key == other)), "{keys:?}");
    let cases: Vec<Case> = files().iter().map(|path| Case::read(path)).collect();
    let matters = |key: &str| {
        cases.iter().filter_map(|case| Some((case, case.without(key)?))).any(|(case, without)| {
            // A policy that is wrong without the key, too, shows that it counts.
            match catch_unwind(AssertUnwindSafe(|| runtime().block_on(play(&without)))) {
                Ok(Ok(results)) => {
                    results.iter().any(|(name, found)| case.section(name).trim_end() != found.trim_end())
                }
                Ok(Err(_)) | Err(_) => true,
            }
        })
    };
    let idle: Vec<_> = keys.iter().filter(|key| !OTHERS.contains(&key.as_str())).filter(|key| !matters(key)).collect();
    assert!(idle.is_empty(), "no case ends otherwise without {idle:?}");
}
