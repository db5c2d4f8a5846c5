//! Commands that write: what is shown and asked before, what is done, and how they are stopped.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{Google, POLICY, policy, status, told};

#[test]
fn plan_apply_and_plan_again() {
    let google = Google::begin();
    let policy = policy(POLICY);
    let plan = google.program(&["plan", "--project", "demo-project"], &policy);
    let (table, _) = told(&plan);
    assert_eq!(status(&plan), 2, "{plan:?}");
    assert!(table.starts_with("demo-project europe-west2 (network my-vpc, mode create)\n"), "{table}");
    assert!(table.contains("        after 1\n") && table.ends_with(" to create\n"), "{table}");
    // Piped, a step is one line, whatever the terminal's variables say.
    assert!(table.contains("   2 + create connector conn: "), "{table}");
    let mut narrow = google.command(&["plan", "--project", "demo-project"], &policy);
    assert_eq!(told(&narrow.envs([("COLUMNS", "40"), ("TERM", "xterm")]).output().unwrap()).0, table);

    let apply = google.program(&["apply", "--yes", "--project", "demo-project", "--format", "json"], &policy);
    assert_eq!(status(&apply), 0, "{apply:?}");
    let (json, progress) = told(&apply);
    assert!(progress.contains("done create connector/conn (demo-project europe-west2)"), "{progress}");
    let reports: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(reports.as_array().map(Vec::len), Some(1));
    assert_eq!(reports[0]["outcome"], "changed");
    let schema = serde_json::to_value(egress_reconciler::domain::report::schema()).unwrap();
    jsonschema::validate(&schema, &reports[0]).unwrap();

    let again = google.program(&["sweep", "--dry-run", "--format", "json"], &policy);
    assert_eq!(status(&again), 0, "{again:?}");
    let reports: Value = serde_json::from_str(&told(&again).0).unwrap();
    assert_eq!((&reports[0]["outcome"], &reports[0]["dryRun"]), (&"in-sync".into(), &true.into()));
}

/// Down, told, back: each with its status.
#[test]
fn release_and_rearm() {
    let google = Google::begin();
    let scoped = policy(&format!("{POLICY}firewall: {{enforcement: enforce}}\n"));
    assert_eq!(status(&google.program(&["apply", "--yes", "--project", "demo-project"], &scoped)), 0);
    let off = policy(&format!("{POLICY}firewall: {{enforcement: enforce}}\n").replace("mode: create", "mode: off"));
    let shown = google.program(&["release", "--dry-run"], &off);
    assert_eq!(status(&shown), 0, "{shown:?}");
    let (text, _) = told(&shown);
    assert!(
        text.contains("~ (disable) firewall deny-conn-europe-west2-egress: ") && text.contains("dry-run"),
        "{text}"
    );
    let order = |command: &str, more: &[&str]| {
        let args = [&[command, "--yes", "--principal", "alice@example.com"], more].concat();
        let output = google.program(&args, &off);
        (status(&output), told(&output))
    };
    let released = order("release", &[]);
    assert_eq!(released.0, 0, "{released:?}");
    assert!(released.1.0.contains("~ disabled firewall deny-conn-europe-west2-egress: "), "{released:?}");
    let stays = "released by alice@example.com; it stays disabled until `rearm`, and is reported as blocked";
    assert!(released.1.0.contains(stays), "{released:?}");
    let plan = google.program(&["plan", "--project", "demo-project"], &scoped);
    assert_eq!(status(&plan), 0, "nobody need act before the release is over");
    assert!(told(&plan).0.contains("egress-reconciler rearm"), "{plan:?}");
    let (again, (json, _)) = order("release", &["--for", "7d", "--format", "json"]);
    let reports: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (again, &reports[0]["steps"][0]["verb"], &reports[0]["egress"][0]["by"]),
        (0, &"extend".into(), &"alice@example.com".into())
    );
    // A shorter one is no way to shorten it, and says so.
    let (shorter, (text, _)) = order("release", &["--for", "1h"]);
    assert!(shorter == 0 && text.contains("is shorter and changes nothing; to shorten the earlier one, run"), "{text}");
    for time in ["8d", "soon", "0h", "-1h"] {
        let wrong = order("release", &[&format!("--for={time}")]);
        let expected = format!("\"{time}\" found, a time of at most 7d expected");
        assert!(wrong.0 == 64 && wrong.1.1.contains(&expected), "{wrong:?}");
    }
    let mistyped = order("release", &["--connector", "comm"]);
    assert_eq!(mistyped.0, 1, "{mistyped:?}");
    assert!(mistyped.1.1.contains("check the names"), "{mistyped:?}");
    let back = order("rearm", &["--region", "europe-west2"]);
    assert_eq!(back.0, 0, "{back:?}");
    let nothing = order("rearm", &[]);
    assert!(nothing.0 == 0 && nothing.1.1.contains("nothing to put back"), "{nothing:?}");
    assert_eq!(status(&google.program(&["plan", "--project", "demo-project"], &scoped)), 0);
}

