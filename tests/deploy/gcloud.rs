//! gcloud.sh, with a gcloud that only writes down what it is asked.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use super::deploy;

const PLACE: &[&str] = &["--project", "home-project", "--region", "europe-west2"];
const SCOPE: &[&str] = &["--projects", "demo-project,other-project", "--hosts", "host-project"];

/// Answers as if all was there, or as if nothing was.
const STUB: &str = r#"#!/usr/bin/env bash
line="$*"
printf '%s\n' "${line//$'\n'/ }" >>"$CALLS"
case " $* " in
  *" policies create "*) [[ -e $CALLS.known ]] || { touch "$CALLS.known"; exit 1; } ;;
  *" projects describe "*) echo 123456789012 ;;
  *" sinks describe "*writerIdentity*) echo serviceAccount:writer@example.com ;;
  *" describe "*) [[ $THERE == yes ]] ;;
  *" versions access "*) [[ $THERE == yes ]] && cat "$POLICY" ;;
  *"--show-deleted"*) ;;
  *" list "*) [[ $THERE == no ]] || echo projects/home-project/things/known ;;
esac
"#;

/// A policy for [`SCOPE`].
const POLICY: &str = "\
version: 1
owner: tests
mode: create
scope: {projects: [demo-project, other-project], hosts: [host-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20]}
";

fn script(args: &[&[&str]], folder: &Path, there: &str) -> Output {
    script_with(POLICY, args, folder, there)
}

fn script_with(text: &str, args: &[&[&str]], folder: &Path, there: &str) -> Output {
    let policy = folder.join("policy.yaml");
    fs::write(&policy, text).unwrap();
    let mut command = command(folder, there);
    command.args(args.iter().copied().flatten());
    if args[0].contains(&"install") {
        command.arg("--policy").arg(policy);
    }
    command.output().unwrap()
}

