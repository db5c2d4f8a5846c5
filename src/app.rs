//! The one place that puts clouds, policy, publisher, clock and ids together.

pub mod certificates;
pub mod doctor;
mod metered;
pub mod metrics;
mod policy_file;
mod principal;
pub mod simulated;

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::{metered::MeteredTransport, metrics::Metrics};
use crate::{
    domain::{
        audit::{classify::OwnPrincipals, scope::Scope},
        policy::{self, Mode, Policy, PolicyError},
        report::Report,
    },
    google::{
        client::Client,
        credentials::Credentials,
        endpoints::{EndpointError, Endpoints},
        http::HttpTransport,
        transport::Transport,
    },
    reconcile::{
        Clock, Engine, IdGenerator,
        expand::Expander,
        outbox::Outbox,
        publish::{self, Publish, WithoutTopic},
        queue::Queue,
    },
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
    /// Starts though the policy is not right, and waits for one that is: a service that does not start answers nobody, and
    /// tells nobody why.
    pub waits_for_policy: bool,
}

/// Why the program does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot read the policy {}: {source}; set --policy or EGRESS_POLICY, `egress-reconciler policy example` prints one to start from", path.display())]
    NoPolicy { path: PathBuf, source: io::Error },
    #[error("the policy {} is not right:\n{}", path.display(), source.in_file(&path.display().to_string()))]
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
    /// What runs beside the requests; the process waits for it a while before it ends.
    pub tasks: TaskTracker,
    settings: Settings,
    transport: Arc<dyn Transport>,
    policy: watch::Sender<Arc<Policy>>,
    scope: watch::Sender<Arc<Scope>>,
    publisher: watch::Sender<Arc<dyn Publish>>,
    own: OnceLock<OwnPrincipals>,
    /// What is wrong with the policy file, since it last was right.
    policy_error: Mutex<Option<String>>,
    /// A policy that was right has been read.
    has_policy: AtomicBool,
}

/// Stands in for a policy while none has been read that is right: it covers nothing.
const NO_POLICY: &str = "\
version: 1
owner: no-policy
mode: off
scope: {projects: [no-policy-yet]}
network: {name: no-policy}
connector: {ensure: never}
";

impl App {
    /// Puts everything together. No network is touched.
    pub fn build(
        settings: Settings,
        transport: Arc<dyn Transport>,
        now: Clock,
        ids: IdGenerator,
    ) -> Result<Arc<Self>, StartError> {
        let (policy, policy_error) = match read_policy(&settings.policy) {
            Ok(policy) => (policy, None),
            Err(error) if settings.waits_for_policy => {
                tracing::error!("{error}; until it is fixed, no event is acted on and nothing is written");
                (parsed(&settings.policy, Ok(NO_POLICY.to_owned()))?, Some(error.to_string()))
            }
            Err(error) => return Err(error),
        };
        Ok(Self::assemble((policy, policy_error), settings, transport, now, ids))
    }

    /// The same with a policy that no file holds.
    pub fn with_policy(
        policy: Policy,
        settings: Settings,
        transport: Arc<dyn Transport>,
        now: Clock,
        ids: IdGenerator,
    ) -> Arc<Self> {
        Self::assemble((policy, None), settings, transport, now, ids)
    }

    fn assemble(
        (policy, policy_error): (Policy, Option<String>),
        settings: Settings,
        transport: Arc<dyn Transport>,
        now: Clock,
        ids: IdGenerator,
    ) -> Arc<Self> {
        let policy = Arc::new(policy);
        let metrics = Arc::new(Metrics::default());
        metrics.policy(policy_error.is_none());
        let transport: Arc<dyn Transport> = Arc::new(MeteredTransport::new(transport, metrics.clone()));
        let waits = metrics.clone();
        let client = Client::new(transport.clone(), settings.endpoints.clone(), settings.credentials.clone())
            .observed(Arc::new(move |api, waited| waits.quota_wait(api, waited)));
        let (publisher, sends) = watch::channel(settings.publisher(&policy));
        let scope = watch::Sender::new(Arc::new(Scope::of(&policy)));
        let (sender, receiver) = watch::channel(policy);
        let counter = metrics.clone();
        let ended = Arc::new(move |report: &Report| counter.run(report));
        let engine = Arc::new(Engine::new(client, receiver, Outbox::new(sends), now, ids, ended));
        let tasks = TaskTracker::new();
        let queue = Arc::new(Queue::new(engine.clone(), tasks.clone()));
        let expander = Expander::new(engine.clone(), queue.clone(), settings.wide_interval);
        let app = Self {
            engine,
            queue,
            expander,
            metrics,
            tasks,
            transport,
            policy: sender,
            scope,
            publisher,
            own: OnceLock::new(),
            has_policy: AtomicBool::new(policy_error.is_none()),
            policy_error: Mutex::new(policy_error),
            settings,
        };
        if let Some(principal) = app.settings.principal.clone() {
            app.set_principal(principal);
        }
        Arc::new(app)
    }

