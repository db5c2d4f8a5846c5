//! Tables of entries: each file of `tests/entries` has a base and cases, each a JSON merge patch (RFC 7396) on it.

use std::{fs, path::Path, sync::LazyLock};

use egress_reconciler::{
    domain::{
        event::{Disposition, OwnPrincipals, dispose},
        scope::Scope,
    },
    web::delivery::{Item, decode},
};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use proptest::prelude::*;
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
        .map(|case| (case, decide(case.entry.to_string().as_bytes(), &scope, OWN)))
        .filter(|(case, found)| *found != case.expected)
        .map(|(case, found)| format!("{}\n  expected {}\n  found    {found}", case.name, case.expected))
        .collect();
    assert!(!CASES.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_key_given_twice_counts_the_last_time() {
    let case = &CASES[0];
    let doubled = case.entry.to_string().replacen('{', r#"{"logName":"x","protoPayload":7,"logName":"y","#, 1);
    assert_eq!(decide(doubled.as_bytes(), &demo_scope(), OWN), case.expected);
}

#[test]
fn an_empty_scope_acts_on_nothing() {
    for case in CASES.iter() {
        let found = decide(case.entry.to_string().as_bytes(), &Scope::default(), OWN);
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
        let disposition = dispose(entry.to_string().as_bytes(), &demo_scope(), &OwnPrincipals::default(), received);
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
    let disposition =
        dispose(entry.to_string().as_bytes(), &demo_scope(), &OwnPrincipals::default(), Timestamp::UNIX_EPOCH);
    let Disposition::Reject(reason) = disposition else { panic!("{disposition:?}") };
    let sentence = reason.to_string();
    assert!(sentence.starts_with(r#"resource.labels.project_id: found "../x", expected a project id"#), "{sentence}");
}

/// Whatever arrives is decided: no panic, and never an act outside the scope.
fn check(content_type: &str, body: &[u8]) {
    let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap())]);
    for item in decode(&headers, body).unwrap().items {
        let Item::Entry(entry) = item else { continue };
        let decision = decide(&entry, &demo_scope(), OWN);
        let place = decision.strip_prefix("act ");
        let in_scope =
            |place: &str| ["projects/demo-project", "projects/host-project"].iter().any(|p| place.starts_with(p));
        assert!(place.is_none_or(in_scope), "{decision}");
    }
}

fn content_type() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "text/plain",
    ])
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_decided(content_type in content_type(), body in prop::collection::vec(any::<u8>(), 0..400)) {
        check(content_type, &body);
    }

    #[test]
    fn damaged_entries_are_decided(
        content_type in content_type(),
        case in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, "[\"{}\\[\\],:0-9a-z\\\\\u{0}é]{0,6}"), 1..6),
    ) {
        let mut bytes = case.get(&CASES).entry.to_string().into_bytes();
        for (at, length, replacement) in cuts {
            let from = at.index(bytes.len() + 1);
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, replacement.into_bytes());
        }
        check(content_type, &bytes);
    }

    #[test]
    fn entries_with_members_of_the_wrong_kind_are_decided(
        case in any::<prop::sample::Index>(),
        member in any::<prop::sample::Index>(),
        replacement in prop::sample::select(vec!["null", "7", "\"\"", "\"...\"", "[]", "[{}]", "{}", "true"]),
    ) {
        let mut entry = case.get(&CASES).entry.clone();
        let mut paths = Vec::new();
        collect_paths(&entry, "", &mut paths);
        let path = member.get(&paths);
        *entry.pointer_mut(path).unwrap() = serde_json::from_str(replacement).unwrap();
        check("application/json", entry.to_string().as_bytes());
    }
}

fn collect_paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    paths.push(path.to_owned());
    for (name, member) in value.as_object().into_iter().flatten() {
        collect_paths(member, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), paths);
    }
}
