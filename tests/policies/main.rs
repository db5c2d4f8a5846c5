//! Policy files: all that is wrong with one is told in one run, and the examples are right.

mod diff;
mod examples;
mod init;
#[path = "../support/walker.rs"]
#[allow(dead_code)]
mod walker;

use std::{fs, path::PathBuf};

use egress_reconciler::{
    domain::{
        policy::{Severity, examine, example},
        text,
    },
    sim::world::World,
};
use insta::assert_snapshot;
use jiff::Timestamp;

fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn now() -> Timestamp {
    "2026-11-28T10:00:00Z".parse().unwrap()
}

/// Faults of every kind in one file: each is told with its line, in the order of the file.
#[test]
fn all_faults_are_told_at_once() {
    let text = file("tests/policies/wrong.yaml");
    let examined = examine(&text, "2026-11-28".parse().unwrap());
    assert!(examined.policy.is_none());
    let lines: Vec<_> = examined.faults.iter().map(|fault| fault.in_file("tests/policies/wrong.yaml")).collect();
    assert_snapshot!(lines.join("\n"));
    let of = |severity: Severity| examined.faults.iter().filter(|fault| fault.severity == severity).count();
    assert!(of(Severity::Error) > 30 && of(Severity::Warning) > 8);
    // Every line with a comment is about a fault, and no other line is.
    for (index, line) in text.lines().enumerate().skip(1) {
        let is_told = examined.faults.iter().any(|fault| fault.place.line == index as u64 + 1);
        assert_eq!(line.contains('#'), is_told, "line {}: {line}", index + 1);
    }
}

/// The simulated cloud has the regions that a policy may name: each list of them is written where the other may not be used.
#[test]
fn every_region_is_known_to_both() {
    let everywhere = World::with_project("demo-project", "123456789012").everywhere().regions;
    let named = example().replacen("regions: all", &format!("regions: [{}]", everywhere.join(", ")), 1);
    assert!(everywhere.len() > 40 && everywhere.iter().all(|region| named.contains(region)), "{named}");
    let warned: Vec<_> = examine(&named, "2026-11-28".parse().unwrap()).faults;
    let about_regions: Vec<_> =
        warned.iter().filter(|fault| fault.to_string().contains("none of the regions")).collect();
    assert!(about_regions.is_empty(), "{about_regions:?}");
    let unknown = named.replacen("africa-south1", "africa-south9", 1);
    let warned = examine(&unknown, "2026-11-28".parse().unwrap()).faults;
    assert!(warned.iter().any(|fault| fault.to_string().contains("none of the regions")), "{warned:?}");
}

/// All that a file allows, in sentences.
#[test]
fn everything_is_said() {
    let of = |name: &str| file(&format!("tests/corpus/policies/{name}.yaml"));
    for (name, text) in [
        ("example", example().to_owned()),
        ("everything", of("everything")),
        ("little", of("little")),
        ("hosts", of("hosts")),
    ] {
        let examined = examine(&text, "2026-11-28".parse().unwrap());
        let policy = examined.policy.unwrap_or_else(|| panic!("{name}: {:?}", examined.faults));
        let warnings: String = examined.faults.iter().map(|fault| format!("{fault}\n")).collect();
        assert_snapshot!(name, text::policy::summary(&policy, now()) + &warnings);
    }
}
