//! The examples of `deploy/examples`: each is right, without a warning, and as the schema beside them has it.

use std::{fs, path::PathBuf, process::Command};

use egress_reconciler::domain::policy::{example, schema};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/examples")
}

fn examples() -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path()).collect();
    // Folders hold examples for other things than policies.
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

#[test]
fn each_is_right_and_without_a_warning() {
    let paths = examples();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        ["allow-list.yaml", "direct-vpc.yaml", "one-project.yaml", "shared-vpc.yaml", "thirty-connectors.yaml"]
    );
    for path in &paths {
        let mut check = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"));
        let output = check.env_clear().args(["policy", "check"]).arg(path).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.starts_with("ok: ") && err.is_empty(), "{out}{err}");
        assert!(!out.contains("warning:"), "{out}");
    }
}

/// An editor finds the schema by the line that each begins with, and finds no fault.
#[test]
fn each_names_the_schema_and_keeps_it() {
    let validator = jsonschema::validator_for(schema().as_value()).unwrap();
    let texts = examples().into_iter().map(|path| fs::read_to_string(path).unwrap());
    for text in texts.chain([example().to_owned()]) {
        let document: Value = serde_saphyr::from_str(&text).unwrap();
        let faults: Vec<_> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}\n{text}");
    }
    for path in examples() {
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema=")).unwrap();
        assert!(folder().join(named).is_file(), "{}: {named}", path.display());
    }
}
