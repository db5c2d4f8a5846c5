//! Every command of deploy/gcloud.sh is one that gcloud takes, flag by flag.

use std::process::Command;

use serde_json::{Value, json};

use super::gcloud::Gcloud;

const PLACE: &[&str] = &["--dry-run", "--project", "home-project", "--region", "europe-west2"];
const SCOPE: &[&str] = &["--projects", "demo-project", "--hosts", "host-project"];
const OPTIONAL: &[&str] = &["--admins", "a@example.com", "--deletions"];
const POLICY: &str = "\
version: 1
owner: tests
mode: report
scope: {projects: [demo-project], hosts: [host-project]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20]}
";

fn printed(args: &[&[&str]]) -> Vec<Value> {
    let mut command = Command::new("deploy/gcloud.sh");
    command.env("EGRESS_RECONCILER", env!("CARGO_BIN_EXE_egress-reconciler"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args.iter().copied().flatten()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| json!({"command_string": line.trim()})).collect()
}

#[test]
fn gcloud_takes_every_command_of_the_script() {
    let policy = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(policy.path(), POLICY).unwrap();
    let file = ["--policy", policy.path().to_str().unwrap()];
    let mut commands = printed(&[&["install"], PLACE, SCOPE, OPTIONAL, &file]);
    commands.extend(printed(&[&["uninstall"], PLACE, SCOPE]));
    commands.extend(printed(&[&["redrive"], PLACE]));
    commands.extend(printed(&[&["redrive-end"], PLACE]));
    // A command that must fail: else nothing was looked at.
    commands.push(json!({"command_string": "gcloud pubsub topics create x --no-such-flag=1"}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("commands.json");
    std::fs::write(&file, serde_json::to_vec(&commands).unwrap()).unwrap();
    let mut gcloud = Gcloud::new().command("gcloud");
    let output = gcloud.args(["meta", "lint-gcloud-commands"]).arg("--commands-file").arg(&file).output().unwrap();
    let judged: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(judged.len(), commands.len());
    let refused: Vec<_> = judged.iter().filter(|it| it["success"] != true).map(|it| &it["command_string"]).collect();
    assert_eq!(refused, ["gcloud pubsub topics create x --no-such-flag=1"], "{refused:#?}");
}
