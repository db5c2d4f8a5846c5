//! The doors, in process: the router against the simulated cloud, on paused time.

mod answers;
mod connections;
mod health;
mod lines;
mod runs;
mod stop;
mod sweeps;
mod tokens;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    app::Settings,
    domain::report::Report,
    google::{credentials::Credentials, endpoints::Endpoints, transport::BoxFuture},
    reconcile::publish::{Publish, PublishError},
    sim::{
        cloud::{Cloud, Options},
        faults::Fault,
        world::World,
    },
};

pub const POLICY: &str = "
version: 1
owner: tests-0001
mode: enforce
scope: {projects: [demo-project], regions: [europe-west1]}
network: {name: vpc}
connector: {subnet_pools: [10.8.0.0/20]}
firewall: {enforcement: enforce}
";
const JOB: &str = "projects/demo-project/locations/europe-west1/jobs/nightly";

/// A policy file that is gone when the test is.
pub struct PolicyFile(PathBuf);

impl PolicyFile {
    fn new(text: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("egress-policy-{}.yaml", Uuid::new_v4())));
        file.write(text);
        file
    }

    pub fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for PolicyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Hears reports, or refuses them as told.
#[derive(Default)]
pub struct Topic {
    pub heard: Mutex<Vec<Report>>,
    pub refuses: Mutex<Option<PublishError>>,
}

impl Publish for Topic {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            if let Some(error) = &*self.refuses.lock().unwrap() {
                return Err(error.clone());
            }
            self.heard.lock().unwrap().push(report.clone());
            Ok(())
        })
    }
}

pub struct TestService {
    pub cloud: Cloud,
    pub app: Arc<App>,
    pub topic: Arc<Topic>,
    pub policy: PolicyFile,
    router: Router,
}

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

/// A project with a network and a job that names a connector, all of whose traffic shall leave through it.
pub fn world() -> World {
    World::with_project("demo-project", "123456789012").network("demo-project", "vpc").document(
        "run.jobs",
        JOB,
        json!({"template": {"template": {
            "containers": [{"image": "x", "env": [{"name": "PASSWORD", "value": "s3cret"}]}],
            "vpcAccess": {
                "connector": "projects/demo-project/locations/europe-west1/connectors/nightly",
                "egress": "ALL_TRAFFIC",
            },
        }}}),
    )
}

impl TestService {
    pub fn new() -> Self {
        Self::with(POLICY, ServerConfig { auth: Auth::Off, max_concurrent: 1000 })
    }

    pub fn with(policy: &str, door: ServerConfig) -> Self {
        Self::in_world(world(), policy, door)
    }

    pub fn in_world(world: World, policy: &str, door: ServerConfig) -> Self {
        let begun = "2026-05-06T07:08:09Z".parse().unwrap();
        let cloud = Cloud::new(world, Options::starting_at(begun), None).unwrap();
        let policy = PolicyFile::new(policy);
        let settings = Settings {
            policy: policy.0.clone(),
            endpoints: Endpoints::from_lookup(&|_| None).unwrap(),
            credentials: Credentials::anonymous(),
            report_topic: None,
            without_topic: crate::reconcile::publish::WithoutTopic::Stdout,
            pubsub_emulator: None,
            principal: None,
            wide_interval: Duration::from_secs(30),
        };
        let clock = cloud.clone();
        let app = App::build(settings, cloud.transport(), Arc::new(move || clock.now()), crate::app::ids()).unwrap();
        let topic = Arc::new(Topic::default());
        app.report_to(topic.clone());
        Self { router: router(app.clone(), door), cloud, app, topic, policy }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = crate::web::connections::answered(self.router.clone(), request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    /// Delivers events and lets time pass until nothing is left to do.
    pub async fn settle(&self) {
        for _ in 0..4 {
            assert_eq!(self.post("/", deployed().to_string()).await.status, 204);
            tokio::time::sleep(Duration::from_secs(90)).await;
        }
        let last = self.topic.heard.lock().unwrap().last().cloned().unwrap();
        assert_eq!(last.outcome.word(), "in-sync", "{}", serde_json::to_string_pretty(&last).unwrap());
    }

    /// How many calls were made since, reads and writes.
    pub fn calls_since(&self, before: usize) -> (usize, usize) {
        let calls = self.cloud.calls().split_off(before);
        let reads = calls.iter().filter(|call| call.method == "GET").count();
        (reads, calls.len() - reads)
    }

    pub fn lay(&self, fault: Value) {
        self.cloud.inject(serde_json::from_value::<Fault>(fault).unwrap());
    }
}

/// The entry of a deployment.
pub fn deployed() -> Value {
    json!({
        "insertId": "i-1",
        "logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": "2026-05-06T07:08:09Z",
        "resource": {
            "type": "cloud_run_job",
            "labels": {"project_id": "demo-project", "location": "europe-west1", "job_name": "nightly"},
        },
        "protoPayload": {
            "serviceName": "run.googleapis.com",
            "methodName": "google.cloud.run.v2.Jobs.UpdateJob",
            "resourceName": JOB,
            "authenticationInfo": {"principalEmail": "dev@example.com"},
        },
    })
}

/// The same of another project.
pub fn elsewhere() -> Value {
    serde_json::from_str(&deployed().to_string().replace("demo-project", "other-project")).unwrap()
}
