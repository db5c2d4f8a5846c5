//! Every key of the policy that decides something is shown to do so by a case: without it, the case ends otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};

use egress_reconciler::domain::policy;
use serde_json::Value;

use crate::{
    case_file::Case,
    cases::{files, play, runtime},
};

/// Keys that decide nothing about a network: who we are, what is ours to look at, why somebody wants it so, and where reports
/// go.
const OTHERS: [&str; 7] = [
    "version",
    "owner",
    "scope.projects",
    "scope.regions",
    "firewall.internet.reason",
    "reports.topic",
    "reports.in_sync",
];

/// Every key of the schema with those it lies in: `firewall.ingress.harden`. A list's keys are those of its entries.
fn keys() -> Vec<String> {
    let schema = serde_json::to_value(policy::schema()).unwrap();
    let mut keys = Vec::new();
    collect(&schema, &schema, "", &mut keys);
    keys.sort();
    keys.dedup();
    keys
}

fn collect(schema: &Value, of: &Value, path: &str, keys: &mut Vec<String>) {
    if let Some(name) = of["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return collect(schema, &schema["$defs"][name], path, keys);
    }
    for choice in ["anyOf", "oneOf"].iter().filter_map(|word| of[*word].as_array()).flatten() {
        collect(schema, choice, path, keys);
    }
    if of["items"].is_object() {
        collect(schema, &of["items"], path, keys);
    }
    for (name, inner) in of["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let before = keys.len();
        collect(schema, inner, &path, keys);
        if keys.len() == before {
            keys.push(path);
        }
    }
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
