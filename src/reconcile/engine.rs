//! What runs targets, and what the runs share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    apply::Applied,
    clock::Clock,
    history::History,
    outbox::Outbox,
    projects::Projects,
    snapshot::{Snapshot, Snapshots},
    write_locks::WriteLocks,
};
use crate::{
    domain::{
        audit::classify::RouterRequest,
        plan::{Note, Plan},
        policy::Policy,
        report::{Report, StepReport},
        state::observed::Observed,
        target::Target,
    },
    google::client::Client,
};

/// Who counts the runs that have ended.
pub type RunObserver = Arc<dyn Fn(&Report) + Send + Sync>;
/// Where report ids come from.
pub type IdGenerator = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// What somebody who waits may be shown meanwhile.
#[derive(Debug, Clone)]
pub enum Progress {
    Started { target: Target },
    Planned { target: Target, plan: Arc<Plan> },
    Step { target: Target, step: Box<StepReport> },
    Done { report: Arc<Report> },
}

/// Runs targets. One for the process.
pub struct Engine {
    pub client: Client,
    pub policy: watch::Receiver<Arc<Policy>>,
    pub outbox: Outbox,
    pub history: Mutex<History>,
    pub(super) projects: Projects,
    pub(super) snapshots: Arc<Snapshots>,
    pub now: Clock,
    pub ids: IdGenerator,
    pub progress: tokio::sync::broadcast::Sender<Progress>,
    /// Set when the process is asked to end: no step is begun after it.
    pub stop: CancellationToken,
    /// Told of every run that has ended, dry ones too.
    pub(super) ended: RunObserver,
    pub(super) locks: WriteLocks,
}

impl Engine {
    pub fn new(
        client: Client,
        policy: watch::Receiver<Arc<Policy>>,
        outbox: Outbox,
        now: Clock,
        ids: IdGenerator,
        ended: RunObserver,
    ) -> Self {
        /// Progress that a slow watcher may fall behind by.
        const PROGRESS_CAPACITY: usize = 1024;
        Self {
            client,
            policy,
            outbox,
            history: Mutex::default(),
            projects: Projects::default(),
            snapshots: Arc::default(),
            now,
            ids,
            progress: tokio::sync::broadcast::channel(PROGRESS_CAPACITY).0,
            stop: CancellationToken::new(),
            ended,
            locks: WriteLocks::default(),
        }
    }

    /// Lists that targets share, none of them read yet. What a sweep reads gives way to events.
    pub fn snapshot(&self, is_sweep: bool) -> Arc<Snapshot> {
        let client = match is_sweep {
            true => self.client.for_sweep(CancellationToken::new()),
            false => self.client.clone(),
        };
        Snapshot::new(client, self.now.clone(), self.snapshots.clone())
    }

    /// An audit entry says what a call asked of a router.
    pub fn hear(&self, request: RouterRequest) {
        let now = (self.now)();
        self.with_history(|history| history.races.hear(request, now));
    }

    pub(super) fn races(&self, of: &Target, observed: &Observed) -> Vec<Note> {
        let now = (self.now)();
        self.with_history(|history| history.races.notes(of, observed, now))
    }

    pub(super) fn note_applied(&self, plan: &Plan, applied: &[Applied], policy: &Policy) {
        let now = (self.now)();
        self.with_history(|history| history.note_applied(plan, applied, policy, now));
    }

    pub(super) fn with_history<T>(&self, with: impl FnOnce(&mut History) -> T) -> T {
        with(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn emit(&self, progress: Progress) {
        // An error means that there is no subscriber.
        let _ = self.progress.send(progress);
    }
}
