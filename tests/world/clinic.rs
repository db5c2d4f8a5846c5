//! An installation in one process: cloud, service, sink, topics and subscription, and the doctor who looks at them.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use bytes::Bytes;
use egress_reconciler::{
    app::doctor::{Asked, Doctor, Service},
    domain::{audit::log_filter, doctor::Line, policy, report::Report},
    google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport},
    reconcile::{
        cloudevent,
        publish::{Publish, PublishError},
    },
    sim::{
        cloud::{Cloud, Options},
        world::World,
    },
    web::{Auth, ServerConfig, router},
};
use serde_json::{Value, json};

use crate::support::{self, PolicyFile};
use tower::ServiceExt;

use crate::lab::{PROJECT, START};

pub const RUNNER: &str = "runner@demo-project.iam.gserviceaccount.com";
pub const SERVICE: &str = "https://egress.example";
pub const EVENTS: &str = "projects/demo-project/topics/egress-events";
pub const REPORTS: &str = "projects/demo-project/topics/egress-reports";
pub const SINK: &str = "projects/demo-project/sinks/egress";
pub const SUBSCRIPTION: &str = "projects/demo-project/subscriptions/egress-push";

/// What a case may spoil before the doctor comes.
pub struct Patient {
    pub world: World,
    pub policy: Value,
    pub asked: Asked,
    /// Whether a sweep and an event have come.
    pub swept: bool,
}

impl Patient {
    /// An installation in which everything is right.
    pub fn healthy() -> Self {
        let push = json!({
            "topic": EVENTS,
            "pushConfig": {
                "pushEndpoint": format!("{SERVICE}/events"),
                "oidcToken": {"serviceAccountEmail": "push@demo-project.iam.gserviceaccount.com", "audience": SERVICE},
            },
            "ackDeadlineSeconds": 600,
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "deadLetterPolicy": {"deadLetterTopic": format!("projects/{PROJECT}/topics/egress-dead"), "maxDeliveryAttempts": 100},
            "state": "ACTIVE",
        });
        let leads = json!({
            "name": "egress",
            "destination": format!("pubsub.googleapis.com/{EVENTS}"),
            "filter": log_filter::filter(),
            "writerIdentity": "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com",
        });
        Self {
            world: crate::lab::world()
                .topic(EVENTS)
                .topic(&format!("projects/{PROJECT}/topics/egress-dead"))
                .document("logging.sinks", SINK, leads)
                .document("pubsub.subscriptions", SUBSCRIPTION, push),
            policy: json!({
                "version": 1, "owner": "lab", "mode": "enforce",
                "scope": {"projects": [PROJECT], "regions": ["europe-west2"]},
                "network": {"name": "my-vpc"},
                "connector": {"subnet_pools": ["10.8.0.0/20"]},
                "reports": {"topic": REPORTS},
            }),
            asked: Asked {
                projects: Vec::new(),
                sink: Some(SINK.into()),
                subscription: Some(SUBSCRIPTION.into()),
                report_topic: None,
                service: Some(Service::At(SERVICE.into())),
            },
            swept: true,
        }
    }

    /// Changes a document of the world; `Value::Null` takes it away.
    pub fn set(&mut self, path: &str, change: impl FnOnce(&mut Value)) {
        let found = self.world.resources.iter_mut().find(|resource| resource.path == path);
        let document = &mut found.unwrap_or_else(|| panic!("{path}")).document;
        let mut value = document.take().unwrap_or_default();
        change(&mut value);
        *document = Some(value).filter(|value| !value.is_null());
    }

    pub fn remake(&mut self, make: impl FnOnce(World) -> World) {
        self.world = make(self.world.clone());
    }

    pub fn add(&mut self, collection: &str, path: &str, document: Value) {
        self.remake(|world| world.document(collection, path, document));
    }

