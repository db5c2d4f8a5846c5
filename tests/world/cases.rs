//! Every file under `tests/cases` is a small world and a policy, with the plan and the end that they must lead to.
//!
//! A new case is a new file with a first line that says what it shows, a `== policy` and a `== world` section (YAML; both are
//! laid over those of the demo; `case_file` says how a world is written) and, if a deploy was refused, `== wanted`.
//! `== then` lists what somebody does, or how the policy changes, after the world has come to rest:
//! `- call: [PATCH compute/v1/…, {disabled: true}]`, `- refused: [POST v2/…, {…}, bob@example.com]` (Google must refuse it),
//! `- policy: {…}`, `- wait: SECONDS`, `- fault: {…}`.
//! `== before` does the same before the first run. `== or somebody disabled it` is a `== then` that follows the first end
//! again: so a file tells several stories that begin alike.
//! Run the tests with `CASES=accept` to have `== plan` and `== end` written, then read what was written.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use egress_reconciler::{
    domain::report::Report,
    reconcile::{observe, queue::RunRequest},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    case_file::{Case, Happens, starts_over},
    lab::TestCloud,
};

/// What a report says, for a person to compare.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    for step in &report.steps {
        writeln!(out, "{} {}: {}", step.verb.word(), step.step, step.reason).unwrap();
        for diff in step.diff.iter().filter(|diff| diff.field != "description") {
            writeln!(out, "    {}: {} -> {}", diff.field, diff.before, diff.after).unwrap();
        }
    }
    for held in &report.withheld {
        writeln!(out, "withheld ({:?}) {} {}: {}", held.why, held.verb.word(), held.step, held.text).unwrap();
    }
    for (word, notes) in
        [("waiting", &report.waiting_on), ("blocked", &report.blocked_by), ("finding", &report.findings)]
    {
        for note in notes {
            let by = note.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            writeln!(out, "{word} [{}]{by} {}: {}", note.code, note.object, note.text).unwrap();
        }
    }
    out + &state(report)
}

fn state(report: &Report) -> String {
    let mut out = String::new();
    for egress in &report.egress {
        let by = egress.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        writeln!(out, "egress {}: {}{by}", egress.name(), egress.state.word()).unwrap();
    }
    writeln!(out, "outcome {}", report.outcome.word()).unwrap();
    out
}

/// What a first run does, and what a later one, with the connectors made, finds.
fn end(first: &Report, writes: &[String], later: &Report) -> String {
    let mut out = String::new();
    for step in first.steps.iter().filter(|step| !step.is_done()) {
        writeln!(out, "not done {}: {:?}", step.step, step.outcome).unwrap();
    }
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for write in writes {
        *counts.entry(write).or_default() += 1;
    }
    for (call, count) in counts {
        writeln!(out, "{count} {call}").unwrap();
    }
    writeln!(out, "then").unwrap();
    for note in later.waiting_on.iter().chain(&later.blocked_by) {
        writeln!(out, "{} {}", note.code, note.object).unwrap();
    }
    out + &state(later)
}

/// Plans, runs and lets the world come to rest; the results are kept under the names of their sections.
async fn chapter(
    lab: &TestCloud,
    name: &str,
    request: RunRequest,
    results: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    alike(lab, &request).await;
    let calls = lab.cloud.calls().len();
    let planned = lab.app.queue.submit(RunRequest { dry_run: true, ..request.clone() }).await;
    assert_eq!(lab.writes(calls), Vec::<String>::new(), "a dry run writes");
    let first = lab.app.queue.submit(request).await;
    sleep(Duration::from_secs(180)).await;
    let later = settle(lab).await.map_err(|wrote| format!("does not come to rest: {wrote:?}"))?;
    let writes = lab.writes(calls);
    results.insert(format!("plan {name}").trim().to_owned(), text(&planned));
    results.insert(format!("end {name}").trim().to_owned(), end(&first, &writes, &later));
    Ok(())
}

/// Whatever stands there, lists of the whole project show it as the target's own do.
async fn alike(lab: &TestCloud, request: &RunRequest) {
    let engine = &lab.app.engine;
    let (policy, target) = (lab.app.policy(), &request.target);
    let network = policy.network_of(target);
    let own = observe::round_one(&engine.client, target, network.clone(), (engine.now)()).await;
    let lists = engine.snapshot(false).of(target.project.clone());
    let cut = lists.round_one(&engine.client, target, network, true).await;
    let (own, cut) = (json!(own), json!(cut));
    for (list, own) in own.as_object().unwrap().iter().filter(|(list, _)| *list != "at") {
        // A list of all regions need not say that one of them is closed. Where there is nothing to decide over, firewall policies
        // are left out.
        match &own["unread"]["kind"] {
            _ if list == "effective" && cut[list]["unread"]["kind"] == "not-asked" => {
                for list in ["jobs", "services", "workerPools", "instances"] {
                    assert_eq!(cut[list], json!([]), "{list}");
                }
            }
            Value::Null => assert_eq!(own, &cut[list], "{list}"),
            kind if kind == "region-closed" => {}
            kind => assert_eq!(kind, &cut[list]["unread"]["kind"], "{list}"),
        }
    }
}

