//! Two instances of the program at work on one world: whichever call of the one falls between whichever of the other's, one
//! more run of each leaves the world as one alone would have left it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use egress_reconciler::{
    app::App,
    domain::names::short_hash,
    google::transport::{BoxFuture, Request, Response, SendError, Transport},
    reconcile::queue::RunRequest,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    case_file::Case,
    cases::{files, runtime},
    lab::TestCloud,
};

/// Makes each call take its time, before and after: which, the seed decides.
struct Dawdling {
    inner: Arc<dyn Transport>,
    seed: String,
    calls: AtomicU32,
}

impl Dawdling {
    fn pause(&self, call: u32, when: &str) -> Duration {
        let hash = short_hash(&format!("{}{call}{when}", self.seed));
        Duration::from_millis(u64::from_str_radix(&hash[..4], 16).unwrap() % 4000)
    }
}

impl Transport for Dawdling {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            sleep(self.pause(call, "before")).await;
            let answer = self.inner.send(request).await;
            sleep(self.pause(call, "after")).await;
            answer
        })
    }
}

fn dawdling(lab: &TestCloud, seed: String) -> Arc<App> {
    lab.beside(Arc::new(Dawdling { inner: lab.cloud.transport(), seed, calls: AtomicU32::new(0) }))
}

/// The case's world as one instance leaves it, or as two do.
async fn end(case: &Case, seed: Option<&str>) -> BTreeMap<String, Value> {
    let lab = TestCloud::new(case.world(), &case.policy(&json!({})));
    let request = RunRequest { wanted: case.wanted(), ..RunRequest::new(lab.target()) };
    let instances = match seed {
        None => vec![lab.app.clone()],
        Some(seed) => ["a", "b"].map(|who| dawdling(&lab, format!("{seed}{who}"))).to_vec(),
    };
    let runs = instances.iter().map(|instance| instance.queue.submit(request.clone()));
    futures_util::future::join_all(runs).await;
    sleep(Duration::from_secs(180)).await;
    let mut blocked = false;
    for instance in &instances {
        let report = instance.queue.submit(RunRequest::new(lab.target())).await;
        blocked |= !report.blocked_by.is_empty();
    }
    // Each remembers for itself what Google refused: only sweeps go on there, a step at a time, and not at once.
    for instance in instances.iter().cycle().take(if blocked { 3 * instances.len() } else { 0 }) {
        sleep(Duration::from_secs(3600)).await;
        instance.queue.submit(RunRequest { sweep: true, ..RunRequest::new(lab.target()) }).await;
    }
    sleep(Duration::from_secs(180)).await;
    objects(&lab.cloud.world().written())
}

/// What stands, without what tells when it was made.
fn objects(world: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (collection, documents) in world["resources"].as_object().unwrap() {
        for document in documents.as_array().into_iter().flatten() {
            let mut document = document.clone();
            let map = document.as_object_mut().unwrap();
            for told in ["id", "creationTimestamp", "fingerprint", "selfLinkWithId", "gatewayAddress"] {
                map.remove(told);
            }
            if let Some(description) = map.get_mut("description") {
                *description = since_some_time(description).into();
            }
            found.insert(format!("{collection} {}", map["name"]), sorted(document));
        }
    }
    found
}

/// A stamp without the time of its mark, which is that of whoever came first.
fn since_some_time(description: &Value) -> String {
    let words = description.as_str().unwrap_or_default().split(' ');
    let words = words.map(|word| if word.starts_with("unused-since=") { "unused-since" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A list's order says nothing.
fn sorted(mut document: Value) -> Value {
    match &mut document {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| *item = sorted(item.take()));
            items.sort_by_key(Value::to_string);
        }
        Value::Object(map) => map.values_mut().for_each(|value| *value = sorted(value.take())),
        _ => {}
    }
    document
}

#[test]
fn two_instances_leave_the_world_as_one_does() {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse::<usize>().ok());
    // Without being asked for more, every third world once.
    let (each, rounds) = asked.map_or((3, 1), |cases| (1, 1 + cases / 200));
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for path in files().into_iter().step_by(each) {
        let case = Case::read(&path);
        // A fault strikes the nth call of whoever makes it, and a budget takes more runs than these.
        if !case.section("before").is_empty() || case.section("policy").contains("budget") {
            continue;
        }
        compared += 1;
        let alone = runtime().block_on(end(&case, None));
        for round in 0..rounds {
            let seed = format!("{}{round}", path.file_stem().unwrap().display());
            let both = runtime().block_on(end(&case, Some(&seed)));
            let differ = |name: &&String| alone.get(*name) != both.get(*name);
            for name in alone.keys().chain(both.keys()).filter(differ) {
                let show = |of: &BTreeMap<String, Value>| of.get(name).map_or("nothing".to_owned(), Value::to_string);
                wrong.push(format!("{seed}: {name}\n  alone {}\n  both  {}", show(&alone), show(&both)));
            }
        }
    }
    assert!(compared > 50, "only {compared} cases");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
