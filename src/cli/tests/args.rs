use std::time::Duration;

use clap::CommandFactory;

use crate::{
    cli::{Cli, args::duration, doctor, exit::Exit, parse},
    domain::{
        doctor::{Line, Mark},
        report::Outcome,
    },
};

use super::table::report;

fn words(line: &str) -> impl Iterator<Item = std::ffi::OsString> {
    format!("egress-reconciler {line}").split_whitespace().map(Into::into).collect::<Vec<_>>().into_iter()
}

#[test]
fn the_tree_holds_together() {
    Cli::command().debug_assert();
}

/// A command line, and what is wrong with it.
#[test]
fn command_lines() {
    let cases = [
        ("plan --policy p --project demo-project", None),
        ("plan --policy p --project demo-project --region europe-west2 --format json", None),
        ("apply --policy p --project demo-project --timeout 90s", None),
        ("sweep --dry-run", None),
        ("explain --project demo-project --region europe-west2 --workload nightly", None),
        ("explain --project demo-project", Some("--region <REGION>")),
        ("release", None),
        ("release --project demo-project --region europe-west2 --connector conn --principal alice", None),
        ("rearm --connector projects/p/locations/r/connectors/c --format json", None),
        ("rearm --region Mars", Some("a region such as europe-west2")),
        ("init --project p", Some("a project id of 6 to 30")),
        ("init --project demo-project --region europe-west2", None),
        ("policy check", None),
        ("policy check -", None),
        ("policy check --policy p", None),
        ("policy diff old new", None),
        ("policy diff old", Some("<NEW>")),
        ("policy schema", None),
        ("serve --auth platform --audience https://x --callers a@b.c,d@e.f", None),
        ("serve --cloud simulated --connector-seconds 5 --sim-listen 127.0.0.1:0", None),
        ("simulate --operation-seconds 0 --settle-seconds 0 --lag-seconds 15", None),
        ("simulate --lag-seconds 100000", Some("..=86400")),
        ("simulate --listen [::1]:9080 --push-to http://127.0.0.1:8080/events", None),
        ("plan --policy p", Some("--project <PROJECT>")),
        ("plan --project demo-project --region Mars", Some("a region such as europe-west2")),
        ("plan --project demo-project --format yaml", Some("[possible values: table, json]")),
        ("apply --project demo-project --timeout soon", Some("a time such as 30s or 15m")),
        ("serve --auth nobody", Some("[possible values: platform, self, off]")),
        ("serve --listen localhost", Some("such as 127.0.0.1:8080")),
        ("serve --max-concurrent 0", Some("1..=100000")),
        ("simulate --push-to here", Some("a URL such as")),
        ("simulate --audit-topic projects/p/topics/t --audit-pubsub 127.0.0.1:8085", None),
        ("simulate --audit-topic projects/p/topics/t", Some("--audit-pubsub")),
        ("simulate --audit-topic t --audit-pubsub 127.0.0.1:8085", Some("projects/PROJECT/topics/NAME")),
        ("doctor --sink folders/1/sinks/egress --service https://egress.example", None),
        ("doctor --service projects/p/locations/europe-west2/services/egress", None),
        ("doctor --sink egress", Some("projects/PROJECT/sinks/NAME")),
        ("doctor --service egress", Some("services/NAME, or a URL")),
        ("doctor --probe", Some("--region <REGION>")),
        ("explode", Some("unrecognized subcommand")),
        ("plan --project demo-project --explode", Some("unexpected argument")),
    ];
    for (line, wrong) in cases {
        match (parse(words(line)), wrong) {
            (Ok(_), None) => {}
            (Err(error), Some(expected)) => assert!(error.to_string().contains(expected), "{line}: {error}"),
            (found, _) => panic!("{line}: {found:?}"),
        }
    }
}

#[test]
fn times() {
    let cases = [
        ("30s", Some(30)),
        ("15m", Some(900)),
        ("1h 30m", Some(5400)),
        ("90", Some(90)),
        ("0", Some(0)),
        ("24h", Some(86_400)),
        ("25h", None),
        ("-5s", None),
        ("18446744073709551615", None),
        ("1 fortnight", None),
        ("", None),
    ];
    for (text, seconds) in cases {
        assert_eq!(duration(text).ok(), seconds.map(Duration::from_secs), "{text}");
    }
}

/// A doctor who sees nothing does not say that all is well.
#[test]
fn the_doctor_s_exit_status() {
    let line = |mark: Mark| Line { mark, subject: String::new(), text: String::new(), fix: None };
    let cases: &[(&[Mark], u8)] = &[
        (&[Mark::Ok], 0),
        (&[Mark::Bad], 1),
        (&[Mark::Ok, Mark::Ok, Mark::Warn, Mark::Unknown], 0),
        (&[Mark::Ok, Mark::Unknown, Mark::Unknown], 1),
        (&[Mark::Ok, Mark::Ok, Mark::Bad], 1),
    ];
    for (marks, expected) in cases {
        let lines: Vec<_> = marks.iter().map(|mark| line(*mark)).collect();
        assert_eq!(doctor::exit(&lines).code(), *expected, "{marks:?}");
    }
}

/// 1 counts before 3, 3 before 2, 2 before 0.
#[test]
fn exit_statuses() {
    use Outcome::{Blocked, Changed, Drift, Failed, InSync, Waiting};
    let cases: &[(&[Outcome], u8)] = &[
        (&[], 0),
        (&[InSync, Changed], 0),
        (&[InSync, Drift], 2),
        (&[Waiting], 2),
        (&[Drift, Blocked, InSync], 3),
        (&[Drift, Blocked, Failed], 1),
    ];
    for (outcomes, expected) in cases {
        let reports: Vec<_> = outcomes.iter().map(|outcome| report(*outcome)).collect();
        assert_eq!(Exit::of_all(&reports).code(), *expected, "{outcomes:?}");
    }
    let mut unpublished = report(Changed);
    unpublished.transient = true;
    assert_eq!(Exit::of(&unpublished).code(), 1);
}
