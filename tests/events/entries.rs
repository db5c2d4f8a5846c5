//! Tables of entries: each file of `tests/entries` has a base and cases, each a JSON merge patch (RFC 7396) on it.

use std::{fs, path::Path, sync::LazyLock};

use egress_reconciler::domain::audit::{
    classify::{Disposition, OwnPrincipals, dispose},
    entry::Entry,
    scope::Scope,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{decide, scope};

const OWN: &str = "reconciler@demo-project.iam.gserviceaccount.com";

fn demo_scope() -> Scope {
    let numbers = [("111111111111", "demo-project")];
    scope(&["demo-project"], &["host-project"], &numbers, Some(&["europe-west2", "us-central1"]))
}

struct Case {
    name: String,
    entry: Value,
    expected: String,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(read_cases);

fn read_cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/entries");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let table: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in table["cases"].as_array().unwrap() {
            let mut entry = table["base"].clone();
            merge(&mut entry, &case["patch"]);
            let name = format!("{}: {}", path.file_stem().unwrap().display(), case["case"]);
            cases.push(Case { name, entry, expected: case["expect"].as_str().unwrap().to_owned() });
        }
    }
    cases
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else { return *target = patch.clone() };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    for (name, value) in members {
        match value {
            Value::Null => drop(target.as_object_mut().unwrap().remove(name)),
            value => merge(&mut target[name], value),
        }
    }
}

/// Every case by name, with the decision about it.
pub fn decided() -> Vec<(String, Value, String)> {
    CASES.iter().map(|case| (case.name.clone(), case.entry.clone(), case.expected.clone())).collect()
}

#[test]
fn every_case_is_decided_as_its_table_says() {
    let scope = demo_scope();
    let wrong: Vec<String> = CASES
        .iter()
        .map(|case| (case, decide(&case.entry.to_string(), &scope, OWN)))
        .filter(|(case, found)| *found != case.expected)
        .map(|(case, found)| format!("{}\n  expected {}\n  found    {found}", case.name, case.expected))
        .collect();
    assert!(!CASES.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_key_given_twice_is_believed_neither_time() {
    let text = CASES[0].entry.to_string();
    let doubled = [
        (r#""insertId":"#, "reject malformed"),
        (r#""serviceName":"#, "reject malformed"),
        (r#""labels":"#, "reject malformed"),
        (r#""project_id":"#, "reject malformed"),
    ];
    for (key, expected) in doubled {
        let twice = text.replacen(key, &format!("{key}{{}},{key}"), 1);
        assert_ne!(twice, text, "{key}");
        assert_eq!(decide(&twice, &demo_scope(), OWN), expected, "{key}");
    }
}

#[test]
fn an_empty_scope_acts_on_nothing() {
    for case in CASES.iter() {
        let found = decide(&case.entry.to_string(), &Scope::default(), OWN);
        assert!(!found.starts_with("act"), "{}: {found}", case.name);
    }
}

#[test]
fn a_signal_says_why() {
    let received: Timestamp = "2026-05-06T08:00:00Z".parse().unwrap();
    let callers = [
        (json!({"principalEmail": "a@example.com", "principalSubject": "user:a@example.com"}), Some("a@example.com")),
        (json!({"principalSubject": "principal://pool/subject"}), Some("principal://pool/subject")),
        (json!({}), None),
    ];
    for (caller, principal) in callers {
        let mut entry = CASES[0].entry.clone();
        entry["protoPayload"]["authenticationInfo"] = caller;
        let json = entry.to_string();
        let disposition =
            dispose(&Entry::parse(json.as_bytes()).unwrap(), &demo_scope(), &OwnPrincipals::default(), received);
        let Disposition::Act(signal) = disposition else { panic!("{disposition:?}") };
        let mut expected = json!({
            "eventId": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity/2026-05-06T07:08:09.1Z/i1",
            "method": entry["protoPayload"]["methodName"],
            "resource": entry["protoPayload"]["resourceName"],
            "at": "2026-05-06T07:08:09.1Z",
            "received": "2026-05-06T08:00:00Z",
        });
        if let Some(principal) = principal {
            expected["principal"] = principal.into();
        }
        assert_eq!(serde_json::to_value(&*signal.trigger).unwrap(), expected);
    }
}

#[test]
fn a_rejection_names_the_member() {
    let mut entry = CASES[0].entry.clone();
    entry["resource"]["labels"]["project_id"] = "../x".into();
    let json = entry.to_string();
    let disposition = dispose(
        &Entry::parse(json.as_bytes()).unwrap(),
        &demo_scope(),
        &OwnPrincipals::default(),
        Timestamp::UNIX_EPOCH,
    );
    let Disposition::Reject(reason) = disposition else { panic!("{disposition:?}") };
    let sentence = reason.to_string();
    assert!(sentence.starts_with(r#"resource.labels.project_id: found "../x", expected a project id"#), "{sentence}");
}