/// Lets a chapter happen; the answer is what a run would be told of it.
async fn happen(lab: &TestCloud, case: &Case, events: Vec<Happens>) -> RunRequest {
    let heard = lab.cloud.audit_entries().len();
    for event in events {
        match event {
            Happens::Call(line, body) => {
                let (method, url) = line.split_once(' ').unwrap();
                let url = format!("https://{}.googleapis.com/{url}", host(url));
                let answer = lab.call(method, &url, body).await;
                assert!(answer.status().is_success(), "{line}: {:?}", answer.body());
            }
            Happens::Refused(line, body, who) => {
                let (method, url) = line.split_once(' ').unwrap();
                let url = format!("https://{}.googleapis.com/{url}", host(url));
                let answer = lab.call_as(who.as_deref().unwrap_or("alice@example.com"), method, &url, body).await;
                assert!(!answer.status().is_success(), "{line}: {:?}", answer.body());
            }
            Happens::Policy(over) => lab.change_policy(&case.policy(&over)).await,
            Happens::Wait(seconds) => sleep(Duration::from_secs(seconds)).await,
            Happens::Fault(fault) => {
                let fault = serde_json::from_value(fault).unwrap_or_else(|error| panic!("{}: {error}", case.title));
                lab.cloud.inject(fault);
            }
        }
    }
    sleep(Duration::from_secs(5)).await;
    let signals = lab.signals(heard).into_iter();
    let (wanted, triggers): (Vec<_>, _) = signals.map(|signal| (signal.wanted, signal.trigger)).unzip();
    RunRequest {
        triggers,
        wanted: wanted.into_iter().flatten().collect(),
        sweep: true,
        ..RunRequest::new(lab.target())
    }
}

fn host(path: &str) -> &'static str {
    match path {
        path if path.starts_with("compute/") => "compute",
        path if path.contains("/connectors") => "vpcaccess",
        // v1 lives at a host of its region.
        path if path.starts_with("apis/") => "europe-west2-run",
        _ => "run",
    }
}

/// Every section that a case leads to.
pub async fn play(case: &Case) -> Result<BTreeMap<String, String>, String> {
    let mut results = BTreeMap::new();
    let mut lab = begin(case, &mut results).await?;
    for (name, events) in case.chapters() {
        if starts_over(name) {
            lab = begin(case, &mut results).await?;
        }
        let request = happen(&lab, case, events).await;
        chapter(&lab, name, request, &mut results).await?;
    }
    Ok(results)
}

async fn begin(case: &Case, results: &mut BTreeMap<String, String>) -> Result<TestCloud, String> {
    let lab = TestCloud::new(case.world(), &case.policy(&serde_json::json!({})));
    let before = happen(&lab, case, case.before()).await;
    let request = RunRequest { wanted: [case.wanted(), before.wanted.clone()].concat(), ..before };
    chapter(&lab, "", request, results).await?;
    Ok(lab)
}

fn check(path: &Path, accept: bool) -> Result<(), String> {
    let case = Case::read(path);
    let told = |why: String| format!("{} ({})\n{why}", path.display(), case.title);
    let results = runtime().block_on(play(&case)).map_err(told)?;
    if accept {
        case.write(path, &results);
        return Ok(());
    }
    for (name, found) in &results {
        let expected = case.section(name);
        if expected.trim_end() != found.trim_end() {
            return Err(told(format!("--- {name} expected\n{expected}\n--- found\n{found}")));
        }
    }
    Ok(())
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Runs until nothing is changed any more; a small budget takes several.
async fn settle(lab: &TestCloud) -> Result<std::sync::Arc<Report>, Vec<String>> {
    let mut wrote = Vec::new();
    for _ in 0..6 {
        let calls = lab.cloud.calls().len();
        let report = lab.run().await;
        if !report.changed() {
            return Ok(report);
        }
        wrote = lab.writes(calls);
    }
    Err(wrote)
}

/// Every case file.
pub fn files() -> Vec<PathBuf> {
    files_ending_in("case")
}

pub fn files_ending_in(ending: &str) -> Vec<PathBuf> {
    fn under(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { under(&path) } else { vec![path] }).collect()
    }
    let mut found = under(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"));
    found.retain(|path| path.extension().is_some_and(|own| own == ending));
    found.sort();
    found
}

#[test]
fn every_case_ends_as_it_says() {
    let accept = std::env::var("CASES").is_ok_and(|word| word == "accept");
    let all = files();
    assert!(!all.is_empty());
    let mut wrong = Vec::new();
    for path in all {
        // One case that cannot be read must not hide the others.
        match catch_unwind(AssertUnwindSafe(|| check(&path, accept))) {
            Ok(Ok(())) => {}
            Ok(Err(difference)) => wrong.push(difference),
            Err(_) => wrong.push(format!("{} panics: see above", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
