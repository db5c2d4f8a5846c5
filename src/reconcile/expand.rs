//! From a wider place to the targets in scope, and not too often.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::Shared,
    stream::{self, BoxStream},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tracing::Instrument;

use super::{
    engine::Engine,
    queue::{Bounds, Queue, RunRequest, RunResult},
    snapshot::ProjectLists,
};
use crate::{
    domain::{
        audit::signal::{Signal, join},
        names::{ProjectId, Region},
        policy::{Mode, NetworkName, Policy},
        report::Report,
        target::{Place, Target},
    },
    google::{error::CallError, transport::BoxFuture},
};

/// How long the list of Cloud Run's regions is good for.
const REGIONS_FOR: Duration = Duration::from_secs(300);

/// Runs that wide events, and beside them sweeps, have under way at once: each holds what it read. Google's quotas are kept by
/// the governor, not by this.
pub const MAX_CONCURRENT_RUNS: usize = 64;

/// Projects whose lists are held at once. Most of their targets need nothing beyond these.
const MAX_CONCURRENT_PROJECTS: usize = 32;

/// What a signal comes to: a report for each target.
pub type Reports = Vec<Arc<Report>>;
type Asked = Arc<Mutex<Vec<Signal>>>;
type Trailing = Shared<BoxFuture<'static, Arc<Result<Reports, ExpandError>>>>;

/// A place could not be expanded: the event must come again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the regions of {project} could not be listed: {why}")]
pub struct ExpandError {
    pub project: ProjectId,
    pub why: String,
    pub transient: bool,
}

/// Turns signals into runs.
pub struct Expander {
    engine: Arc<Engine>,
    pub queue: Arc<Queue<Engine>>,
    /// Wide signals of one project that come closer together than this share one run.
    interval: Duration,
    /// Projects that had a wide signal lately; `None` = a folder or an organization.
    wide: Mutex<HashMap<Option<ProjectId>, Wide>>,
    regions: Mutex<HashMap<ProjectId, Known>>,
    places: Semaphore,
    /// Their runs wait for quotas, and no event shall wait for them.
    sweep_places: Semaphore,
}

/// The regions of one project, and when they were read.
type Known = Arc<tokio::sync::Mutex<Option<(Instant, Vec<Region>)>>>;

struct Wide {
    next: Instant,
    /// The run that all who came too early share, and what they ask of it.
    trailing: Option<(Trailing, Asked)>,
}

impl Expander {
    pub fn new(engine: Arc<Engine>, queue: Arc<Queue<Engine>>, interval: Duration) -> Arc<Self> {
        Arc::new(Self {
            engine,
            queue,
            interval,
            wide: Mutex::default(),
            regions: Mutex::default(),
            places: Semaphore::new(MAX_CONCURRENT_RUNS),
            sweep_places: Semaphore::new(MAX_CONCURRENT_RUNS),
        })
    }

