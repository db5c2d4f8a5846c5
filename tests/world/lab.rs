//! A simulated cloud and the program beside it, in one process, on paused time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use egress_reconciler::{
    app::App,
    domain::{
        audit::signal::{Signal, Trigger},
        names::{ProjectId, Region},
        plan::EgressState,
        report::Report,
        target::{Place, Target},
    },
    google::transport::{Request, Response, Transport},
    reconcile::queue::RunRequest,
    sim::{
        cloud::{Cloud, Options, Quotas},
        world::World,
    },
};
use serde_json::{Value, json};

use crate::support::{self, PolicyFile};

pub const PROJECT: &str = "demo-project";
pub const REGION: &str = "europe-west2";
pub const START: &str = "2026-11-23T12:00:00Z";

pub struct TestCloud {
    pub cloud: Cloud,
    pub app: Arc<App>,
    policy: PolicyFile,
}

/// The demo's world: a network and nothing else.
pub fn world() -> World {
    let mut world = World::with_project(PROJECT, "123456789012").network(PROJECT, "my-vpc");
    world.regions.push(REGION.to_owned());
    world.topic("projects/demo-project/topics/egress-reports")
}

/// Where a job sends all its traffic through a connector that does not exist.
pub fn world_with_job() -> World {
    let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/conn");
    let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
    let job = json!({"template": {"template": {"containers": [{"image": "i"}], "vpcAccess": access}}});
    world().document("run.jobs", &format!("projects/{PROJECT}/locations/{REGION}/jobs/nightly"), job)
}

/// The demo's policy, with more of it laid over.
pub fn policy(more: &str) -> String {
    format!(
        "version: 1\nowner: lab\nmode: enforce\nscope: {{projects: [{PROJECT}], regions: [{REGION}]}}\nnetwork: {{name: my-vpc}}\n{more}"
    )
}

pub const ENFORCE: &str =
    "connector: {subnet_pools: [10.8.0.0/20]}\nfirewall: {enforcement: enforce, rearm: at-once}\n";

fn instance(cloud: &Cloud, transport: Arc<dyn Transport>, policy: &PolicyFile) -> Arc<App> {
    support::program(
        support::settings_of(policy, "runner@demo-project.iam.gserviceaccount.com"),
        cloud,
        transport,
        support::ids(),
    )
}

impl TestCloud {
    pub fn new(world: World, policy: &str) -> Self {
        Self::over(world, policy, None)
    }

    /// Audit entries are pushed to a service.
    pub fn pushing(world: World, policy: &str, service: Arc<dyn Transport>) -> Self {
        Self::over(world, policy, Some(service))
    }

    /// Every answer takes its time.
    pub fn distant(world: World, policy: &str, latency: Duration) -> Self {
        Self::with(world, policy, None, |options| options.latency = latency)
    }

    /// Every answer takes its time, and calls are refused beyond Google's default quotas.
    pub fn rationed(world: World, policy: &str, latency: Duration) -> Self {
        Self::with(world, policy, None, |options| (options.latency, options.quotas) = (latency, Quotas::Google))
    }

    fn over(world: World, policy: &str, service: Option<Arc<dyn Transport>>) -> Self {
        Self::with(world, policy, service, |_| {})
    }

    fn with(world: World, policy: &str, service: Option<Arc<dyn Transport>>, more: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::starting_at(START.parse().unwrap());
        more(&mut options);
        options.connector = Duration::from_secs(120);
        options.push_to = service.is_some().then(|| http::Uri::from_static("http://service/events"));
        let cloud = Cloud::new(world, options, service).unwrap();
        let policy = PolicyFile::new(policy);
        let app = instance(&cloud, cloud.transport(), &policy);
        support::run(&cloud);
        Self { cloud, app, policy }
    }

    /// Another instance of the program on the same world, which it reaches in its own way.
    pub fn beside(&self, transport: Arc<dyn Transport>) -> Arc<App> {
        instance(&self.cloud, transport, &self.policy)
    }

