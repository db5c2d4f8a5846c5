//! The program as a person runs it: exit statuses, what goes to stdout and what to stderr.

mod unable;
mod writes;

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::NamedTempFile;

const POLICY: &str = "\
version: 1
owner: team
mode: create
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20], declared: [{region: europe-west2, name: conn}]}
";

/// The program, knowing nothing of this machine's variables.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"));
    command.env_clear().args(args).stdin(Stdio::null());
    command
}

fn policy(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn told(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// `simulate` in a process of its own, which ends with the test.
struct Google {
    process: Child,
    address: String,
}

impl Google {
    fn begin() -> Self {
        let mut process = program(&["simulate", "--listen", "127.0.0.1:0", "--connector-seconds", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let from = first.find("http://").unwrap() + "http://".len();
        let address = first[from..].split('/').next().unwrap().to_owned();
        Self { process, address }
    }

    fn program(&self, args: &[&str], policy: &NamedTempFile) -> Output {
        self.command(args, policy).output().unwrap()
    }

    fn command(&self, args: &[&str], policy: &NamedTempFile) -> Command {
        let mut command = program(args);
        for (service, path) in [("COMPUTE", "compute/v1/"), ("VPCACCESS", ""), ("RUN", "svc/run/")] {
            let url = format!("http://{}/{path}", self.address);
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), url);
        }
        const OTHERS: [&str; 9] = [
            "serviceusage",
            "cloudresourcemanager",
            "pubsub",
            "logging",
            "orgpolicy",
            "networkconnectivity",
            "cloudfunctions",
            "appengine",
            "monitoring",
        ];
        for service in OTHERS {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", service.to_uppercase());
            command.env(variable, format!("http://{}/svc/{service}/", self.address));
        }
        command.env("EGRESS_POLICY", policy.path());
        command
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_stands_in_the_way_is_told_by_the_status() {
    let google = Google::begin();
    let cases = [
        // A network that is missing and may not be made needs a person.
        (POLICY.replace("my-vpc", "other-vpc"), "demo-project", 3),
        (POLICY.replace("create", "report"), "demo-project", 2),
        (POLICY.replace("create", "off"), "demo-project", 0),
        (POLICY.to_owned(), "other-project", 1),
        // No such project: nothing can be read, so nothing is planned.
        (POLICY.replace("demo-project", "other-project"), "other-project", 1),
    ];
    for (text, project, expected) in cases {
        let output = google.program(&["plan", "--project", project], &policy(&text));
        assert_eq!(status(&output), expected, "{text}\n{output:?}");
    }
}

/// What is wrong with the first project of the scope hides no other.
#[test]
fn a_sweep_goes_on_behind_a_project_that_does_not_exist() {
    let google = Google::begin();
    let both = POLICY.replace("[demo-project]", "[other-project, demo-project]");
    let output = google.program(&["sweep", "--dry-run", "--format", "json"], &policy(&both));
    let (out, error) = told(&output);
    let reports: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    let planned = |report: &Value| report["target"]["project"] == "demo-project" && report["outcome"] == "drift";
    assert!(reports.as_array().unwrap().iter().any(planned), "{reports:#}");
}

/// What listens on this machine is reached whatever the proxy variables say.
#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    let google = Google::begin();
    let proxies = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let file = policy(POLICY);
    let mut command = google.command(&["plan", "--project", "demo-project"], &file);
    command.envs(proxies.map(|name| (name, "http://127.0.0.1:1")));
    let output = command.output().unwrap();
    assert_eq!(status(&output), 2, "{output:?}");
}

/// The demo fits on a screen, shows what is reached before and after, and needs nothing of this machine.
#[test]
fn demo() {
    let proxies = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(&["demo"]);
    command.current_dir(&folder).env("TMPDIR", "/nonexistent").envs(proxies.map(|name| (name, "http://127.0.0.1:1")));
    let begun = std::time::Instant::now();
    let output = command.output().unwrap();
    let (text, error) = told(&output);
    assert_eq!((status(&output), error.as_str()), (0, ""), "{text}");
    assert!(text.lines().count() <= 40, "{text}");
    // Far above what it takes, on a machine that has other things to do.
    assert!(begun.elapsed().as_secs() < 60, "{text}");
    let before_and_after = [
        "198.51.100.7:443 no path → open, → 198.51.100.7:22 no path → stopped",
        "198.51.100.7:22 stopped → open → stopped",
        "198.51.100.7:22 stopped → open; alice deletes her rule → stopped",
        "198.51.100.7:443 open → no way out (no NAT) → open",
    ];
    assert!(before_and_after.iter().all(|line| text.contains(line)), "{text}");
}

/// One terminal is enough for a policy of one's own.
#[test]
fn every_command_takes_the_simulated_cloud() {
    let file = policy(POLICY);
    let path = file.path().to_str().unwrap();
    let place = ["--project", "demo-project", "--region", "europe-west2"];
    let cases: [(&str, &[&str], i32); 6] = [
        ("plan", &place, 2),
        ("explain", &place, 0),
        ("export", &place, 0),
        ("sweep", &["--dry-run"], 2),
        ("apply", &["--yes", "--connector-seconds", "0", "--lag-seconds", "0", "--project", "demo-project"], 0),
        ("release", &["--dry-run"], 0),
    ];
    for (command, more, expected) in cases {
        let args = [&[command, "--policy", path, "--cloud", "simulated"], more].concat();
        let output = program(&args).output().unwrap();
        assert_eq!(status(&output), expected, "{command}: {output:?}");
    }
    // Nothing of it means anything to Google.
    let flags: [(&[&str], &str); 8] = [
        (&["--world", "w.json"], "--world needs --cloud simulated"),
        (&["--connector-seconds", "60"], "--connector-seconds needs --cloud simulated"),
        (&["--operation-seconds", "1"], "--operation-seconds needs"),
        (&["--settle-seconds", "2"], "--settle-seconds needs"),
        (&["--lag-seconds", "5"], "--lag-seconds needs"),
        (&["--latency-ms", "0"], "--latency-ms needs"),
        (&["--seed", "7"], "--seed needs"),
        (&["--seed", "7", "--lag-seconds", "0"], "--lag-seconds, --seed need --cloud simulated"),
    ];
    for (more, says) in flags {
        let commands: [&[&str]; 3] = [&["plan", "--project", "demo-project"], &["doctor"], &["serve"]];
        for command in commands {
            let real = program(&[command, &["--policy", path], more].concat()).output().unwrap();
            assert!(status(&real) == 64 && told(&real).1.contains(says), "{command:?} {more:?}: {real:?}");
        }
    }
    let serve = program(&["serve", "--policy", path, "--sim-listen", "127.0.0.1:0"]).output().unwrap();
    assert!(status(&serve) == 64 && told(&serve).1.contains("--sim-listen needs --cloud simulated"), "{serve:?}");
    let doctor = program(&["doctor", "--policy", path, "--cloud", "simulated"]).output().unwrap();
    assert!(told(&doctor).0.contains("ok       permissions"), "{doctor:?}");
}

#[test]
fn explain() {
    let google = Google::begin();
    let policy = policy(POLICY);
    let place = ["explain", "--project", "demo-project", "--region", "europe-west2"];
    let nobody = google.program(&place, &policy);
    assert_eq!(
        (status(&nobody), told(&nobody).0.as_str()),
        (0, "no workload was found in demo-project europe-west2\n")
    );
    let unknown = google.program(&[&place[..], &["--workload", "nightly"]].concat(), &policy);
    assert_eq!(status(&unknown), 1);
    assert!(told(&unknown).1.contains("--workload: found nightly"), "{unknown:?}");
    let json = google.program(&[&place[..], &["--format", "json"]].concat(), &policy);
    assert_eq!((status(&json), told(&json).0.as_str()), (0, "[]\n"));
}

#[test]
fn export() {
    let google = Google::begin();
    let policy = policy(POLICY);
    let found = google.program(&["export", "--project", "demo-project", "--region", "europe-west2"], &policy);
    assert_eq!(status(&found), 0, "{found:?}");
    let documents: serde_json::Value = serde_json::from_str(&told(&found).0).unwrap();
    assert_eq!(documents[0]["target"]["region"], "europe-west2");
    assert_eq!(documents[0]["paths"][0]["subnet"]["name"], "egress-conn-europe-west2");
    let bare = google.program(&["export", "--project", "demo-project", "--format", "table"], &policy);
    assert_eq!(status(&bare), 64, "{bare:?}");
}

type Variables<'a> = &'a [(&'a str, &'a str)];

/// Arguments, variables, the status, and what stderr (stdout where the status is 0) says.
#[test]
fn statuses_and_words() {
    let right = policy(POLICY);
    let wrong = policy(&POLICY.replace("mode", "mood"));
    let narrow = policy(&format!("{POLICY}firewall: {{enforcement: enforce, internet: []}}\n"));
    let (right, wrong) = (right.path().to_str().unwrap(), wrong.path().to_str().unwrap());
    let narrow = narrow.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let cases: &[(&[&str], Variables, i32, &str)] = &[
        (&["--help"], &[], 0, "Examples:"),
        (&["serve", "--help"], &[], 0, "EGRESS_MAX_CONCURRENT"),
        (&["--version"], &[], 0, concat!("egress-reconciler ", env!("CARGO_PKG_VERSION"))),
        (&[], &[], 64, "Usage:"),
        (&["plan"], &[], 64, "--project"),
        (&["plan"], &[("EGRESS_PROJECT", "")], 64, "--project"),
        (&["plan"], &[("EGRESS_PROJECT", "X")], 64, "a project id of 6 to 30"),
        (&["plan"], &[("EGRESS_PROJECT", "demo-project")], 1, "no policy: set --policy FILE or EGRESS_POLICY"),
        (&["plan", "--project", "demo-project", "--policy", "no/such"], &[], 1, "cannot read the policy no/such"),
        (
            &["plan", "--project", "demo-project"],
            &[("EGRESS_POLICY", wrong)],
            1,
            ":3:1: mood: found an unknown key; did you mean `mode`?",
        ),
        (
            &["plan", "--project", "other-project"],
            &[("EGRESS_POLICY", right)],
            1,
            "scope.projects and scope.hosts (demo-project)",
        ),
        (
            &["release", "--yes"],
            &[("EGRESS_POLICY", wrong)],
            1,
            "by hand: `gcloud compute firewall-rules list --project PROJECT",
        ),
        (&["release", "--yes", "--region", "us-east1"], &[("EGRESS_POLICY", right)], 1, "scope.regions (europe-west2)"),
        (&["rearm", "--yes", "--project", "other-project"], &[("EGRESS_POLICY", right)], 1, "(demo-project)"),
        (&["policy", "check", right], &[], 0, "ok: "),
        (&["policy", "check"], &[("EGRESS_POLICY", right)], 0, "create: creates missing resources"),
        (&["policy", "check", narrow], &[], 0, ":7:44: warning: firewall.internet: no entry allows tcp:443"),
        (&["policy", "check", "--policy", right], &[("EGRESS_POLICY", wrong)], 0, "ok: "),
        (&["policy", "check", right], &[("EGRESS_POLICY", wrong)], 0, "ok: "),
        (&["policy", "check", wrong], &[], 1, "did you mean `mode`?"),
        (&["policy", "check", "-"], &[], 1, "<stdin>:1:1: the policy must be a map of keys"),
        (&["policy", "check"], &[], 1, "no policy: set --policy FILE or EGRESS_POLICY"),
        (&["policy", "diff", right, narrow], &[], 0, "\n  closes everything to every address except 10.0.0.0/8"),
        (&["policy", "diff", right, narrow, "--format", "json"], &[], 0, "\"closes\": ["),
        (&["policy", "diff", right, right], &[], 0, "no difference"),
        (&["policy", "diff", right, wrong], &[], 1, "did you mean `mode`?"),
        (&["policy", "example"], &[], 0, "version: 1"),
        (&["policy", "schema"], &[], 0, "\"subnet_pools\""),
        (&["policy", "sink-filter"], &[], 0, "protoPayload.serviceName=\"vpcaccess.googleapis.com\""),
        (&["policy", "sink-filter", "--format", "triggers"], &[], 0, "\"methodName\": \"/Jobs.CreateJob\""),
        (&["policy", "sink-filter"], &[("EGRESS_SINK_FORMAT", "x")], 64, "possible values: filter, triggers"),
        (&["serve"], &[("K_SERVICE", "x"), ("EGRESS_POLICY", right)], 1, "on Cloud Run `--auth` has no default"),
        (&["serve", "--listen", "0.0.0.0:0"], &[("EGRESS_POLICY", right)], 1, "would accept requests from anyone"),
        (&["serve", "--listen", "127.0.0.1:0"], &[], 1, "no policy"),
        (&["serve", "--listen", "127.0.0.1:0"], &[("EGRESS_POLICY", wrong)], 1, "did you mean `mode`?"),
        (&["serve", "--policy", "-"], &[], 64, "--policy: found -, expected a file"),
        (
            &["plan", "--policy", "-", "--project", "demo-project"],
            &[],
            1,
            "<stdin>:1:1: the policy must be a map of keys",
        ),
        (&["serve", "--listen", &port], &[("EGRESS_POLICY", right)], 1, "give another address with --listen"),
        (&["simulate", "--listen", &port], &[], 1, "Address already in use"),
        (&["simulate", "--world", wrong], &[], 1, "is not right"),
        (&["simulate", "--world", "no/such"], &[], 1, "cannot read the world no/such"),
    ];
    for (args, variables, expected, words) in cases {
        let output = program(args).envs(variables.iter().copied()).output().unwrap();
        let (out, err) = told(&output);
        assert_eq!(status(&output), *expected, "{args:?} {variables:?}\n{out}{err}");
        let said = if *expected == 0 { &out } else { &err };
        assert!(said.contains(words), "{args:?} {variables:?}: {words}\n{out}{err}");
        assert!(*expected == 0 || out.is_empty(), "{args:?}: {out}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = program(&["policy", "schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((status(&output), told(&output).1.as_str()), (0, ""));
}

/// The doctor against the simulated Google, over the wire; a policy that is wrong is the first thing to fix.
#[test]
fn the_doctor_looks_and_tells() {
    let google = Google::begin();
    let args = ["doctor", "--report-topic", "projects/demo-project/topics/egress-reports", "--format", "json"];
    let right = google.program(&args, &policy(POLICY));
    let lines: Value = serde_json::from_str(&told(&right).0).unwrap();
    let marks = |mark: &str| lines.as_array().unwrap().iter().filter(|line| line["mark"] == mark).count();
    assert_eq!((status(&right), marks("bad"), marks("unknown")), (0, 0, 4), "{lines:#}");

    let wrong = google.program(&["doctor"], &policy("version: 1\n"));
    let (text, _) = told(&wrong);
    assert_eq!(status(&wrong), 1);
    assert!(text.starts_with("bad      policy: ") && text.contains("-> egress-reconciler policy check "), "{text}");
}

/// Off reads nothing: no command that looks asks Google anything, and who asks for an answer hears why there is none.
#[test]
fn mode_off_reads_nothing() {
    let off = POLICY.replace("mode: create", "mode: off");
    let everywhere = off.replace("regions: [europe-west2]", "regions: all");
    // Nothing listens on port 1, and there are no credentials.
    let run = |policy: &NamedTempFile, args: &[&str]| {
        let output = program(args)
            .env("EGRESS_POLICY", policy.path())
            .env("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
            .output()
            .unwrap();
        (status(&output), told(&output))
    };
    let place = ["--project", "demo-project", "--region", "europe-west2"];
    for text in [off, everywhere] {
        let file = policy(&text);
        for command in ["plan", "apply"] {
            let (code, (out, error)) = run(&file, &[&[command], &place[..]].concat());
            assert!(code == 0 && out.contains("mode off: nothing was looked at"), "{command}: {code} {out}{error}");
        }
        for command in ["explain", "export"] {
            let (code, (out, error)) = run(&file, &[&[command], &place[..]].concat());
            assert!(code == 1 && out.is_empty(), "{command}: {code} {out}{error}");
            let both = ["demo-project europe-west2: mode off: nothing was looked at", "set `mode: report` to look"];
            assert!(both.iter().all(|says| error.contains(says)), "{command}: {error}");
        }
        let (code, (out, error)) = run(&file, &["plan", "--project", "demo-project"]);
        assert!(
            code == 0 && format!("{out}{error}").contains("mode off: nothing was looked at"),
            "{code} {out}{error}"
        );
        let (code, told) = run(&file, &["sweep", "--dry-run"]);
        assert_eq!(code, 0, "{told:?}");
    }
}

/// A policy that comes through a pipe, for every command that reads it once.
#[test]
fn a_policy_from_standard_input() {
    let place = ["--project", "demo-project", "--region", "europe-west2"];
    let cases: [(&str, &[&str], i32); 8] = [
        ("plan", &place, 2),
        ("apply", &["--dry-run", "--project", "demo-project"], 2),
        ("sweep", &["--dry-run"], 2),
        ("explain", &place, 0),
        ("export", &place, 0),
        ("release", &["--dry-run"], 0),
        ("rearm", &["--dry-run"], 0),
        ("doctor", &[], 0),
    ];
    for (command, more, expected) in cases {
        let args = [&[command, "--policy", "-", "--cloud", "simulated"], more].concat();
        let mut child =
            program(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(POLICY.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(status(&output), expected, "{command}: {output:?}");
    }
}

/// What a person is told to paste is one word where it is one name, and asks the cloud that was asked.
#[test]
fn printed_commands_can_be_pasted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, world, saved) = (file("my policy.yaml"), file("my world.json"), file("it's a plan.json"));
    std::fs::write(&policy, POLICY).unwrap();
    let demo = egress_reconciler::app::simulated::demo_world();
    std::fs::write(&world, demo.written().to_string()).unwrap();
    let cloud = ["--cloud", "simulated", "--world", &world];
    let args = [&["plan", "--policy", &policy, "--project", "demo-project", "--out", &saved], &cloud[..]].concat();
    let output = program(&args).output().unwrap();
    let (out, error) = told(&output);
    let quoted = saved.replace('\'', r"'\''");
    let apply = format!("egress-reconciler apply '{quoted}' --policy '{policy}' --cloud simulated --world '{world}'");
    assert!(status(&output) == 2 && error.contains(&apply), "{out}{error}");
    std::fs::write(&policy, "version: 1\n").unwrap();
    let doctor = told(&program(&[&["doctor", "--policy", &policy], &cloud[..]].concat()).output().unwrap());
    assert!(doctor.0.contains(&format!("-> egress-reconciler policy check '{policy}'\n")), "{doctor:?}");
    std::fs::write(&policy, POLICY).unwrap();
    let doctor = told(&program(&[&["doctor", "--policy", &policy], &cloud[..]].concat()).output().unwrap());
    let again = format!(" --cloud simulated --world '{world}'\n");
    assert!(doctor.0.lines().any(|line| format!("{line}\n").ends_with(&again)), "{doctor:?}");
}
