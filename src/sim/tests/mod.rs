//! The simulated cloud, as its callers meet it: in process, on paused time.

mod anything;
mod doors;
mod faults;
mod flat;
mod installed;
mod knative;
mod lists;
mod networks;
mod operations;
mod policies;
mod quotas;
mod readback;
mod routers;
mod rules;
mod run;
mod serverless;
mod story;
mod worlds;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::google::transport::{BoxFuture, Request, Response, SendError, Transport};

use super::{
    cloud::{Cloud, Options},
    world::World,
};

pub const COMPUTE: &str = "https://compute.googleapis.com/compute/v1/projects/demo";
pub const ACCESS: &str = "https://vpcaccess.googleapis.com/v1/projects/demo/locations/europe-west1";
pub const RUN: &str = "https://run.googleapis.com/v2/projects/demo/locations/europe-west1";
pub const CONNECTOR: &str = "projects/demo/locations/europe-west1/connectors/egress";

pub fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().expect("a time")
}

pub fn options() -> Options {
    Options::starting_at(start())
}

/// A project with a network and a /28 in it.
pub fn world() -> World {
    World::with_project("demo", "123456789012").network("demo", "vpc").subnetwork(
        "demo",
        "europe-west1",
        "egress",
        "vpc",
        "10.8.0.0/28",
    )
}

pub fn cloud(world: World) -> Cloud {
    Cloud::new(world, options(), None).expect("a world without faults")
}

/// One caller of a cloud.
pub struct Caller {
    pub cloud: Cloud,
    pub name: &'static str,
}

impl Caller {
    pub fn new(world: World) -> Self {
        Self { cloud: cloud(world), name: "sre@example.com" }
    }

    pub async fn try_send(&self, method: Method, url: &str, body: Value) -> Result<(u16, Bytes), SendError> {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let http = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {}", self.name))
            .header("user-agent", "tests")
            .body(body)
            .expect("a request");
        let request = Request { call: "test", http, deadline: Duration::from_secs(30) };
        let response = self.cloud.transport().send(request).await?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    pub async fn send(&self, method: Method, url: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.try_send(method, url, body).await.expect("an answer");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    pub async fn get(&self, url: &str) -> (u16, Value) {
        self.send(Method::GET, url, Value::Null).await
    }

    /// Sends a change that must be accepted, and lets the time of a Compute operation pass.
    pub async fn done(&self, method: Method, url: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, url, body).await;
        assert_eq!(status, 200, "{url}: {answer}");
        self.cloud.advance(Duration::from_secs(2));
        answer
    }
}

/// What a push endpoint hears; it acknowledges as told.
#[derive(Default)]
pub struct Ear {
    heard: Mutex<Vec<Value>>,
    /// Statuses of the first answers; afterwards 204.
    pub answers: Mutex<Vec<u16>>,
}

impl Ear {
    /// The log entries in the order in which they were acknowledged.
    pub fn entries(&self) -> Vec<Value> {
        let heard = self.heard.lock().expect("no panic");
        let data = heard.iter().map(|push| BASE64.decode(push["message"]["data"].as_str().expect("data")));
        data.map(|data| serde_json::from_slice(&data.expect("base64")).expect("JSON")).collect()
    }

    pub fn pushes(&self) -> Vec<Value> {
        self.heard.lock().expect("no panic").clone()
    }
}

impl Transport for Ear {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let mut answers = self.answers.lock().expect("no panic");
        let status = if answers.is_empty() { 204 } else { answers.remove(0) };
        if status == 204 {
            let push = serde_json::from_slice(request.http.body()).expect("JSON");
            self.heard.lock().expect("no panic").push(push);
        }
        let mut response = Response::default();
        *response.status_mut() = status.try_into().expect("a status");
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// A cloud whose audit log is pushed to an ear.
pub fn listened(world: World) -> (Caller, Arc<Ear>) {
    let ear = Arc::new(Ear::default());
    let options = Options { push_to: Some("http://reconciler.test/events".parse().expect("a URL")), ..options() };
    let cloud = Cloud::new(world, options, Some(Arc::clone(&ear) as Arc<dyn Transport>)).expect("a world");
    let running = cloud.clone();
    tokio::spawn(async move { running.run().await });
    (Caller { cloud, name: "sre@example.com" }, ear)
}

pub fn job(connector: &str) -> Value {
    json!({"template": {"template": {
        "containers": [{"image": "europe-west1-docker.pkg.dev/demo/app/export:1"}],
        "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"},
    }}})
}

pub fn connector() -> Value {
    json!({"subnet": {"name": "egress", "projectId": "demo"}, "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro"})
}

pub fn network() -> &'static str {
    "projects/demo/global/networks/vpc"
}
