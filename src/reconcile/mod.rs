//! The flow: observe, decide, apply, look again, say what was done.
//!
//! [`Engine::run`] is that flow on one screen. [`queue`] gives each target one run at a time, [`expand`] turns wider places
//! into targets, [`history`] is what the process remembers, [`publish`] sends reports out.

pub mod apply;
pub mod breaker;
pub mod cloudevent;
mod completion;
mod course;
pub mod emergency;
pub mod examine;
pub mod expand;
mod heard;
pub mod history;
pub mod observe;
mod operations;
pub mod outbox;
pub mod projects;
pub mod publish;
pub mod queue;
pub mod races;
mod refusals;
mod refused;
mod reserved;
mod routers;
pub mod routes;
mod run;
mod turns;
mod users;
mod wishes;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{history::History, outbox::Outbox, projects::Projects, turns::Turns};
use crate::{
    domain::{
        policy::Policy,
        report::{Report, StepReport},
        target::Target,
    },
    google::client::Client,
};

/// The wall clock, given by whoever puts the program together: sleeps go by tokio's clock, stamps and reports by this.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Who counts the runs that have ended.
pub type Ended = Arc<dyn Fn(&Report) + Send + Sync>;
/// Where report ids come from.
pub type Ids = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// What somebody who waits may be shown meanwhile.
#[derive(Debug, Clone)]
pub enum Progress {
    Started { target: Target },
    Planned { target: Target, plan: Arc<crate::domain::plan::Plan> },
    Step { target: Target, step: Box<StepReport> },
    Done { report: Arc<Report> },
}

/// Runs targets. One for the process.
pub struct Engine {
    pub client: Client,
    pub policy: watch::Receiver<Arc<Policy>>,
    pub outbox: Outbox,
    pub history: Mutex<History>,
    projects: Projects,
    pub now: Now,
    pub ids: Ids,
    pub progress: tokio::sync::broadcast::Sender<Progress>,
    /// Set when the process is asked to end: no step is begun after it.
    pub stop: CancellationToken,
    /// Told of every run that has ended, dry ones too.
    ended: Ended,
    turns: Turns,
}

impl Engine {
    pub fn new(
        client: Client,
        policy: watch::Receiver<Arc<Policy>>,
        outbox: Outbox,
        now: Now,
        ids: Ids,
        ended: Ended,
    ) -> Self {
        /// Progress that a slow watcher may fall behind by.
        const WATCHED: usize = 1024;
        Self {
            client,
            policy,
            outbox,
            history: Mutex::default(),
            projects: Projects::default(),
            now,
            ids,
            progress: tokio::sync::broadcast::channel(WATCHED).0,
            stop: CancellationToken::new(),
            ended,
            turns: Turns::default(),
        }
    }
}
