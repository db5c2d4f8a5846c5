//! Reports through Google's own Pub/Sub emulator.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use egress_reconciler::{
    domain::{
        policy::Mode,
        report::{Outcome, Report},
        target::Target,
    },
    reconcile::publish::{Publish, PublishError, Topic},
};
use serde_json::{Value, json};

pub struct Emulator {
    child: Child,
    pub host: String,
    http: reqwest::Client,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn jar() -> PathBuf {
    let output = Command::new("gcloud")
        .args(["info", "--format=value(installation.sdk_root)"])
        .output()
        .expect("gcloud is needed");
    let root = String::from_utf8(output.stdout).unwrap();
    let lib = PathBuf::from(root.trim()).join("platform/pubsub-emulator/lib");
    let files = std::fs::read_dir(&lib)
        .unwrap_or_else(|error| panic!("the Pub/Sub emulator is needed in {}: {error}", lib.display()));
    files
        .map(|file| file.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-all.jar"))
        .expect("the Pub/Sub emulator's jar")
}

impl Emulator {
    pub async fn start() -> Self {
        // Between our choice of a port and the emulator's taking it, somebody else may have taken it.
        for _ in 0..3 {
            if let Some(emulator) = Self::on_a_free_port().await {
                return emulator;
            }
        }
        panic!("the emulator does not come up");
    }

    /// None if the emulator ended at once.
    async fn on_a_free_port() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("java")
            .args(["-Xmx256m", "-jar"])
            .arg(jar())
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("java is needed");
        let mut emulator = Self { child, host: format!("127.0.0.1:{port}"), http: reqwest::Client::new() };
        let begun = Instant::now();
        loop {
            if emulator.child.try_wait().unwrap().is_some() {
                return None;
            }
            let answer = emulator.http.get(format!("http://{}/", emulator.host)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Some(emulator);
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the emulator does not come up");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn ask(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let url = format!("http://{}/v1/{path}", self.host);
        let response = self
            .http
            .request(method, url)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }
}

fn report() -> Report {
    let now = "2026-11-23T12:00:00Z".parse().unwrap();
    Report {
        id: "0b2f4d1c-6a58-4f5e-9d3f-1f6f6b0f9a11".to_owned(),
        target: Some(Target {
            project: "demo-project".to_owned().try_into().unwrap(),
            region: "europe-west2".to_owned().try_into().unwrap(),
        }),
        outcome: Outcome::InSync,
        summary: String::new(),
        mode: Mode::Enforce,
        dry_run: false,
        policy_hash: "0123456789abcdef".to_owned(),
        triggers: Vec::new(),
        more_triggers: 0,
        snapshot_at: None,
        started: now,
        decided: now,
        done: now,
        rounds: 0,
        steps: Vec::new(),
        withheld: Vec::new(),
        egress: Vec::new(),
        waiting_on: Vec::new(),
        blocked_by: Vec::new(),
        findings: Vec::new(),
        rejected: None,
        calls: [("compute.firewalls.list".to_owned(), 1)].into(),
        quota_wait: None,
        transient: false,
    }
}

#[tokio::test]
async fn a_report_is_published_and_pulled() {
    let emulator = Emulator::start().await;
    let (topic, subscription) =
        ("projects/demo-project/topics/egress-reports", "projects/demo-project/subscriptions/reader");
    emulator.ask(reqwest::Method::PUT, topic, json!({})).await;
    emulator.ask(reqwest::Method::PUT, subscription, json!({"topic": topic})).await;
    let report = report();
    Topic::new(topic.to_owned(), Some(&emulator.host)).publish(&report).await.unwrap();

    let pulled = emulator.ask(reqwest::Method::POST, &format!("{subscription}:pull"), json!({"maxMessages": 10})).await;
    let messages = pulled["receivedMessages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    let message = &messages[0]["message"];
    assert_eq!(
        message["attributes"],
        json!({
            "ce-specversion": "1.0",
            "ce-type": "dev.egress-reconciler.report.v1",
            "ce-id": report.id,
            "ce-source": "//egress-reconciler/projects/demo-project/locations/europe-west2",
            "ce-subject": "in-sync",
            "ce-time": "2026-11-23T12:00:00Z",
            "content-type": "application/json",
        })
    );
    let body: Value =
        serde_json::from_slice(&BASE64_STANDARD.decode(message["data"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(body, serde_json::to_value(&report).unwrap());
}

#[tokio::test]
async fn a_missing_topic_is_refused_and_not_repeated_for_ever() {
    let emulator = Emulator::start().await;
    let topic = Topic::new("projects/demo-project/topics/nobody-made-it".to_owned(), Some(&emulator.host));
    let error = topic.publish(&report()).await.unwrap_err();
    assert!(matches!(error, PublishError::Refused(_)), "{error}");
}
