//! One scene from its beginning to its rest.

use std::{cell::Cell, time::Duration};

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    cloud::TestCloud,
    deeds::Deed,
    judge::{Evidence, Failure, judge},
    scene::{Scene, Trouble},
};

/// Sweeps after which everything has to be at rest.
/// A budget of two changes a run takes long for three connectors.
const MAX_ROUNDS: usize = 40;

thread_local! {
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Panics of tasks are told to nobody else.
pub fn count_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.with(|count| count.set(count.get() + 1));
        told(info);
    }));
}

pub fn play(scene: &Scene) -> Vec<Failure> {
    let before = PANICS.with(Cell::get);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let played =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(from_beginning_to_end(scene))));
    let mut failures = played.unwrap_or_default();
    runtime.shutdown_background();
    let panics = PANICS.with(Cell::get) - before;
    if panics > 0 {
        failures.push(Failure { rule: "nothing panics", text: format!("{panics} times") });
    }
    failures
}

async fn from_beginning_to_end(scene: &Scene) -> Vec<Failure> {
    let lab = TestCloud::new(scene);
    for _ in 0..scene.trouble.instances {
        lab.begin();
    }
    let first = lab.instance(0);
    let _ = first.ask("/sweep", json!({})).await;
    sleep(Duration::from_secs(30)).await;
    let mut done: Vec<(Timestamp, &Deed)> = Vec::new();
    for (pause, deed) in &scene.deeds {
        sleep(*pause).await;
        done.push((lab.cloud.now(), deed));
        let came_of_it = lab.perform(deed).await;
        if std::env::var_os("CAMPAIGN_SHOW").is_some() {
            println!("{} {deed:?}: {came_of_it}", lab.cloud.now());
        }
    }
    // The trouble ends, and what is under way arrives.
    lab.end_faults().await;
    lab.write_policy(&lab.policy());
    {
        let mut trouble = lab.shared.trouble.lock().unwrap();
        *trouble = Trouble { slow_ms: trouble.slow_ms.min(50), ..Trouble::default() };
    }
    sleep(Duration::from_secs(900)).await;
    let (mut rounds, mut last) = (Vec::new(), Vec::new());
    for round in 0..MAX_ROUNDS {
        let from = writes(&lab);
        last = sweep_all(&lab).await;
        sleep(Duration::from_secs(400)).await;
        rounds.push(writes(&lab) - from);
        if round > 0 && rounds.last() == Some(&0) {
            break;
        }
    }
    let fresh = reports(lab.build().ask("/sweep", json!({"dry_run": true})).await.1);
    if std::env::var_os("CAMPAIGN_SHOW").is_some() {
        show(&lab, &fresh);
    }
    let failures = judge(&evidence(scene, &lab, done, rounds, last, fresh));
    // They hold the cloud, and the cloud holds them by its deliveries.
    lab.shared.instances.lock().unwrap().clear();
    failures
}

async fn sweep_all(lab: &TestCloud) -> Vec<Value> {
    let instances = lab.shared.instances.lock().unwrap().clone();
    let mut all = Vec::new();
    for instance in instances {
        all.extend(reports(instance.ask("/sweep", json!({})).await.1));
    }
    all
}

fn reports(body: Value) -> Vec<Value> {
    body["reports"].as_array().cloned().unwrap_or_default()
}

/// What the program has written by now.
fn writes(lab: &TestCloud) -> usize {
    lab.shared.history.changes().iter().filter(|change| change.by == "program").count()
}

fn evidence<'a>(
    scene: &'a Scene,
    lab: &TestCloud,
    done: Vec<(Timestamp, &'a Deed)>,
    rounds: Vec<usize>,
    last: Vec<Value>,
    fresh: Vec<Value>,
) -> Evidence<'a> {
    let history = &lab.shared.history;
    let answers = history.answers.lock().unwrap();
    let heard = answers.iter().filter(|(status, ..)| *status == 204).filter_map(|(.., delivery)| {
        let envelope: Value = serde_json::from_slice(delivery).ok()?;
        let data = base64::engine::general_purpose::STANDARD.decode(envelope["message"]["data"].as_str()?).ok()?;
        let entry: Value = serde_json::from_slice(&data).ok()?;
        Some(entry["insertId"].as_str()?.to_owned())
    });
    Evidence {
        scene,
        changes: history.changes(),
        policies: history.policies.lock().unwrap().clone(),
        reports: history.reports.lock().unwrap().clone(),
        heard: heard.collect(),
        statuses: answers.iter().map(|(status, ..)| status.as_u16()).collect(),
        audit: lab.cloud.audit_entries(),
        calls: lab.cloud.calls(),
        done,
        rounds,
        last,
        fresh,
    }
}

fn show(lab: &TestCloud, fresh: &[Value]) {
    for change in lab.shared.history.changes().iter().filter(|change| change.by != "world") {
        let document = change.document.as_ref().map_or("gone".to_owned(), Value::to_string);
        println!("{} {} {}: {}", change.at, change.by, change.path, document.chars().take(600).collect::<String>());
    }
    for (at, report) in lab.shared.history.reports.lock().unwrap().iter() {
        println!("{at} {} {}", report["outcome"], report.to_string().chars().take(1500).collect::<String>());
    }
    for report in fresh {
        println!("at rest {report}");
    }
}
