//! The one place that puts clouds, policy, publisher, clock and ids together.

mod counted;
pub mod metrics;
pub mod simulated;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::{counted::Counted, metrics::Metrics};
use crate::{
    domain::policy::{self, Policy, PolicyError},
    google::{
        client::Client,
        credentials::Credentials,
        endpoints::{EndpointError, Endpoints},
        http::HttpTransport,
        transport::Transport,
    },
    reconcile::{Engine, Ids, Now, expand::Expander, outbox::Outbox, publish::{self, WithoutTopic}, queue::Queue},
};

/// What the program is put together from; every field has a flag and an `EGRESS_*` variable.
#[derive(Debug, Clone)]
pub struct Settings {
    pub policy: PathBuf,
    pub endpoints: Endpoints,
    pub credentials: Credentials,
    /// In place of the policy's `reports.topic`.
    pub report_topic: Option<String>,
    /// Where reports go if neither names a topic.
    pub without_topic: WithoutTopic,
    /// `PUBSUB_EMULATOR_HOST`: where reports go instead of Google.
    pub pubsub_emulator: Option<String>,
    /// Our own service account, whose entries are mostly ignored; none = nothing is ours.
    pub principal: Option<String>,
    pub wide_interval: Duration,
}

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot read the policy {}: {source}; set --policy or EGRESS_POLICY, `egress-reconciler policy example` prints one to start from", path.display())]
    NoPolicy { path: PathBuf, source: io::Error },
    #[error("the policy {} is not right:\n{source}", path.display())]
    BadPolicy { path: PathBuf, source: PolicyError },
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("EGRESS_ACCESS_TOKEN: found characters that no HTTP header can carry, expected an access token")]
    Token,
    #[error("--principal: found characters that no e-mail address has")]
    Principal,
}

/// The running program but for its doors.
pub struct App {
    pub engine: Arc<Engine>,
    pub queue: Arc<Queue<Engine>>,
    pub expander: Arc<Expander>,
    pub metrics: Arc<Metrics>,
    pub principal: Option<String>,
    pub tasks: TaskTracker,
    policy: sync::watch::Sender<Arc<Policy>>,
    path: PathBuf,
}

impl App {
    /// Puts everything together. No network is touched.
    pub fn build(
        settings: Settings,
        transport: Arc<dyn Transport>,
        now: Now,
        ids: Ids,
    ) -> Result<Arc<Self>, StartError> {
        let policy = Arc::new(read_policy(&settings.policy)?);
        let metrics = Arc::new(Metrics::default());
        let transport = Arc::new(Counted::new(transport, metrics.clone()));
        let client = Client::new(transport, settings.endpoints, settings.credentials);
        let topic = settings.report_topic.as_deref().or(policy.reports.topic.as_deref());
        let (_, publisher) = sync::watch::channel(publish::to(topic, settings.pubsub_emulator.as_deref(), settings.without_topic));
        let (sender, receiver) = sync::watch::channel(policy);
        let engine = Arc::new(Engine::new(client, receiver, Outbox::new(publisher), now, ids));
        let tasks = TaskTracker::new();
        let queue = Arc::new(Queue::new(engine.clone(), tasks.clone()));
        let expander = Expander::new(engine.clone(), queue.clone(), settings.wide_interval);
        metrics.follow(&engine.progress);
        Ok(Arc::new(Self {
            engine,
            queue,
            expander,
            metrics,
            principal: settings.principal,
            tasks,
            policy: sender,
            path: settings.policy,
        }))
    }

    /// The policy as it stands now.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.borrow().clone()
    }
}

impl Settings {
    /// gcloud's own endpoint variables; over plain http no credentials but a literal token are sent.
    pub fn cloud(lookup: &dyn Fn(&str) -> Option<String>) -> Result<(Endpoints, Credentials), StartError> {
        let endpoints = Endpoints::from_lookup(lookup)?;
        let credentials = match (endpoints.is_plain_http(), lookup("EGRESS_ACCESS_TOKEN")) {
            (false, _) => Credentials::google(),
            (true, Some(token)) => Credentials::literal(&token).map_err(|_| StartError::Token)?,
            (true, None) => Credentials::anonymous(),
        };
        Ok((endpoints, credentials))
    }
}

/// The real wire.
pub fn wire() -> Arc<dyn Transport> {
    Arc::new(HttpTransport::default())
}

/// The machine's clock.
pub fn now() -> Now {
    Arc::new(Timestamp::now)
}

/// Random ids.
pub fn ids() -> Ids {
    Arc::new(Uuid::new_v4)
}

pub fn read_policy(path: &Path) -> Result<Policy, StartError> {
    let text = fs::read_to_string(path).map_err(|source| StartError::NoPolicy { path: path.into(), source })?;
    policy::read(&text).map_err(|source| StartError::BadPolicy { path: path.into(), source })
}
