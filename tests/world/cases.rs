//! Every file under `tests/cases` is a small world and a policy, with the plan and the end that they must lead to.
//!
//! A new case is a new file with a first line that says what it shows, a `== policy` and a `== world` section (YAML; both are
//! laid over those of the demo; the world has the collections of `GET /sim/world`) and, if a deploy was refused, `== wanted`.
//! Run the tests with `CASES=accept` to have `== plan` and `== end` written, then read what was written.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use egress_reconciler::{
    domain::{report::Report, wanted::WantedConnector},
    reconcile::queue::RunRequest,
    sim::world::World,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lab::{Lab, PROJECT, REGION, world};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    connector: String,
    egress: String,
}

struct Case {
    title: String,
    sections: BTreeMap<String, String>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (title, rest) = text.split_once('\n').expect("a first line that says what the case shows");
        let mut sections = BTreeMap::new();
        for section in rest.split("\n== ").skip(1) {
            let (name, body) = section.split_once('\n').unwrap_or((section, ""));
            sections.insert(name.trim().to_owned(), body.trim_end().to_owned());
        }
        Self { title: title.to_owned(), sections }
    }

    fn yaml(&self, name: &str) -> Value {
        let text = self.sections.get(name).map_or("", String::as_str);
        if text.trim().is_empty() {
            json!({})
        } else {
            serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
        }
    }

    fn policy(&self) -> String {
        let mut policy = json!({
            "version": 1, "owner": "lab", "mode": "enforce",
            "scope": {"projects": [PROJECT], "regions": [REGION]},
            "network": {"name": "my-vpc"},
            "connector": {"subnet_pools": ["10.8.0.0/20"]},
        });
        lay_over(&mut policy, self.yaml("policy"));
        policy.to_string()
    }

    fn world(&self) -> World {
        let mut document = world().written();
        let mut over = self.yaml("world");
        let map = over.as_object_mut().unwrap();
        // Keys of the world itself are replaced; collections are added to.
        for key in ["projects", "regions"] {
            if let Some(value) = map.remove(key) {
                lay_over(&mut document[key], value);
            }
        }
        for (collection, documents) in std::mem::take(map) {
            let list = &mut document["resources"][&collection];
            let mut all = list.as_array().cloned().unwrap_or_default();
            match documents {
                Value::Array(documents) => all.extend(documents),
                // `collection: {}` empties it.
                _ => all.clear(),
            }
            *list = Value::Array(all);
        }
        World::read(document).unwrap_or_else(|error| panic!("world: {error}"))
    }

    fn wanted(&self) -> Vec<WantedConnector> {
        let Value::Array(items) = self.yaml("wanted") else { return Vec::new() };
        let read = |item: Value| {
            let Wanted { connector, egress } = serde_json::from_value(item).unwrap();
            WantedConnector {
                connector: format!("projects/{PROJECT}/locations/{REGION}/connectors/{connector}").try_into().unwrap(),
                egress: egress_reconciler::domain::wanted::Egress::parse(&egress),
                workload: format!("namespaces/{PROJECT}/jobs/refused"),
            }
        };
        items.into_iter().map(read).collect()
    }
}

fn lay_over(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// What a report says, for a person to compare.
fn text(report: &Report) -> String {
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
        writeln!(out, "egress {}: {}{by}", egress.connector.name, egress.state.word()).unwrap();
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

async fn check(path: &Path, accept: bool) -> Result<(), String> {
    let case = Case::read(path);
    let lab = Lab::new(case.world(), &case.policy());
    let request = RunRequest { wanted: case.wanted(), ..RunRequest::new(lab.target()) };
    let planned = lab.app.queue.submit(RunRequest { dry_run: true, ..request.clone() }).await;
    assert_eq!(lab.writes(0), Vec::<String>::new(), "{}: a dry run writes", case.title);
    let first = lab.app.queue.submit(request).await;
    tokio::time::sleep(std::time::Duration::from_secs(180)).await;
    let writes = lab.writes(0);
    let later = settle(&lab).await.map_err(|wrote| format!("{}: does not come to rest: {wrote:?}", case.title))?;

    let found = [("plan", text(&planned)), ("end", end(&first, &writes, &later))];
    if accept {
        let mut out = case.title.clone() + "\n";
        for name in ["policy", "world", "wanted"] {
            if let Some(body) = case.sections.get(name) {
                write!(out, "\n== {name}\n{body}\n").unwrap();
            }
        }
        for (name, body) in &found {
            write!(out, "\n== {name}\n{}\n", body.trim_end()).unwrap();
        }
        fs::write(path, out).unwrap();
        return Ok(());
    }
    for (name, body) in &found {
        let expected = case.sections.get(*name).map_or("", String::as_str);
        if expected.trim_end() != body.trim_end() {
            return Err(format!(
                "{} ({})\n--- {name} expected\n{expected}\n--- found\n{body}",
                path.display(),
                case.title
            ));
        }
    }
    Ok(())
}

/// Runs until nothing is written any more; a small budget takes several.
async fn settle(lab: &Lab) -> Result<std::sync::Arc<Report>, Vec<String>> {
    let mut wrote = Vec::new();
    for _ in 0..6 {
        let calls = lab.cloud.calls().len();
        let report = lab.run().await;
        wrote = lab.writes(calls);
        if wrote.is_empty() {
            return Ok(report);
        }
    }
    Err(wrote)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn every_case_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let accept = std::env::var("CASES").is_ok_and(|word| word == "accept");
    let all = files(&folder);
    assert!(!all.is_empty());
    let mut wrong = Vec::new();
    for path in all {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        if let Err(difference) = runtime.block_on(check(&path, accept)) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
