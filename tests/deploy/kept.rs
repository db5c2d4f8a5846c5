//! Files in `deploy/` that the program writes are what it would write now.

use std::fs;

use egress_reconciler::domain::{audit::log_filter, report};
use serde::Serialize;

use super::deploy;

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn kept_files_are_current() {
    let files = [
        ("report.schema.json", pretty(&report::schema())),
        ("sink-filter.txt", log_filter::filter()),
        ("eventarc-triggers.json", pretty(&log_filter::triggers())),
    ];
    for (name, current) in files {
        let file = deploy(name);
        if std::env::var("SCHEMA").is_ok_and(|word| word == "accept") {
            fs::write(&file, &current).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == current, "deploy/{name} is not what the program writes: run the test with SCHEMA=accept");
    }
}