    pub fn target(&self) -> Target {
        Target { project: ProjectId::parse(PROJECT).unwrap(), region: Region::parse(REGION).unwrap() }
    }

    /// One run over the target, asked for by nobody in particular.
    pub async fn run(&self) -> Arc<Report> {
        self.app.queue.submit(RunRequest::new(self.target())).await
    }

    /// Hands every audit entry that came since `from` to the program, and waits for what it does.
    pub async fn hear(&self, from: usize) -> Vec<Arc<Report>> {
        // Entries travel for a moment.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut reports = Vec::new();
        for signal in self.signals(from) {
            reports.extend(self.app.expander.submit(signal).await.unwrap());
        }
        reports
    }

    /// What the program makes of the audit entries since `from`.
    pub fn signals(&self, from: usize) -> Vec<Signal> {
        self.cloud.audit_entries().iter().skip(from).filter_map(|entry| self.signal(entry)).collect()
    }

    fn signal(&self, entry: &Value) -> Option<Signal> {
        use egress_reconciler::domain::audit::{
            classify::{Disposition, OwnPrincipals, dispose},
            entry::Entry,
        };
        let own: OwnPrincipals = ["runner@demo-project.iam.gserviceaccount.com".to_owned()].into_iter().collect();
        let entry = entry.to_string();
        match dispose(&Entry::parse(entry.as_bytes()).unwrap(), &self.app.scope(), &own, self.cloud.now()) {
            Disposition::Act(signal) => Some(signal),
            Disposition::Ignore(_) | Disposition::Reject(_) => None,
        }
    }

    /// Hands one audit entry to the program, and waits for what it does.
    pub async fn hear_entry(&self, entry: &Value) -> Vec<Arc<Report>> {
        self.app.expander.submit(self.signal(entry).unwrap()).await.unwrap()
    }

    /// Writes the policy file anew, and waits until the program has taken it over.
    pub async fn change_policy(&self, text: &str) {
        self.policy.write(text);
        let expected = egress_reconciler::domain::policy::read(text).unwrap().hash;
        self.app.start();
        while self.app.policy().hash != expected {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// A call by somebody else.
    pub async fn call(&self, method: &str, url: &str, body: Value) -> Response {
        self.call_as("alice@example.com", method, url, body).await
    }

    pub async fn call_as(&self, who: &str, method: &str, url: &str, body: Value) -> Response {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let http = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {who}"))
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        self.cloud.transport().send(Request { call: "test", http, deadline: Duration::from_secs(10) }).await.unwrap()
    }

    /// `gcloud run jobs deploy` of a job whose traffic all leaves through a connector.
    pub async fn deploy(&self, job: &str, connector: &str) -> Response {
        let url = format!("https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs?jobId={job}");
        let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/{connector}");
        let body = json!({"template": {"template": {
            "containers": [{"image": "europe-docker.pkg.dev/demo-project/app/export:1", "env": [{"name": "TOKEN", "value": "canary-secret"}]}],
            "vpcAccess": {"connector": connector, "egress": "ALL_TRAFFIC"},
        }}});
        self.call("POST", &url, body).await
    }

    /// Writes of the program since the `from`th call.
    pub fn writes(&self, from: usize) -> Vec<String> {
        let calls = self.cloud.calls().into_iter().skip(from);
        calls.filter(|call| call.is_write() && call.caller.starts_with("runner@")).map(|call| call.call).collect()
    }
}

pub fn signal(target: &Target) -> Signal {
    Signal {
        place: Place::Target(target.clone()),
        wanted: None,
        trigger: Trigger {
            event_id: "e1".into(),
            method: "google.cloud.run.v2.Jobs.UpdateJob".into(),
            resource: "projects/demo-project/locations/europe-west2/jobs/a".into(),
            principal: None,
            refusal: None,
            at: START.parse().unwrap(),
            received: START.parse().unwrap(),
            duplicates: 0,
            told: Default::default(),
            refused: None,
        }
        .into(),
    }
}

pub fn states(report: &Report) -> Vec<EgressState> {
    report.egress.iter().map(|egress| egress.state).collect()
}
