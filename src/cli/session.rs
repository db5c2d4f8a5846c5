//! The program without its doors: what `plan`, `apply` and `sweep` run their targets through.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use tokio::net::TcpListener;

use super::{args::CloudArgs, exit::Failure, print, serve::on_simulated};
use crate::{
    app::{self, App, Settings, simulated},
    domain::{
        names::{ProjectId, Region},
        policy::{Mode, Policy},
        report::Report,
        target::Target,
        text::shell,
    },
    reconcile::{
        Progress,
        publish::WithoutTopic,
        queue::{RunRequest, RunResult},
    },
    web::logs,
};

pub struct Session {
    pub app: Arc<App>,
    /// What a command must repeat to ask the same cloud by the same policy.
    pub flags: String,
}

impl Session {
    /// Puts the program together; Google is not asked yet.
    pub async fn open(
        policy: Option<&PathBuf>,
        cloud: &CloudArgs,
        report_topic: Option<String>,
    ) -> Result<Self, Failure> {
        let settings = Self::settings(|| policy_path(policy.cloned()), report_topic)?;
        let app = match cloud.simulation(None)? {
            None => App::build(settings, app::http_transport(), app::now(), app::ids())?,
            Some(simulation) => on_simulated(settings, simulation, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)?,
        };
        Ok(Self { app, flags: repeated(policy.map(PathBuf::as_path), cloud) })
    }

    /// The same with a policy that no file holds, to look and to write nothing.
    pub fn with(policy: Policy, cloud: &CloudArgs) -> Result<Self, Failure> {
        let settings = Self::settings(|| Ok(PathBuf::new()), None)?;
        let app = match cloud.simulation(None)? {
            None => App::with_policy(policy, settings, app::http_transport(), app::now(), app::ids()),
            Some(simulation) => simulated::app_with(policy, settings, &simulation.begin()?)?,
        };
        Ok(Self { app, flags: cloud.flags() })
    }

    fn settings(
        policy: impl FnOnce() -> Result<PathBuf, Failure>,
        report_topic: Option<String>,
    ) -> Result<Settings, Failure> {
        quiet_logs();
        let (endpoints, credentials) = Settings::cloud(&variable)?;
        Ok(Settings {
            policy: policy()?,
            endpoints,
            credentials,
            report_topic,
            // stdout is for the command's own result.
            without_topic: WithoutTopic::Discard,
            pubsub_emulator: variable("PUBSUB_EMULATOR_HOST"),
            principal: None,
            wide_interval: Duration::ZERO,
            waits_for_policy: false,
        })
    }

    /// The targets of projects, which must stand in the policy's scope. Where the mode is `off`, Google is not asked.
    pub async fn targets(&self, projects: &[ProjectId], region: Option<&Region>) -> Result<Vec<Target>, Failure> {
        projects.iter().try_for_each(|project| self.has_project(Some(project)))?;
        self.has_region(region)?;
        let policy = self.app.policy();
        let mut targets = Vec::new();
        let mut asked = BTreeSet::new();
        for project in projects.iter().filter(|project| asked.insert(*project)) {
            if !policy.is_off(project, region) {
                self.reach(project).await?;
            } else if region.is_none() && policy.scope.regions.list().is_none() {
                print::error(&format!("{project}: mode off: nothing was looked at"));
            }
            match region {
                Some(region) => targets.push(Target { project: project.clone(), region: region.clone() }),
                None => targets.extend(self.app.expander.targets_of(project, &[]).await?),
            }
        }
        Ok(targets)
    }

    /// Whether Google answers for the project that a command is about: asked before anything else, so that a command that
    /// cannot work at all ends with one error.
    pub async fn reach(&self, project: &ProjectId) -> Result<(), Failure> {
        Ok(self.app.engine.reach(project).await?)
    }

