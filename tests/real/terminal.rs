//! The program on a terminal: what it asks, and how it looks there.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

const POLICY: &str = "\
version: 1
owner: team
mode: create
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20], declared: [{region: europe-west2, name: conn}]}
";

struct Terminal {
    columns: u16,
    answer: &'static str,
    variables: &'static [(&'static str, &'static str)],
}

const USUAL: Terminal = Terminal { columns: 100, answer: "", variables: &[("TERM", "xterm")] };

impl Terminal {
    fn run(&self, command: &str, more: &[&str]) -> Output {
        let folder = TempDir::new().unwrap();
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, POLICY).unwrap();
        let mut python = Command::new("python3");
        python.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(self.variables.iter().copied());
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/terminal.py"));
        python.args([&self.columns.to_string(), self.answer, env!("CARGO_BIN_EXE_egress-reconciler"), command]);
        python.arg("--policy").arg(&policy);
        python.args(["--cloud", "simulated", "--connector-seconds", "0", "--lag-seconds", "0"]);
        python.args(more).output().unwrap()
    }

    fn shows(&self, command: &str, more: &[&str]) -> (i32, String) {
        let output = self.run(command, more);
        let status = output.status.code().unwrap_or_else(|| panic!("{output:?}"));
        (status, String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn a_question_is_answered_with_yes_or_not_at_all() {
    let apply = |answer| Terminal { answer, ..USUAL }.shows("apply", &["--project", "demo-project"]);
    let (status, shown) = apply("yes");
    assert_eq!(status, 0, "{shown}");
    let [plan, question, done] = ["+ create", "Make these changes, and those that they make possible?", "+ created"]
        .map(|part| shown.find(part));
    assert!(plan.is_some() && plan < question && question < done, "{shown}");
    for answer in ["no", "y", "YES", ""] {
        let (status, shown) = apply(answer);
        assert_eq!(status, 1, "{answer}: {shown}");
        assert!(shown.contains("Nothing was changed.") && !shown.contains("created"), "{answer}: {shown}");
    }
    let (status, shown) = apply("^C");
    assert!(status == 130 && !shown.contains("created"), "{status}: {shown}");
    assert!(shown.ends_with("\nNothing was changed.\n"), "{shown}");
    // Nothing is asked where there is nothing to do.
    let (status, shown) = USUAL.shows("release", &[]);
    assert!(status == 0 && shown.contains("nothing to release") && !shown.contains("yes"), "{status}: {shown}");
}

/// On a wide terminal lines are wrapped between words; on a narrow one, or one that does not know its width, not at all.
#[test]
fn a_plan_at_every_width() {
    let place = ["--project", "demo-project"];
    let whole = Terminal { columns: 0, ..USUAL }.shows("plan", &place).1;
    for columns in [1, 40, 60, 79] {
        assert_eq!(Terminal { columns, ..USUAL }.shows("plan", &place).1, whole, "{columns}");
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for columns in [80, 100, 250] {
        let shown = Terminal { columns, variables: &[("TERM", "dumb")], ..USUAL }.shows("plan", &place).1;
        let (plan, warning) = shown.split_once("warning:").unwrap();
        // A name that is longer than a line stands on it alone.
        let fits = |line: &str| line.chars().count() <= columns.into() || !line.trim().contains(' ');
        assert!(plan.lines().all(fits), "{columns}: {shown}");
        assert!(plan.contains("subnet egress-conn-europe-west2"), "{columns}: {shown}");
        assert!(!warning.is_empty(), "{columns}: {shown}");
        let piped = Terminal { columns: 0, variables: &[("TERM", "dumb")], ..USUAL }.shows("plan", &place).1;
        assert_eq!(words(&shown), words(&piped), "{columns}");
    }
}

/// Colours for who wants them.
#[test]
fn colours() {
    let coloured = |variables| {
        let (_, shown) = Terminal { variables, ..USUAL }.shows("plan", &["--project", "demo-project"]);
        shown.contains('\u{1b}')
    };
    assert!(coloured(&[("TERM", "xterm")]));
    let plain: [&'static [(&str, &str)]; 3] = [&[("TERM", "dumb")], &[("TERM", "xterm"), ("NO_COLOR", "1")], &[]];
    for variables in plain {
        assert!(!coloured(variables), "{variables:?}");
    }
}
