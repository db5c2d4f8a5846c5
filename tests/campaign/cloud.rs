//! A simulated cloud with several instances of the program, in one process on paused time.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use egress_reconciler::{
    app::{App, Settings},
    google::transport::Request,
    sim::cloud::{Cloud, Options},
    web::{Auth, ServerConfig, router},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    chance::Chance,
    history::History,
    scene::{Scene, Trouble},
    support::{self, PolicyFile},
    wire::{Deliveries, Topic, Wire},
};

pub const RUNNER: &str = "runner@team-app.iam.gserviceaccount.com";
pub const PERSON: &str = "alice@example.com";
const START: &str = "2026-11-23T12:00:00Z";

/// One process of the program.
pub struct Instance {
    pub name: u64,
    app: Arc<App>,
    pub router: Router,
    pub killed: watch::Sender<bool>,
}

/// What the wire and everybody on it share.
pub struct Shared {
    pub instances: Mutex<Vec<Arc<Instance>>>,
    pub trouble: Mutex<Trouble>,
    pub chance: Mutex<Chance>,
    pub history: History,
}

pub struct TestCloud {
    pub cloud: Cloud,
    pub shared: Arc<Shared>,
    pub policy_file: PolicyFile,
    started: AtomicU64,
    seed: u64,
}

impl TestCloud {
    pub fn new(scene: &Scene) -> Self {
        let mut chance = Chance::new(scene.seed, "wire");
        let mut options = Options::starting_at(START.parse().unwrap());
        options.seed = Some(scene.seed);
        options.connector = Duration::from_secs(20 + chance.below(150));
        options.operation = Duration::from_millis(chance.below(3000));
        options.latency = Duration::from_millis(chance.below(100));
        options.push_to = Some(http::Uri::from_static("http://service/events"));
        let shared = Arc::new(Shared {
            instances: Mutex::default(),
            trouble: Mutex::new(scene.trouble),
            chance: Mutex::new(chance),
            history: History::default(),
        });
        let cloud = Cloud::new(scene.world(), options, Some(Arc::new(Deliveries(shared.clone())))).unwrap();
        shared.history.observe(&cloud, "world");
        support::run(&cloud);
        let policy_file = PolicyFile::new("");
        let lab = Self { cloud, shared, policy_file, started: AtomicU64::new(0), seed: scene.seed };
        lab.change_policy(&scene.policy);
        lab
    }

    pub fn change_policy(&self, policy: &Value) {
        self.shared.history.policies.lock().unwrap().push((self.cloud.now(), policy.clone()));
        self.write_policy(policy);
    }

    pub fn write_policy(&self, policy: &Value) {
        self.policy_file.write(&policy.to_string());
    }

    pub fn policy(&self) -> Value {
        self.shared.history.policies.lock().unwrap().last().unwrap().1.clone()
    }

    /// Another instance, which gets deliveries from now on.
    pub fn begin(&self) {
        let instance = self.build();
        self.shared.instances.lock().unwrap().push(instance);
    }

    pub fn build(&self) -> Arc<Instance> {
        let name = self.started.fetch_add(1, Ordering::Relaxed);
        let settings =
            Settings { principal: Some(RUNNER.to_owned()), ..support::settings_of(&self.policy_file, RUNNER) };
        let killed = watch::Sender::new(false);
        let wire = Wire { cloud: self.cloud.clone(), shared: self.shared.clone(), killed: killed.subscribe() };
        let (seed, counter) = (self.seed, AtomicU64::new(0));
        let ids = move || {
            let count = counter.fetch_add(1, Ordering::Relaxed);
            uuid::Uuid::from_u64_pair(seed << 8 | name, 0x8000_0000_0000_0000 | count)
        };
        let app = support::program(settings, &self.cloud, Arc::new(wire), Arc::new(ids));
        let clock = self.cloud.clone();
        app.report_to(Arc::new(Topic { shared: self.shared.clone(), cloud: clock, killed: killed.subscribe() }));
        app.start();
        let router = router(app.clone(), ServerConfig { auth: Auth::Off, max_concurrent: 1000 });
        Arc::new(Instance { name, app, router, killed })
    }

    pub fn instance(&self, which: u64) -> Arc<Instance> {
        let all = self.shared.instances.lock().unwrap();
        all[which as usize % all.len()].clone()
    }

    /// No call of the process leaves or comes back from now on.
    pub fn kill(&self, which: u64) {
        let mut all = self.shared.instances.lock().unwrap();
        let at = which as usize % all.len();
        let gone = all.remove(at);
        gone.killed.send_replace(true);
        gone.app.engine.stop.cancel();
    }

    pub async fn end_faults(&self) {
        let request = http::Request::delete("/sim/faults").body(Body::empty()).unwrap();
        let answer = self.cloud.router().oneshot(request).await.unwrap();
        assert!(answer.status().is_success());
    }

    /// A person's call. A connection that breaks is status 0 to the log and 503 here.
    pub async fn call(&self, method: Method, url: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let http = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {PERSON}"))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let request = Request { call: "person", http, deadline: Duration::from_secs(30) };
        let answer = self.cloud.transport().send(request).await;
        self.shared.history.observe(&self.cloud, "person");
        match answer {
            Ok(answer) => (answer.status(), serde_json::from_slice(answer.body()).unwrap_or_default()),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Value::Null),
        }
    }

    /// What there is of a collection now, by path.
    pub fn documents(&self, collection: &str) -> Vec<(String, Value)> {
        let resources = self.cloud.world().resources;
        let now = resources.into_iter().filter(|found| found.from.is_none() && found.kind.collection == collection);
        now.filter_map(|found| Some((found.path, found.document?))).collect()
    }
}

impl Instance {
    /// Asks over its HTTP endpoint; status and body.
    pub async fn ask(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = http::Request::post(path).header("content-type", "application/json");
        let answer = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}

/// The time of a document, report or log line.
pub fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