    /// Bars the caller, who may do all else, from what the names say.
    pub fn bar(&mut self, permissions: &[&str]) {
        let all = egress_reconciler::domain::permissions::PERMISSIONS.iter().map(|permission| permission.name);
        let looks = ["serviceusage.*", "resourcemanager.projects.get", "orgpolicy.*", "networkconnectivity.*"];
        let looks = looks.into_iter().chain([
            "resourcemanager.projects.getIamPolicy",
            "logging.sinks.get",
            "pubsub.topics.get",
            "pubsub.topics.getIamPolicy",
            "pubsub.topics.publish",
            "pubsub.subscriptions.get",
        ]);
        let left: Vec<&str> = all.chain(looks).filter(|name| !permissions.contains(name)).collect();
        let writer = "service-123456789012@gcp-sa-logging.iam.gserviceaccount.com";
        self.remake(|world| world.allow(PROJECT, RUNNER, &left).allow(PROJECT, writer, &["pubsub.topics.publish"]));
    }
}

pub struct TestInstall {
    pub cloud: Cloud,
    pub doctor: Doctor,
    pub roads: Arc<Roads>,
    _policy: PolicyFile,
}

/// Everything in Google's name goes to the cloud, and what is the service's to the service.
pub struct Roads {
    cloud: OnceLock<Cloud>,
    service: OnceLock<Router>,
}

impl Transport for Roads {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let service = self.service.get().filter(|_| request.http.uri().host() == Some("egress.example"));
        let Some(service) = service.cloned() else {
            return Box::pin(async move { self.cloud.get().unwrap().transport().send(request).await });
        };
        Box::pin(async move {
            let answer = service.oneshot(request.http.map(Body::from)).await;
            let (head, body) = answer.map_err(|never| match never {})?.into_parts();
            let body = to_bytes(body, usize::MAX).await;
            let body = body.map_err(|error| SendError { sent: Sent::Maybe, source: Box::new(error) })?;
            Ok(Response::from_parts(head, body))
        })
    }
}

/// Reports on their way to the simulated topic.
struct Post(Arc<Roads>);

impl Publish for Post {
    fn publish<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), PublishError>> {
        let attributes: serde_json::Map<String, Value> =
            cloudevent::attributes(report).into_iter().map(|(key, value)| (key, value.into())).collect();
        let data = BASE64.encode(cloudevent::body(report));
        let body = json!({"messages": [{"data": data, "attributes": attributes}]});
        let url = format!("https://pubsub.googleapis.com/v1/{REPORTS}:publish");
        Box::pin(async move {
            let answer = self.0.post(&url, body.to_string()).await;
            assert!(answer.status().is_success(), "{:?}", answer.body());
            Ok(())
        })
    }
}

impl Roads {
    pub async fn post(&self, url: &str, body: String) -> Response {
        let http = http::Request::post(url)
            .header("authorization", format!("Bearer {RUNNER}"))
            .header("content-type", "application/json")
            .body(Bytes::from(body))
            .unwrap();
        self.send(Request { call: "test", http, deadline: Duration::from_secs(600) }).await.unwrap()
    }
}

impl TestInstall {
    pub fn open(patient: Patient) -> Self {
        let roads = Arc::new(Roads { cloud: OnceLock::new(), service: OnceLock::new() });
        let options = Options::starting_at(START.parse().unwrap());
        let cloud = Cloud::new(patient.world, options, Some(roads.clone())).unwrap();
        let _ = roads.cloud.set(cloud.clone());
        let text = patient.policy.to_string();
        let file = PolicyFile::new(&text);
        let settings = support::settings_of(&file, RUNNER);
        let google = (settings.endpoints.clone(), settings.credentials.clone());
        let (now, ids) = (support::clock(&cloud), support::ids());
        let app = support::program(settings, &cloud, cloud.transport(), ids.clone());
        app.report_to(Arc::new(Post(roads.clone())));
        let _ = roads.service.set(router(app, ServerConfig { auth: Auth::Off, max_concurrent: 100 }));
        let policy = policy::read(&text).unwrap();
        let doctor = Doctor::new(roads.clone(), google, policy, patient.asked, (now, ids));
        support::run(&cloud);
        Self { cloud, doctor, roads, _policy: file }
    }

    /// A sweep, and an event that says nothing.
    pub async fn live(&self) {
        assert!(self.roads.post(&format!("{SERVICE}/sweep"), String::new()).await.status().is_success());
        let entry = json!({"logName": "projects/demo-project/logs/other", "protoPayload": {}}).to_string();
        assert!(self.roads.post(&format!("{SERVICE}/events"), entry).await.status().is_success());
    }

    pub async fn examine(&self) -> Vec<Line> {
        self.doctor.examine().await
    }
}
