//! One run per target at a time; what arrives meanwhile shares one following run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};

use super::snapshot::ProjectLists;
use crate::{
    domain::{
        audit::{
            signal::{Trigger, join},
            wanted::WantedConnector,
        },
        plan::Plan,
        report::Report,
        reviewed::Reviewed,
        state::observed::Observed,
        target::Target,
    },
    google::transport::BoxFuture,
};

/// A wish for one look at one target.
#[derive(Clone)]
pub struct RunRequest {
    pub target: Target,
    pub wanted: Vec<WantedConnector>,
    pub triggers: Vec<Arc<Trigger>>,
    pub dry_run: bool,
    /// A sweep tries again what was refused before.
    pub sweep: bool,
    /// Cancelled when others than sweeps wait for the run: from then on its calls give way to none.
    pub hurry: CancellationToken,
    pub bounds: Bounds,
    /// Lists of the whole project that the first look may be cut from.
    pub lists: Option<Arc<ProjectLists>>,
}

/// What a run may write, beside what mode and budget permit.
#[derive(Debug, Clone, Default)]
pub enum Bounds {
    /// What it plans.
    #[default]
    Free,
    /// What was agreed to, and nothing where the plan is another by now.
    Exactly(Arc<Reviewed>),
    /// Of what it plans, what was shown: the run before did the rest.
    Within(Arc<Reviewed>),
}

impl RunRequest {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            wanted: Vec::new(),
            triggers: Vec::new(),
            dry_run: false,
            sweep: false,
            hurry: CancellationToken::new(),
            bounds: Bounds::Free,
            lists: None,
        }
    }

    /// Runs of targets, of which that of a wanted connector is told of it.
    pub fn of_targets(targets: Vec<Target>, wanted: Option<&WantedConnector>) -> Vec<Self> {
        let request = |target: Target| {
            let own = wanted.filter(|wanted| target.has(&wanted.connector)).cloned();
            Self { wanted: own.into_iter().collect(), ..Self::new(target) }
        };
        targets.into_iter().map(request).collect()
    }

    /// A further run of the same: what was agreed to is done in part.
    pub fn again(&self) -> Self {
        let bounds = match &self.bounds {
            Bounds::Exactly(reviewed) | Bounds::Within(reviewed) => Bounds::Within(reviewed.clone()),
            Bounds::Free => Bounds::Free,
        };
        Self { bounds, lists: None, hurry: CancellationToken::new(), ..self.clone() }
    }

    /// Adds wanted connectors.
    pub fn wish(&mut self, more: Vec<WantedConnector>) {
        for wanted in more {
            if !self.wanted.contains(&wanted) {
                self.wanted.push(wanted);
            }
        }
    }

    /// The union of two wishes for the same target. Their number is bounded where they come from: each event has a place
    /// among those that wait.
    fn merge(&mut self, other: Self) {
        self.wish(other.wanted);
        join(&mut self.triggers, other.triggers);
        if !(self.sweep && other.sweep) {
            self.hurry.cancel();
        }
        self.sweep |= other.sweep;
        // Lists that were read before one of the two asked do not show what it is about.
        let newer = |a: &Arc<ProjectLists>, b: &Arc<ProjectLists>| a.begun() >= b.begun();
        self.lists = match (self.lists.take(), other.lists) {
            (Some(a), Some(b)) => Some(if newer(&a, &b) { a } else { b }),
            _ => None,
        };
        // Only commands have bounds, and a command asks for each target once.
        if matches!(self.bounds, Bounds::Free) {
            self.bounds = other.bounds;
        }
    }
}

/// What a run found and did.
pub struct RunResult {
    pub report: Report,
    /// Of the first look; `None` = there was nothing to plan, because the policy's mode is `off`.
    pub plan: Option<Arc<Plan>>,
    /// The last look; `None` = there was none.
    pub observed: Option<Observed>,
    /// Runs of other targets that this one found necessary.
    pub follow_ups: Vec<RunRequest>,
}

impl From<Report> for RunResult {
    /// A run that looked at nothing.
    fn from(report: Report) -> Self {
        Self { report, plan: None, observed: None, follow_ups: Vec::new() }
    }
}

/// What a run is.
pub trait Run: Send + Sync + 'static {
    fn run(&self, request: RunRequest) -> BoxFuture<'_, RunResult>;
    /// The report of a run that panicked.
    fn report_for_panic(&self, request: &RunRequest) -> Report;
}