    /// Answers when runs begun after this call have ended. Their lines in the log stand under the span of the first caller.
    pub fn submit(self: &Arc<Self>, signal: Signal) -> BoxFuture<'static, Result<Reports, ExpandError>> {
        if signal.trigger.told.grants {
            return self.submit_grant(signal);
        }
        match &signal.place {
            Place::Target(target) if self.engine.policy.borrow().scope.projects.contains(&target.project) => {
                let answer = self.queue.submit(request(target.clone(), &[signal]));
                Box::pin(async move { Ok(vec![answer.await]) })
            }
            _ => self.submit_wide(signal),
        }
    }

    /// The targets of one project of the scope; `regions` empty = all.
    pub async fn targets_of(&self, project: &ProjectId, regions: &[Region]) -> Result<Vec<Target>, ExpandError> {
        let policy = self.engine.policy.borrow().clone();
        let known: BTreeSet<Region> = match policy.scope.regions.list() {
            Some(listed) => listed.iter().cloned().collect(),
            // Off reads nothing, not even which regions there are.
            None if policy.is_off(project, None) => BTreeSet::new(),
            None if policy.scope.projects.contains(project) => self.regions_of(project).await?.into_iter().collect(),
            None => self.regions_of_host(project, &policy).await?.into_iter().collect(),
        };
        let asked = known.into_iter().filter(|region| regions.is_empty() || regions.contains(region));
        Ok(asked.map(|region| Target { project: project.clone(), region }).collect())
    }

    /// The targets of several projects, and those that could not be listed: one project hides no other.
    pub async fn list(
        &self,
        projects: impl Iterator<Item = &ProjectId> + Send,
        regions: &[Region],
    ) -> (Vec<Target>, Vec<ExpandError>) {
        let (mut targets, mut failed) = (Vec::new(), Vec::new());
        let each: Vec<_> = projects.map(|project| self.targets_of(project, regions).boxed()).collect();
        let mut all = stream::iter(each).buffered(MAX_CONCURRENT_RUNS);
        while let Some(found) = all.next().await {
            match found {
                Ok(found) => targets.extend(found),
                Err(error) => failed.push(error),
            }
        }
        (targets, failed)
    }

    /// Runs of many targets, as they end: no more than [`MAX_CONCURRENT_RUNS`] at once in the whole process, and as many of
    /// sweeps. What they look at is read once for each project.
    pub fn in_turn(&self, requests: Vec<RunRequest>) -> impl Stream<Item = Arc<Report>> + Send {
        self.by_project(requests, |request| self.queue.submit(request))
    }

    /// Dry runs of many targets, likewise. A run of a target that is under way is not waited for.
    pub fn looks(&self, requests: Vec<RunRequest>) -> impl Stream<Item = RunResult> + Send {
        self.by_project(requests, |request| self.engine.dry_run(request))
    }

    fn by_project<'a, F, T>(
        &'a self,
        requests: Vec<RunRequest>,
        run: impl Fn(RunRequest) -> F + Clone + Send + 'a,
    ) -> impl Stream<Item = T> + Send + 'a
    where
        F: Future<Output = T> + Send,
        T: Send + 'a,
    {
        let is_sweep = requests.iter().any(|request| request.sweep);
        // One target of a command has nobody to share lists with, and may be written to at once.
        let snapshot = (is_sweep || requests.len() > 1).then(|| self.engine.snapshot(is_sweep));
        stream::iter(of_projects(requests))
            .map(move |(project, requests)| {
                let lists = snapshot.as_ref().map(|snapshot| snapshot.of(project));
                self.in_project(lists, requests, run.clone())
            })
            .flatten_unordered(MAX_CONCURRENT_PROJECTS)
    }

    /// The runs of one project.
    fn in_project<'a, F, T>(
        &'a self,
        lists: Option<Arc<ProjectLists>>,
        requests: Vec<RunRequest>,
        run: impl Fn(RunRequest) -> F + Clone + Send + 'a,
    ) -> BoxStream<'a, T>
    where
        F: Future<Output = T> + Send,
        T: Send + 'a,
    {
        let one = move |request: RunRequest| {
            let places = if request.sweep { &self.sweep_places } else { &self.places };
            // A run that may do no more than was agreed to looks for itself.
            let lists = lists.clone().filter(|_| matches!(request.bounds, Bounds::Free));
            let (policy, run) = (self.engine.policy.borrow().clone(), run.clone());
            async move {
                if let Some(lists) = &lists
                    && policy.for_target(&request.target).mode != Mode::Off
                {
                    lists.load(&policy.network_of(&request.target)).await;
                }
                // Never closed.
                let _place = places.acquire().await;
                // In a box: of those that wait for their turn there are many.
                Box::pin(run(RunRequest { lists, ..request })).await
            }
        };
        stream::iter(requests).map(one).buffer_unordered(MAX_CONCURRENT_RUNS).boxed()
    }

    /// A change of rights is looked at only where something was refused: most change nothing for anybody here.
    fn submit_grant(self: &Arc<Self>, signal: Signal) -> BoxFuture<'static, Result<Reports, ExpandError>> {
        let policy = self.engine.policy.borrow().clone();
        let mut targets = self.engine.with_history(|history| history.awaiting_rights());
        targets.retain(|target| {
            policy.scope.all().contains(&target.project)
                && (concerns(&policy, &signal.place, target) || signal.place == Place::Target(target.clone()))
        });
        let requests = targets.into_iter().map(|target| request(target, std::slice::from_ref(&signal))).collect();
        let this = self.clone();
        Box::pin(async move { Ok(this.in_turn(requests).collect().await) }.in_current_span())
    }

    fn submit_wide(self: &Arc<Self>, signal: Signal) -> BoxFuture<'static, Result<Reports, ExpandError>> {
        let project = signal.place.project().cloned();
        let mut wide = self.wide.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        wide.retain(|_, slot| slot.trailing.is_some() || slot.next > now);
        let Some(slot) = wide.get_mut(&project) else {
            wide.insert(project, Wide { next: now + self.interval, trailing: None });
            let this = self.clone();
            return Box::pin(async move { this.run_all(vec![signal]).await }.in_current_span());
        };
        let (trailing, signals) = slot.trailing.get_or_insert_with(|| self.trail(project, slot.next));
        signals.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
        let shared = trailing.clone();
        Box::pin(async move { (*shared.await).clone() })
    }

    /// The run of all who come before `at`. It runs though the request that asked for it may be gone.
    fn trail(self: &Arc<Self>, project: Option<ProjectId>, at: Instant) -> (Trailing, Asked) {
        let asked = Asked::default();
        let (this, signals) = (self.clone(), asked.clone());
        let future: BoxFuture<'static, _> = Box::pin(
            async move {
                sleep_until(at).await;
                // From here on a newer signal must have a run of its own.
                if let Some(slot) = this.wide.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&project) {
                    *slot = Wide { next: at + this.interval, trailing: None };
                }
                let signals = std::mem::take(&mut *signals.lock().unwrap_or_else(PoisonError::into_inner));
                Arc::new(this.run_all(signals).await)
            }
            .in_current_span(),
        );
        let trailing = future.shared();
        tokio::spawn(trailing.clone());
        (trailing, asked)
    }

    /// One project that cannot be listed hides no other; it is told when nothing worse came of the rest.
    async fn run_all(&self, signals: Vec<Signal>) -> Result<Reports, ExpandError> {
        let policy = self.engine.policy.borrow().clone();
        let may_concern =
            |project: &&ProjectId| signals.iter().any(|signal| may_concern(&policy, &signal.place, project));
        let concerned = policy.scope.all().into_iter().filter(may_concern);
        let (targets, failed) = self.list(concerned, &[]).await;
        let requests = targets.into_iter().filter_map(|target| {
            let own = signals.iter().filter(|signal| concerns(&policy, &signal.place, &target));
            let own: Vec<Signal> = own.cloned().collect();
            (!own.is_empty()).then(|| request(target, &own))
        });
        let reports: Reports = self.in_turn(requests.collect()).collect().await;
        match failed.into_iter().max_by_key(|error| error.transient) {
            Some(error) if error.transient || reports.is_empty() => Err(error),
            Some(error) => {
                tracing::error!(%error, "a project is left out of an event that may concern it");
                Ok(reports)
            }
            None => Ok(reports),
        }
    }

    /// A host need not have Cloud Run: connectors may stand there wherever the projects that it serves have it.
    async fn regions_of_host(&self, host: &ProjectId, policy: &Policy) -> Result<Vec<Region>, ExpandError> {
        let mut found = Ok(Vec::new());
        for project in &policy.scope.projects {
            found = self.regions_of(project).await;
            if found.is_ok() {
                break;
            }
        }
        found.map_err(|error| ExpandError { project: host.clone(), ..error })
    }

    async fn regions_of(&self, project: &ProjectId) -> Result<Vec<Region>, ExpandError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Location {
            location_id: String,
        }
        // Held over the call: those who come meanwhile for the same project wait for the same answer.
        let cache =
            self.regions.lock().unwrap_or_else(PoisonError::into_inner).entry(project.clone()).or_default().clone();
        let mut known = cache.lock().await;
        if let Some((at, regions)) = known.as_ref()
            && at.elapsed() < REGIONS_FOR
        {
            return Ok(regions.clone());
        }
        let fail = |error: &CallError| ExpandError {
            project: project.clone(),
            why: error.to_string(),
            transient: error.is_transient(),
        };
        let locations: Vec<Location> =
            self.engine.client.list_locations(project.as_str()).await.map_err(|error| fail(&error))?;
        let regions: Vec<_> =
            locations.iter().filter_map(|location| Region::parse(&location.location_id).ok()).collect();
        *known = Some((Instant::now(), regions.clone()));
        Ok(regions)
    }
}