/// The script, where gcloud and sleep are those of the folder.
fn command(folder: &Path, there: &str) -> Command {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.arg(deploy("gcloud.sh")).env("PATH", path).env("CALLS", folder.join("calls")).env("THERE", there);
    command.env("POLICY", folder.join("policy.yaml"));
    command.env("EGRESS_RECONCILER", env!("CARGO_BIN_EXE_egress-reconciler"));
    command
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The calls that change something.
fn changes(folder: &Path) -> Vec<String> {
    let calls = fs::read_to_string(folder.join("calls")).unwrap();
    let asks = ["describe", "list", "access"];
    let changes = calls.lines().filter(|call| !call.split(' ').take(5).any(|word| asks.contains(&word)));
    changes.map(str::to_owned).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let slept = "#!/usr/bin/env bash\nprintf 'sleep %s\\n' \"$*\" >>\"$CALLS\"\n";
    for (name, stub) in [("gcloud", STUB), ("sleep", slept)] {
        let path = folder.path().join(name);
        fs::write(&path, stub).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn a_dry_run_prints_and_calls_nothing() {
    let folder = folder();
    let run = |args: &[&[&str]]| said(&script(args, folder.path(), "no"));
    let optional = ["--admins", "ops@example.com", "--deletions", "--create-network"];
    insta::assert_snapshot!("install", run(&[&["install", "--dry-run"], PLACE, SCOPE, &optional]));
    insta::assert_snapshot!("uninstall", run(&[&["uninstall", "--dry-run"], PLACE, SCOPE]));
    insta::assert_snapshot!(
        "redrive",
        run(&[&["redrive", "--dry-run"], PLACE]) + &run(&[&["redrive-end", "--dry-run"], PLACE])
    );
    assert!(!folder.path().join("calls").exists());
}

#[test]
fn what_is_there_is_not_made_again() {
    let first = folder();
    said(&script(&[&["install"], PLACE, SCOPE], first.path(), "no"));
    let made = changes(first.path());
    let creates = |calls: &[String]| calls.iter().filter(|call| call.contains(" create ")).count();
    assert!(creates(&made) > 20, "{made:#?}");
    assert!(made.iter().any(|call| call.starts_with("builds submit")), "{made:#?}");
    // The first alert is refused, as where Monitoring does not know a new metric yet: it is asked for again.
    let alerts: Vec<_> = made.iter().skip_while(|call| !call.contains("policies create")).take(3).collect();
    assert!(alerts[0] == alerts[2] && alerts[1] == "sleep 30", "{alerts:#?}");

    let second = folder();
    said(&script(&[&["install"], PLACE, SCOPE], second.path(), "yes"));
    let again = changes(second.path());
    assert_eq!(creates(&again), 0, "{again:#?}");
    assert!(!again.iter().any(|call| call.contains("builds submit") || call.contains("versions add")), "{again:#?}");
    // Bindings are the same however often they are added; the rest is brought up to date.
    let other =
        again.iter().filter(|call| !call.contains("add-iam-policy-binding") && !call.contains("services enable"));
    assert!(other.clone().all(|call| call.contains(" update ") || call.contains(" replace ")), "{again:#?}");
}

#[test]
fn uninstalling_twice_is_no_error() {
    let folder = folder();
    said(&script(&[&["uninstall"], PLACE, SCOPE], folder.path(), "no"));
    assert_eq!(changes(folder.path()), Vec::<String>::new());
}

/// What is installed is what the policy needs, and a policy that the service could not live by is refused before anything is
/// made.
#[test]
fn the_policy_is_checked() {
    let enforcing = POLICY.replace("mode: create", "mode: enforce");
    let over = format!("{POLICY}overrides: [{{match: {{projects: [demo-project]}}, mode: enforce}}]\n");
    for (policy, expected) in [(POLICY, false), (&enforcing, true), (&over, true)] {
        let folder = folder();
        let printed = said(&script_with(policy, &[&["install", "--dry-run"], PLACE, SCOPE], folder.path(), "no"));
        assert_eq!(printed.contains("roles create egressReconcilerDeletions"), expected, "{policy}");
    }
    let refused = [
        (POLICY.replace("mode: create", "mode: bogus"), "mode: found \"bogus\""),
        (POLICY.replace("other-project", "third-project"), "the policy's scope has third-project"),
    ];
    for (policy, says) in refused {
        let folder = folder();
        let output = script_with(&policy, &[&["install"], PLACE, SCOPE], folder.path(), "no");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && error.contains(says), "{output:?}");
        assert!(!folder.path().join("calls").exists(), "{policy}");
    }
    let folder = folder();
    let narrower = POLICY.replace("demo-project, other-project", "demo-project");
    let output = script_with(&narrower, &[&["install", "--dry-run"], PLACE, SCOPE], folder.path(), "no");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("warning: other-project is not in the scope of the policy"), "{output:?}");
}

/// One line a thing, and at the end what there is now; nothing of what gcloud says unless it fails.
#[test]
fn an_install_is_told_in_a_few_lines() {
    let folder = folder();
    insta::assert_snapshot!(
        "installed",
        said(&script(&[&["install"], PLACE, SCOPE], folder.path(), "no"))
            .replace(folder.path().to_str().unwrap(), "FOLDER")
    );
}

/// The policy is not deleted without a word of consent.
#[test]
fn an_uninstall_asks() {
    let folder = folder();
    let output = script(&[&["uninstall"], PLACE, SCOPE], folder.path(), "yes");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("add --yes"), "{output:?}");
    assert_eq!(changes(folder.path()), Vec::<String>::new());
    said(&script(&[&["uninstall", "--yes"], PLACE, SCOPE], folder.path(), "yes"));
    assert!(changes(folder.path()).iter().any(|call| call.starts_with("secrets delete")));
}

#[test]
fn wrong_usage() {
    let folder = folder();
    let cases: &[(&[&str], i32)] = &[
        (&[], 64),
        (&["--help"], 0),
        (&["install", "--help"], 0),
        (&["install"], 64),
        (&["frobnicate"], 64),
        (&["install", "--project"], 64),
        (&["uninstall", "--project", "p", "--region", "r"], 64),
        (&["install", "--project", "p", "--region", "r", "--projects", "q", "--policy", "no/such"], 1),
    ];
    for (args, expected) in cases {
        let output = command(folder.path(), "no").args(*args).output().unwrap();
        assert_eq!(output.status.code(), Some(*expected), "{args:?} {output:?}");
    }
    assert!(!folder.path().join("calls").exists());
}
