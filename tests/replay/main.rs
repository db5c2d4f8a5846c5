//! Dialogues recorded from Google, said again to the simulated Google: status codes, field names and types are the same,
//! but for what is known and explained. Runs where the recordings stand beside the checkout.

mod dialogue;
mod known;
mod names;
mod shape;

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use bytes::Bytes;
use egress_reconciler::{
    google::transport::Request,
    sim::{
        cloud::{Cloud, Options},
        world::World,
    },
};
use serde_json::Value;

use dialogue::Exchange;
use names::Names;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/http-logs");
const SERVICES: [&str; 3] = ["https://compute.", "https://vpcaccess.", "https://run."];

/// What the recordings' project has before they begin.
fn cloud() -> Cloud {
    let mut world = World::with_project("demo-project", "123456789012").network("demo-project", "network");
    let other = World::with_project("example-project-02", "210987654321").network("example-project-02", "network");
    world.projects.extend(other.projects);
    world.resources.extend(other.resources);
    world.regions = ["us-central1", "us-west1", "us-west2"].map(str::to_owned).to_vec();
    Cloud::new(world, Options::starting_at("2026-03-02T10:00:00Z".parse().unwrap()), None).unwrap()
}

async fn say(cloud: &Cloud, names: &Names, exchange: &Exchange) -> (u16, Value) {
    let body = exchange.body.as_ref().map_or_else(Bytes::new, |body| names.filled(body).into());
    let http = http::Request::builder().method(&exchange.method).uri(names.filled(&exchange.url)).body(body).unwrap();
    let request = Request { call: "replay", http, deadline: Duration::from_secs(30) };
    let response = cloud.transport().send(request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// `GET …/routers/${routerID}` as `GET routers`: the method, and the collection it is about.
fn about(exchange: &Exchange) -> String {
    let path = exchange.url.split('?').next().unwrap();
    let collections = ["operations", "networks", "subnetworks", "routers", "addresses", "connectors", "jobs"];
    let collection = path.rsplit('/').find(|part| collections.contains(part)).unwrap_or(path);
    format!("{} {collection}", exchange.method)
}

/// Says one dialogue and returns how it differs from what was recorded: the log, the exchange, the difference.
async fn replay(log: &str, text: &str) -> Vec<(String, String, String)> {
    let (cloud, mut names) = (cloud(), Names::default());
    let mut found = Vec::new();
    for exchange in dialogue::read(text).iter().filter(|it| SERVICES.iter().any(|host| it.url.starts_with(host))) {
        names.before(exchange);
        if exchange.answer["status"] != "RUNNING" || exchange.method != "GET" {
            cloud.advance(Duration::from_secs(120));
        }
        let (status, answer) = say(&cloud, &names, exchange).await;
        names.after(exchange, &answer);
        let mut differences = shape::differences(&exchange.answer, &answer);
        if status != exchange.status {
            differences = vec![format!("answers {status} and not {}: {}", exchange.status, answer["error"]["message"])];
        }
        found.extend(differences.into_iter().map(|it| (log.to_owned(), about(exchange), it)));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn google_is_answered_for() {
    if !Path::new(RECORDINGS).exists() {
        eprintln!("not replayed, for they are not there: {RECORDINGS}");
        return;
    }
    let mut found = BTreeSet::new();
    for file in fs::read_dir(RECORDINGS).unwrap() {
        let path = file.unwrap().path();
        let log = path.file_stem().unwrap().to_string_lossy().into_owned();
        // Grade A is Google's own word, grade B has its shape; grade C is a mock's, which measures nothing.
        if path.extension().is_some_and(|ending| ending == "log") && !log.starts_with('C') {
            found.extend(replay(&log, &fs::read_to_string(&path).unwrap()).await);
        }
    }
    let (unknown, unseen) = known::judged(&found);
    assert!(unknown.is_empty(), "not explained:\n{}", unknown.join("\n"));
    assert!(unseen.is_empty(), "explained, but no longer so:\n{}", unseen.join("\n"));
}
