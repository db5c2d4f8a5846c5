//! What tests share: the program put together over a simulated cloud, a policy file, and a topic that keeps reports.
//!
//! Used by the tests in `tests`, and by those of the library itself, which see it by the library's public name.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use egress_reconciler::{
    app::{App, Settings},
    domain::{
        names::NetworkRef,
        report::Report,
        state::{
            effective::EffectiveFirewalls,
            observed::{AddressSpace, Observed},
            others::Others,
            route::Route,
        },
        target::Target,
    },
    google::{
        credentials::Credentials,
        endpoints::Endpoints,
        transport::{BoxFuture, Transport},
    },
    reconcile::{
        Clock, IdGenerator,
        publish::{Publish, PublishError, WithoutTopic},
    },
    sim::cloud::Cloud,
    web::connections::answered,
};
use http::{HeaderMap, Request};
use serde_json::Value;
use tempfile::NamedTempFile;

/// A policy file that is gone when the test is.
pub struct PolicyFile(NamedTempFile);

impl PolicyFile {
    pub fn new(text: &str) -> Self {
        let file = Self(NamedTempFile::new().unwrap());
        file.write(text);
        file
    }

    pub fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Google's own endpoints, no credentials, and reports that go nowhere until a test says where.
pub fn settings(policy: &PolicyFile) -> Settings {
    Settings {
        policy: policy.path().to_owned(),
        endpoints: Endpoints::from_lookup(&|_| None).unwrap(),
        credentials: Credentials::anonymous(),
        report_topic: None,
        without_topic: WithoutTopic::Discard,
        pubsub_emulator: None,
        principal: None,
        wide_interval: Duration::from_secs(30),
        waits_for_policy: false,
    }
}

/// As the service account of the service.
pub fn settings_of(policy: &PolicyFile, account: &str) -> Settings {
    Settings { credentials: Credentials::literal(account).unwrap(), ..settings(policy) }
}

pub fn clock(cloud: &Cloud) -> Clock {
    let cloud = cloud.clone();
    Arc::new(move || cloud.now())
}

pub fn ids() -> IdGenerator {
    Arc::new(uuid::Uuid::new_v4)
}

/// The program, by the cloud's clock, over the cloud or over what stands between them.
pub fn program(settings: Settings, cloud: &Cloud, transport: Arc<dyn Transport>, ids: IdGenerator) -> Arc<App> {
    App::build(settings, transport, clock(cloud), ids).unwrap_or_else(|error| panic!("{error}"))
}

/// The cloud's own work: operations that end, entries that are delivered.
pub fn run(cloud: &Cloud) {
    let cloud = cloud.clone();
    tokio::spawn(async move { cloud.run().await });
}

/// Keeps the reports that are published, or refuses them.
#[derive(Default)]
pub struct Topic {
    reports: Mutex<Vec<Report>>,
    refuses: Mutex<Option<PublishError>>,
}

impl Topic {
    /// Where the program's reports go from now on.
    pub fn of(app: &App) -> Arc<Self> {
        let topic = Arc::new(Self::default());
        app.report_to(topic.clone());
        topic
    }

    pub fn reports(&self) -> MutexGuard<'_, Vec<Report>> {
        self.reports.lock().unwrap()
    }

    /// What becomes of reports from now on.
    pub fn refuse(&self, with: Option<PublishError>) {
        *self.refuses.lock().unwrap() = with;
    }
}

impl Publish for Topic {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        let refused = self.refuses.lock().unwrap().clone();
        if refused.is_none() {
            self.reports().push(report.clone());
        }
        Box::pin(std::future::ready(refused.map_or(Ok(()), Err)))
    }
}

/// A look at europe-west2 of demo-project: a network with a default route, and nothing else. Everything was read.
pub fn empty_look(network: &str) -> Observed {
    let network_name: NetworkRef = format!("projects/demo-project/global/networks/{network}").try_into().unwrap();
    let target = Target {
        project: "demo-project".to_owned().try_into().unwrap(),
        region: "europe-west2".to_owned().try_into().unwrap(),
    };
    Observed {
        jobs: Ok(Vec::new()),
        services: Ok(Vec::new()),
        worker_pools: Ok(Vec::new()),
        instances: Ok(Vec::new()),
        connectors: Ok(Vec::new()),
        subnets: Ok(Vec::new()),
        routers: Ok(Vec::new()),
        firewalls: Ok(Vec::new()),
        effective: Ok(EffectiveFirewalls::default()),
        routes: Ok(vec![Route {
            name: "default-route".into(),
            network: network_name.to_string(),
            dest_range: "0.0.0.0/0".into(),
            priority: 1000,
            next_hop_gateway: "projects/demo-project/global/gateways/default-internet-gateway".into(),
            ..Route::default()
        }]),
        network: Some(Ok(Some(Default::default()))),
        executions: Some(Ok(Vec::new())),
        others: Some(Others { functions: Ok(Vec::new()), versions: Ok(Vec::new()) }),
        address_space: Some(Ok(AddressSpace::default())),
        ..Observed::unread(target, network_name, "2026-11-23T12:00:00Z".parse().unwrap())
    }
}

/// What the service answered.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A request to the service, as its server would answer it.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (head, body) = answered(router.clone(), request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

/// A JSON merge patch (RFC 7396).
pub fn merged(mut target: Value, patch: &Value) -> Value {
    let Value::Object(members) = patch else { return patch.clone() };
    if !target.is_object() {
        target = Value::Object(Default::default());
    }
    let Some(found) = target.as_object_mut() else { return target };
    for (name, value) in members {
        match value {
            Value::Null => drop(found.remove(name)),
            value => {
                let before = found.remove(name).unwrap_or_default();
                found.insert(name.clone(), merged(before, value));
            }
        }
    }
    target
}