    /// The targets that the policy's mode lets be read; of the others it is said that nothing was looked at.
    ///
    /// # Errors
    /// None of them may be read.
    pub fn readable(&self, targets: Vec<Target>) -> Result<Vec<Target>, Failure> {
        let policy = self.app.policy();
        let (off, on): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|target| policy.for_target(target).mode == Mode::Off);
        for Target { project, region } in &off {
            print::error(&format!("{project} {region}: mode off: nothing was looked at"));
        }
        match on.is_empty() {
            true => Err("the policy's mode is off, which reads nothing; set `mode: report` to look".into()),
            false => Ok(on),
        }
    }

    /// The same of a command about all projects of the scope: what is wrong with one of them hides no other.
    pub async fn reach_any(&self) -> Result<(), Failure> {
        match self.app.policy().scope.projects.first() {
            Some(first) => Ok(self.app.engine.reach_by(first).await?),
            None => Ok(()),
        }
    }

    /// A region that is named must stand in the policy's scope.
    pub fn has_region(&self, region: Option<&Region>) -> Result<(), Failure> {
        region_in_scope(&self.app.policy(), region)
    }

    /// A project that is named must be one whose connectors count: of the policy's scope, or a host.
    pub fn has_project(&self, project: Option<&ProjectId>) -> Result<(), Failure> {
        let policy = self.app.policy();
        let known: Vec<_> = policy.scope.all().into_iter().cloned().collect();
        match project {
            Some(project) if !known.contains(project) => {
                Err(out_of_scope("--project", project, "scope.projects and scope.hosts", &known))
            }
            _ => Ok(()),
        }
    }

    /// Every target of the policy, and what kept a project from being listed: one project hides no other.
    pub async fn all_targets(&self) -> (Vec<Target>, Vec<Failure>) {
        let policy = self.app.policy();
        let (targets, failed) = self.app.expander.list(policy.scope.all().into_iter(), &[]).await;
        (targets, failed.into_iter().map(Failure::from).collect())
    }

    /// Dry runs, in the order of their requests. Of targets in one network each gets ranges of its own, the first one first.
    pub async fn look(&self, requests: &[RunRequest]) -> Vec<RunResult> {
        let engine = &self.app.engine;
        let mut all: Vec<RunResult> = self.app.expander.looks(requests.to_vec()).collect().await;
        in_order_of(requests, &mut all, |found| &found.report);
        for (request, found) in requests.iter().zip(&mut all) {
            if !engine.reserve(&found.report) {
                *found = engine.dry_run(request.clone()).await;
                engine.reserve(&found.report);
            }
        }
        all
    }

    /// Runs that write, in the order of their requests; then the runs that these asked for in other projects.
    pub async fn write(&self, requests: Vec<RunRequest>) -> Vec<Arc<Report>> {
        let mut events = self.app.engine.progress.subscribe();
        let runs = async {
            let reports: Vec<_> = self.app.expander.in_turn(requests.clone()).collect().await;
            self.rest().await;
            reports
        };
        tokio::pin!(runs);
        let mut ended = Vec::new();
        let mut reports = loop {
            tokio::select! {
                biased;
                event = events.recv() => ended.extend(event.ok().and_then(ended_with)),
                reports = &mut runs => break reports,
            }
        };
        while let Ok(event) = events.try_recv() {
            ended.extend(ended_with(event));
        }
        in_order_of(&requests, &mut reports, |report| report);
        let own: HashSet<_> = reports.iter().map(|report| report.id.clone()).collect();
        ended.retain(|report| !own.contains(&report.id));
        reports.append(&mut ended);
        reports
    }

    /// Until no run is under way any more.
    async fn rest(&self) {
        self.app.tasks.close();
        self.app.tasks.wait().await;
        self.app.tasks.reopen();
    }
}

/// Sorts what came of requests as they were made.
fn in_order_of<T>(requests: &[RunRequest], all: &mut [T], report: impl Fn(&T) -> &Report) {
    let places: HashMap<&Target, usize> =
        requests.iter().enumerate().rev().map(|(place, request)| (&request.target, place)).collect();
    all.sort_by_key(|one| report(one).target.as_ref().and_then(|target| places.get(target)));
}

fn ended_with(event: Progress) -> Option<Arc<Report>> {
    match event {
        Progress::Done { report } => Some(report),
        _ => None,
    }
}

/// What a command must repeat to ask the same cloud by the same policy. One that was read from standard input is gone.
pub fn repeated(policy: Option<&Path>, cloud: &CloudArgs) -> String {
    let file = policy.map(|policy| policy.display().to_string());
    let policy = file.map(|file| if file == "-" { "FILE".to_owned() } else { shell::word(&file).into_owned() });
    policy.map_or_else(String::new, |policy| format!(" --policy {policy}")) + &cloud.flags()
}

pub fn policy_path(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    given.ok_or_else(|| {
        "no policy: set --policy FILE or EGRESS_POLICY; `egress-reconciler policy example` prints one to start from"
            .into()
    })
}

/// An environment variable; an empty one counts as none.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub fn region_in_scope(policy: &Policy, region: Option<&Region>) -> Result<(), Failure> {
    match (region, policy.scope.regions.list()) {
        (Some(region), Some(listed)) if !listed.contains(region) => {
            Err(out_of_scope("--region", region, "scope.regions", listed))
        }
        _ => Ok(()),
    }
}

pub fn out_of_scope<T: ToString>(flag: &str, found: &T, key: &str, known: &[T]) -> Failure {
    let known = known.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    format!(
        "{flag}: found {}, expected one of the policy's {key} ({known}); extend the policy to include it",
        found.to_string()
    )
    .into()
}

/// What goes wrong beside the result, which says itself what is blocked; `EGRESS_LOG` or `RUST_LOG` ask for more.
pub fn quiet_logs() {
    let filter = logs::filter("warn,egress_reconciler::reconcile::run=error");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A second call in one process changes nothing.
    let _ = subscriber.try_init();
}