/// What writes asks on a terminal; elsewhere it goes on, and says what will become of that.
#[test]
fn nobody_to_ask() {
    let google = Google::begin();
    let policy = policy(POLICY);
    let commands: [&[&str]; 4] = [&["apply", "--project", "demo-project"], &["sweep"], &["release"], &["rearm"]];
    for command in commands {
        let dry = google.program(&[command, &["--dry-run"]].concat(), &policy);
        assert!(!told(&dry).1.contains("then needs --yes"), "{dry:?}");
        let both = google.program(&[command, &["--yes", "--dry-run"]].concat(), &policy);
        assert_eq!((status(&both), told(&both).0), (status(&dry), told(&dry).0), "a dry run is one, whoever says yes");
    }
    let dry = google.program(&["apply", "--dry-run", "--project", "demo-project"], &policy);
    let plan = google.program(&["plan", "--project", "demo-project"], &policy);
    assert_eq!((status(&dry), told(&dry).0), (status(&plan), told(&plan).0));
    for command in commands {
        let bare = google.program(command, &policy);
        let warning = format!("from version 0.3 on, `{}` then needs --yes", command[0]);
        assert!(status(&bare) == 0 && told(&bare).1.contains(&warning), "{bare:?}");
    }
}

/// What `plan` and `sweep --dry-run` will end with is said one release before.
#[test]
fn an_exit_status_that_will_change_is_announced() {
    let google = Google::begin();
    let policy = policy(POLICY);
    let commands: [&[&str]; 2] = [&["plan", "--project", "demo-project"], &["sweep", "--dry-run"]];
    for command in commands {
        let bare = google.program(command, &policy);
        assert_eq!(status(&bare), 2, "{bare:?}");
        let warning = format!(
            "warning: from version 0.3 on, `{}` exits with 0",
            command.join(" ").replace(" --project demo-project", "")
        );
        assert!(told(&bare).1.contains(&warning), "{bare:?}");
        let detailed = google.program(&[command, &["--detailed-exitcode"]].concat(), &policy);
        assert_eq!((status(&detailed), told(&detailed).1.as_str()), (2, ""));
    }
}

/// A plan is reviewed as a file, and done as it was reviewed or not at all.
#[test]
fn a_saved_plan() {
    let google = Google::begin();
    let file = policy(POLICY);
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("plan.json");
    let saved = saved.to_str().unwrap();
    let plan = google.program(&["plan", "--project", "demo-project", "--out", saved], &file);
    assert!(told(&plan).1.contains(&format!("egress-reconciler apply {saved}")), "{plan:?}");
    let again = folder.path().join("again.json");
    std::fs::copy(saved, &again).unwrap();

    let other = policy(&POLICY.replace("mode: create", "mode: enforce"));
    let stale = google.program(&["apply", saved], &other);
    assert_eq!((status(&stale), told(&stale).0.as_str()), (1, ""), "{stale:?}");
    assert!(told(&stale).1.contains("STALE: the policy has changed"), "{stale:?}");

    let apply = google.program(&["apply", saved], &file);
    assert_eq!(status(&apply), 0, "{apply:?}");
    assert_eq!(status(&google.program(&["plan", "--project", "demo-project"], &file)), 0);

    let gone = google.program(&["apply", again.to_str().unwrap()], &file);
    let (_, error) = told(&gone);
    assert_eq!(status(&gone), 1, "{gone:?}");
    assert!(
        error.contains("error: STALE: ") && error.contains("create connector/conn is no longer planned"),
        "{error}"
    );

    let dry = google.program(&["apply", again.to_str().unwrap(), "--dry-run"], &file);
    assert!(status(&dry) == 1 && told(&dry).1.contains("error: STALE: "), "{dry:?}");
    let elsewhere = google.program(&["apply", again.to_str().unwrap(), "--region", "us-east1"], &file);
    assert!(
        status(&elsewhere) == 1 && told(&elsewhere).1.contains("the plan has demo-project europe-west2"),
        "{elsewhere:?}"
    );

    let wrong: [(&str, &str); 3] = [
        ("no/such", "cannot read the plan no/such"),
        (file.path().to_str().unwrap(), "not a plan that `plan --out` wrote"),
        ("version", "version: found 7, expected 1"),
    ];
    let newer = folder.path().join("newer.json");
    std::fs::write(&newer, "{\"version\": 7}").unwrap();
    for (path, says) in wrong {
        let path = if path == "version" { newer.to_str().unwrap() } else { path };
        let output = google.program(&["apply", path], &file);
        assert!(status(&output) == 1 && told(&output).1.contains(says), "{output:?}");
    }
}