/// Runs wishes, one at a time for each target. Dry runs never merge with writing runs.
pub struct Queue<R> {
    run: Arc<R>,
    slots: Arc<Mutex<HashMap<Target, Slot>>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Slot {
    /// Of the run under way.
    hurry: Option<CancellationToken>,
    writing: Option<Pending>,
    dry: Option<Pending>,
}

struct Pending {
    request: RunRequest,
    waiting: Vec<oneshot::Sender<Arc<Report>>>,
    /// Of whoever asked first: the run's lines in the log stand under the trace of that request.
    span: Span,
}

impl<R> Clone for Queue<R> {
    fn clone(&self) -> Self {
        Self { run: self.run.clone(), slots: self.slots.clone(), tasks: self.tasks.clone() }
    }
}

impl<R: Run> Queue<R> {
    pub fn new(run: Arc<R>, tasks: TaskTracker) -> Self {
        Self { run, slots: Arc::default(), tasks }
    }

    /// Answers with the report of a run that began after this call. Dropping the answer never stops the run.
    pub fn submit(&self, request: RunRequest) -> BoxFuture<'static, Arc<Report>> {
        let (answer, report) = oneshot::channel();
        let (run, target, dry_run) = (self.run.clone(), request.target.clone(), request.dry_run);
        let starts = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let starts = !slots.contains_key(&target);
            slots.entry(target.clone()).or_default().add(request, answer);
            starts
        };
        if starts {
            self.tasks.spawn(drain(self.clone(), target.clone()));
        }
        let died = move || run.report_for_panic(&RunRequest { dry_run, ..RunRequest::new(target) });
        Box::pin(report.map(|report| report.unwrap_or_else(|_| Arc::new(died()))))
    }
}

impl Slot {
    fn add(&mut self, request: RunRequest, answer: oneshot::Sender<Arc<Report>>) {
        // Whoever comes now waits for the run under way, and for what stands before.
        if !request.sweep {
            let before = [&self.writing, &self.dry].into_iter().flatten().map(|pending| &pending.request.hurry);
            before.chain(&self.hurry).for_each(CancellationToken::cancel);
        }
        let place = if request.dry_run { &mut self.dry } else { &mut self.writing };
        match place {
            Some(pending) => {
                pending.request.merge(request);
                pending.waiting.push(answer);
            }
            None => *place = Some(Pending { request, waiting: vec![answer], span: Span::current() }),
        }
    }
}

/// Runs what waits for one target until nothing does; the slot stands as long as this does.
async fn drain<R: Run>(queue: Queue<R>, target: Target) {
    loop {
        let next = {
            let mut slots = queue.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let next = slots.get_mut(&target).and_then(|slot| {
                let next = slot.writing.take().or_else(|| slot.dry.take());
                slot.hurry = next.as_ref().map(|pending| pending.request.hurry.clone());
                next
            });
            if next.is_none() {
                slots.remove(&target);
            }
            next
        };
        let Some(Pending { request, waiting, span }) = next else { return };
        // A task of its own, so that a run that panics takes no waiting wish with it.
        let this = queue.run.clone();
        let copy = request.clone();
        let report = match tokio::spawn(async move { this.run(copy).await }.instrument(span)).await {
            Ok(result) => {
                for request in result.follow_ups {
                    // This run does not wait for those of other targets.
                    drop(queue.submit(request));
                }
                result.report
            }
            Err(error) => {
                tracing::error!(%target, %error, "run panicked");
                queue.run.report_for_panic(&request)
            }
        };
        let report = Arc::new(report);
        for answer in waiting {
            // Nobody may be listening any more: the run was worth doing all the same.
            let _ = answer.send(report.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(sweep: bool) -> RunRequest {
        let target = Target {
            project: "demo-project".to_owned().try_into().expect("an id"),
            region: "europe-west2".to_owned().try_into().expect("a region"),
        };
        RunRequest { sweep, ..RunRequest::new(target) }
    }

    /// A run is a sweep's as long as nobody else waits for it, or for what stands before in the line.
    #[test]
    fn whoever_waits_behind_a_sweep_hurries_it() {
        for (first, then, hurried) in [(true, true, false), (true, false, true), (false, true, true)] {
            let (mut slot, under_way) = (Slot::default(), CancellationToken::new());
            slot.hurry = Some(under_way.clone());
            slot.add(request(first), oneshot::channel().0);
            slot.add(RunRequest { dry_run: true, ..request(true) }, oneshot::channel().0);
            slot.add(request(then), oneshot::channel().0);
            let pending = slot.writing.as_ref().expect("a run that waits");
            assert_eq!(pending.request.hurry.is_cancelled(), hurried, "{first} {then}");
            assert_eq!(under_way.is_cancelled(), !(first && then), "{first} {then}");
            assert!(pending.request.sweep || !(first || then));
        }
    }
}
