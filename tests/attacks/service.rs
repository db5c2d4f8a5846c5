//! The whole program behind its doors, the simulated cloud before it, and an ear on its log.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use egress_reconciler::{
    google::transport::{BoxFuture, Request, Response, SendError, Sent, Transport},
    sim::{
        cloud::{Cloud, Options},
        http::calls::Logged,
        world::World,
    },
    web::{self, Allowed, Auth, ServerConfig, logs},
};
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt};
use uuid::Uuid;

use super::support::{self, Answer, PolicyFile, Topic};

pub const POLICY: &str = "
version: 1
owner: attacks
mode: enforce
scope: {projects: [demo-project], regions: [europe-west1]}
network: {name: vpc}
connector: {names: [nightly, late], subnet_pools: [10.8.0.0/20]}
firewall: {enforcement: enforce}
";
/// When the simulated cloud begins, in seconds since 1970.
pub const NOW: i64 = 1_778_051_289;
pub const CALLER: &str = "push@demo-project.iam.gserviceaccount.com";
pub const ADMIN: &str = "admin@example.com";
pub const AUDIENCE: &str = "https://reconciler.example";
pub const CANARY: &str = "c4nary";

/// An answer in the place of the cloud's.
type OverrideResponse = Box<dyn Fn(&Request) -> Option<Response> + Send + Sync>;

/// The wire, with Google's certificates at its end, and perhaps a liar.
pub struct Wire {
    cloud: Arc<dyn Transport>,
    pub certificates: Mutex<Option<Value>>,
    /// How often the certificates were asked for.
    pub asked: AtomicUsize,
    pub lie: Mutex<Option<OverrideResponse>>,
}

/// The lines of the log, as Cloud Logging gets them.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

pub struct TestService {
    pub cloud: Cloud,
    pub wire: Arc<Wire>,
    pub topic: Arc<Topic>,
    pub log: Log,
    pub router: Router,
    _policy: PolicyFile,
    _listening: DefaultGuard,
}

impl Transport for Wire {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        if request.call == "oauth2.certs" {
            self.asked.fetch_add(1, Ordering::SeqCst);
            assert_eq!(request.http.uri(), "https://www.googleapis.com/oauth2/v3/certs");
            let found = self.certificates.lock().unwrap().clone();
            let answer = found.map(|keys| {
                let answer = Response::new(json!({"keys": keys}).to_string().into());
                let (mut head, body) = answer.into_parts();
                head.headers.insert("cache-control", "public, max-age=20000".parse().unwrap());
                Response::from_parts(head, body)
            });
            return Box::pin(std::future::ready(
                answer.ok_or_else(|| SendError { sent: Sent::No, source: "no way there".into() }),
            ));
        }
        let lie = self.lie.lock().unwrap().as_ref().and_then(|lie| lie(&request));
        match lie {
            Some(answer) => Box::pin(std::future::ready(Ok(answer))),
            None => self.cloud.send(request),
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// All that was written.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of ours since the last time, each one JSON object.
    pub fn take(&self) -> Vec<Value> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.filter(|line: &Value| line["target"].as_str().unwrap().starts_with("egress_reconciler")).collect()
    }
}

/// A network, and a job whose connector is missing. Its environment holds a secret.
pub fn world() -> World {
    let job = "projects/demo-project/locations/europe-west1/jobs/nightly";
    let connector = "projects/demo-project/locations/europe-west1/connectors/nightly";
    World::with_project("demo-project", "123456789012").network("demo-project", "vpc").document(
        "run.jobs",
        job,
        json!({"template": {"template": {
            "containers": [{"image": "x", "env": [{"name": "PASSWORD", "value": CANARY}], "args": [CANARY]}],
            "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"},
        }}}),
    )
}

/// A network and nothing else.
pub fn empty_world() -> World {
    World::with_project("demo-project", "123456789012").network("demo-project", "vpc")
}

pub fn allowed() -> Allowed {
    Allowed { audience: AUDIENCE.into(), callers: vec![CALLER.into()], admins: vec![ADMIN.into()] }
}

pub fn own() -> Auth {
    Auth::Own { allowed: allowed(), certificates: web::auth::CERTIFICATES.parse().unwrap() }
}

impl TestService {
    pub fn open() -> Self {
        Self::new(world(), Auth::Off)
    }

    /// A thread hears the log of one service at a time: the one that was opened last.
    pub fn new(world: World, auth: Auth) -> Self {
        Self::heard(world, auth, "off,egress_reconciler=debug")
    }

    /// With these levels of the log.
    pub fn heard(world: World, auth: Auth, levels: &str) -> Self {
        let mut options = Options::starting_at(jiff::Timestamp::from_second(NOW).unwrap());
        options.connector = Duration::from_secs(30);
        let cloud = Cloud::new(world, options, None).unwrap();
        let wire = Arc::new(Wire {
            cloud: cloud.transport(),
            certificates: Mutex::default(),
            asked: AtomicUsize::new(0),
            lie: Mutex::default(),
        });
        let policy = PolicyFile::new(POLICY);
        let settings = support::settings_of(&policy, &format!("{CANARY}@example.com"));
        let next = AtomicU64::new(0);
        let ids = Arc::new(move || Uuid::from_u64_pair(0, next.fetch_add(1, Ordering::SeqCst)));
        let app = support::program(settings, &cloud, wire.clone(), ids);
        let topic = Topic::of(&app);
        let log = Log::default();
        let ear = log.clone();
        let lines = tracing_subscriber::registry()
            .with(EnvFilter::new(levels))
            .with(logs::cloud(Some("demo-project".into()), move || ear.clone()));
        Self {
            router: web::router(app, ServerConfig { auth, max_concurrent: 1000 }),
            cloud,
            wire,
            topic,
            log,
            _policy: policy,
            _listening: tracing::subscriber::set_default(lines),
        }
    }

    pub async fn send(&self, request: http::Request<Body>) -> Answer {
        support::send(&self.router, request).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let request = http::Request::post(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::from(body.into())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Delivers an entry as a log sink's push without envelope.
    pub async fn deliver(&self, entry: &Value) -> u16 {
        self.post("/", &[], entry.to_string()).await.status
    }

    pub async fn waits(&self, seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    pub fn writes(&self) -> Vec<Logged> {
        self.cloud.calls().into_iter().filter(|call| call.is_write()).collect()
    }
}

/// The entry of a deployment that went well.
pub fn deployed() -> Value {
    json!({
        "insertId": "i-1",
        "logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
        "timestamp": "2026-05-06T07:08:00Z",
        "resource": {
            "type": "cloud_run_job",
            "labels": {"project_id": "demo-project", "location": "europe-west1", "job_name": "nightly"},
        },
        "protoPayload": {
            "serviceName": "run.googleapis.com",
            "methodName": "google.cloud.run.v2.Jobs.UpdateJob",
            "resourceName": "projects/demo-project/locations/europe-west1/jobs/nightly",
            "authenticationInfo": {"principalEmail": "dev@example.com"},
            "authorizationInfo": [{"permission": "run.jobs.update", "granted": true}],
        },
    })
}