/// Whether any region of the project may be concerned: asked before the regions are.
fn may_concern(policy: &Policy, place: &Place, project: &ProjectId) -> bool {
    let Some(own) = place.project() else { return true };
    // An override may give single regions another network: these are told apart when they are known.
    let mut policies = std::iter::once(policy).chain(&policy.resolved);
    own == project
        || policies.any(|policy| matches!(&policy.network.name, NetworkName::Of(network) if network.project == *own))
}

fn concerns(policy: &Policy, place: &Place, target: &Target) -> bool {
    let network = policy.network_of(target);
    match place {
        Place::Target(named) => network.project == named.project && target.region == named.region,
        Place::Network(named) => network == *named,
        Place::Project(named) => target.project == *named || network.project == *named,
        Place::Everywhere => true,
    }
}

/// The requests of each project, in the order of the first.
fn of_projects(requests: Vec<RunRequest>) -> Vec<(ProjectId, Vec<RunRequest>)> {
    let mut projects: Vec<(ProjectId, Vec<RunRequest>)> = Vec::new();
    let mut places = HashMap::new();
    for request in requests {
        let project = request.target.project.clone();
        let place = *places.entry(project.clone()).or_insert(projects.len());
        if place == projects.len() {
            projects.push((project, Vec::new()));
        }
        projects[place].1.push(request);
    }
    projects
}

fn request(target: Target, signals: &[Signal]) -> RunRequest {
    let mut request = RunRequest::new(target);
    request.wanted = signals.iter().filter_map(|signal| signal.wanted.clone()).collect();
    join(&mut request.triggers, signals.iter().map(|signal| signal.trigger.clone()));
    request
}
