//! Google's Python clients, in a virtual environment that `.ci/run` makes under `target/`.

use std::{path::Path, process::Command, thread};

use super::google::{Google, settled_after};

fn clients(google: &Google, suite: &str) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/bin/python");
    let output = Command::new(&python)
        .args(["-W", "error::ResourceWarning", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/clients.py"), suite])
        .env("SIMULATED_GOOGLE", &google.address)
        .env("SETTLED_AFTER", settled_after().to_string())
        .output()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_kind_is_made_read_listed_changed_and_deleted() {
    let google = Google::start(&[]);
    thread::scope(|scope| {
        for suite in ["Compute", "Run", "VpcAccess"] {
            let google = &google;
            scope.spawn(move || clients(google, suite));
        }
    });
}