    /// Starts what runs beside the doors, until the engine is stopped: the policy file is watched, and on Cloud Run our
    /// own name is looked up unless a setting tells it.
    pub fn start(self: &Arc<Self>) {
        let stop = &self.engine.stop;
        self.tasks.spawn(stop.clone().run_until_cancelled_owned(policy_file::follow(self.clone())));
        if std::env::var_os("K_SERVICE").is_some() && self.own.get().is_none() {
            let host = std::env::var("GCE_METADATA_HOST").ok();
            let this = self.clone();
            self.tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
                this.set_principal(principal::learn(&*this.transport, host.as_deref()).await);
            }));
        }
    }

    /// The policy as it stands now.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.borrow().clone()
    }

    /// What the policy makes us responsible for.
    pub fn scope(&self) -> Arc<Scope> {
        self.scope.borrow().clone()
    }

    /// Whose entries are our own; nobody's as long as our name is unknown.
    pub fn own(&self) -> &OwnPrincipals {
        static NOBODY: OwnPrincipals = OwnPrincipals::none();
        self.own.get().unwrap_or(&NOBODY)
    }

    /// What a person must mend before the service can do its work.
    pub fn readiness_problems(&self) -> Vec<String> {
        let policy = self.policy_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        policy.into_iter().chain(self.engine.outbox.refused()).collect()
    }

    /// Why nothing can be decided: no policy has been read yet that is right.
    pub fn lacks_policy(&self) -> Option<String> {
        if self.has_policy.load(Ordering::Acquire) {
            return None;
        }
        self.policy_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends reports elsewhere from now on.
    pub fn report_to(&self, publisher: Arc<dyn Publish>) {
        self.publisher.send_replace(publisher);
        self.engine.outbox.forget_refusal();
    }

    fn set_principal(&self, principal: String) {
        // Whoever came first knew as well.
        let _ = self.own.set(OwnPrincipals::from_iter([principal]));
    }

    /// Takes over what the policy file says now.
    fn adopt(&self, policy: Policy) {
        let was_broken = self.policy_error.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        self.metrics.policy(true);
        let before = self.policy();
        if policy.hash == before.hash && !was_broken {
            return;
        }
        tracing::info!(hash = policy.hash, mode = ?policy.mode, "the policy file has changed");
        if policy.reports.topic != before.reports.topic {
            self.report_to(self.settings.publisher(&policy));
        }
        self.scope.send_replace(Arc::new(Scope::of(&policy)));
        self.policy.send_replace(Arc::new(policy));
        // Whoever sees it sees the policy as well.
        self.has_policy.store(true, Ordering::Release);
    }

    /// Until the file is fixed, the last policy that was right is only reported on.
    fn degrade_to_report_only(&self, why: String) {
        tracing::error!("{why}; until it is fixed nothing is written, only reported");
        self.metrics.policy(false);
        *self.policy_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        let mut policy = Policy::clone(&self.policy());
        policy.mode = policy.mode.min(Mode::Report);
        for resolved in &mut policy.resolved {
            resolved.mode = resolved.mode.min(Mode::Report);
        }
        self.policy.send_replace(Arc::new(policy));
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

    fn publisher(&self, policy: &Policy) -> Arc<dyn Publish> {
        let topic = self.report_topic.as_deref().or(policy.reports.topic.as_deref());
        publish::to(topic, self.pubsub_emulator.as_deref(), self.without_topic)
    }
}

/// A way to Google, or to a simulated one, and what it takes to be let in.
pub type Way = (Arc<dyn Transport>, (Endpoints, Credentials));

/// # Errors
/// Endpoint variables that are none.
pub fn way_to_google(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Way, StartError> {
    Ok((http_transport(), Settings::cloud(lookup)?))
}

/// The transport to Google.
pub fn http_transport() -> Arc<dyn Transport> {
    Arc::new(HttpTransport::default())
}

/// The machine's clock.
pub fn now() -> Clock {
    Arc::new(Timestamp::now)
}

/// Random ids.
pub fn ids() -> IdGenerator {
    Arc::new(Uuid::new_v4)
}

/// Reads a policy file, or standard input where it is `-`.
///
/// # Errors
/// What cannot be read, or is no policy.
pub fn read_policy(path: &Path) -> Result<Policy, StartError> {
    let name = if is_stdin(path) { Path::new("<stdin>") } else { path };
    parsed(name, policy_text(path))
}

/// Whether a policy is read from standard input, which can be done once.
pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// What a policy file holds, or standard input.
pub fn policy_text(path: &Path) -> io::Result<String> {
    if !is_stdin(path) {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text).map(|_| text)
}

fn parsed(path: &Path, text: io::Result<String>) -> Result<Policy, StartError> {
    let text = text.map_err(|source| StartError::NoPolicy { path: path.into(), source })?;
    policy::read(&text).map_err(|source| StartError::BadPolicy { path: path.into(), source })
}