/// A first connector by the command line: planned, saved, done, and then there.
#[test]
fn a_connector_that_no_workload_names() {
    let google = Google::begin();
    let file = policy(&POLICY.replace(", declared: [{region: europe-west2, name: conn}]", ""));
    let place = ["--project", "demo-project", "--region", "europe-west2"];
    let run = |command: &str, more: &[&str]| {
        let output = google.program(&[&[command], &place[..], more].concat(), &file);
        (status(&output), told(&output))
    };
    assert_eq!(run("plan", &[]).0, 0, "nobody asks for a connector");
    let (code, (text, _)) = run("plan", &["--connector", "first"]);
    assert!(code == 2 && text.contains("needed by the command line (--connector)"), "{text}");
    assert!(!text.contains("router"), "private ranges need no NAT: {text}");
    let full = "projects/demo-project/locations/europe-west2/connectors/first";
    let (code, (text, _)) = run("apply", &["--dry-run", "--connector", full, "--vpc-egress", "all-traffic"]);
    assert!(code == 2 && text.contains("create router egress-my-vpc-europe-west2"), "{text}");

    let wrong: [(&[&str], &str); 5] = [
        (&["--connector", "First"], "--connector: found \"First\", expected 2 to 25 lower-case letters"),
        (
            &["--connector", "projects/demo-project/locations/us-east1/connectors/first"],
            "expected a connector of --project demo-project and --region europe-west2",
        ),
        (
            &["--connector", "first", "--project", "other-project"],
            "--connector first: found 2 projects (demo-project, other-project) and --region europe-west2, expected one",
        ),
        (&["--vpc-egress", "all-traffic"], "--connector <CONNECTOR>"),
        (&["--connector", "first", "--vpc-egress", "some"], "expected private-ranges-only or all-traffic"),
    ];
    for command in ["plan", "apply"] {
        for (more, says) in wrong {
            let (code, (out, error)) = run(command, more);
            assert!(code == 64 && out.is_empty() && error.contains(says), "{command} {more:?}: {code} {error}");
        }
    }
    let anywhere = google.program(&["plan", "--project", "demo-project", "--connector", "first"], &file);
    let says = "--connector first: found --project demo-project and no --region, expected";
    assert!(status(&anywhere) == 64 && told(&anywhere).1.contains(says), "{anywhere:?}");
    let elsewhere = ["apply", "--project", "other-project", "--region", "europe-west2", "--connector", "first"];
    let elsewhere = google.program(&elsewhere, &file);
    assert!(status(&elsewhere) == 1 && told(&elsewhere).1.contains("--project: found other-project"), "{elsewhere:?}");

    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("plan.json");
    let saved = saved.to_str().unwrap();
    let (code, told_of) = run("plan", &["--connector", "first", "--out", saved]);
    assert_eq!(code, 2, "{told_of:?}");
    let other = google.program(&["apply", saved, "--connector", "second"], &file);
    let says = "the plan was made for --connector first --vpc-egress private-ranges-only";
    assert!(status(&other) == 64 && told(&other).1.contains(says), "{other:?}");
    let (code, told_of) = {
        let output = google.program(&["apply", saved, "--connector", "first"], &file);
        (status(&output), told(&output))
    };
    assert!(code == 0 && told_of.0.contains("+ created connector first"), "{told_of:?}");
    let (code, (out, error)) = run("plan", &["--connector", "first"]);
    assert!(code == 0 && error.contains("connector first already exists (ready)"), "{out}{error}");
    let (code, told_of) = run("apply", &["--yes", "--connector", "second"]);
    assert!(code == 0 && told_of.0.contains("+ created connector second"), "{told_of:?}");
    assert!(!told_of.0.contains("held-wish"), "{told_of:?}");
}

/// Ctrl-C ends what writes with what was done and what was not.
#[test]
fn ctrl_c() {
    let google = Google::begin();
    let file = policy(&POLICY.replace("scope", "firewall: {enforcement: enforce}\nscope"));
    let mut apply = google.command(&["apply", "--yes", "--project", "demo-project"], &file);
    let mut apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(apply.stderr.take().unwrap()).lines();
    assert!(progress.next().unwrap().unwrap().starts_with("done create "));
    assert!(Command::new("kill").args(["-INT", &apply.id().to_string()]).status().unwrap().success());
    let told_after: Vec<String> = progress.map(Result::unwrap).collect();
    let output = apply.wait_with_output().unwrap();
    assert_eq!(status(&output), 130, "{output:?} {told_after:?}");
    assert!(told_after.iter().any(|line| line.contains("stopping after the calls in flight")), "{told_after:?}");
    assert!(told(&output).0.contains(" + created "), "{output:?}");
    assert_eq!(status(&google.program(&["apply", "--yes", "--project", "demo-project"], &file)), 0);
}
