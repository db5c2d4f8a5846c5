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
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::*;
use crate::{
    reconcile::publish::PublishError,
    sim::{
        cloud::{Cloud, Options},
        faults::Fault,
        world::World,
    },
    support::{self, Answer, PolicyFile, Topic},
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

pub struct TestService {
    pub cloud: Cloud,
    pub app: Arc<App>,
    pub topic: Arc<Topic>,
    pub policy: PolicyFile,
    router: Router,
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
        let app = support::program(support::settings(&policy), &cloud, cloud.transport(), support::ids());
        let topic = Topic::of(&app);
        Self { router: router(app.clone(), door), cloud, app, topic, policy }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        support::send(&self.router, request).await
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
        let last = self.topic.reports().last().cloned().unwrap();
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
