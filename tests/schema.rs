//! The published schema of the report is the one that the types give.

use std::{fs, path::Path};

use egress_reconciler::domain::report;

#[test]
fn the_report_schema_in_deploy_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/report.schema.json");
    let current = serde_json::to_string_pretty(&report::schema()).unwrap() + "\n";
    if std::env::var("SCHEMA").is_ok_and(|word| word == "accept") {
        fs::write(&file, &current).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        current,
        "run the test with SCHEMA=accept to write it anew"
    );
}
