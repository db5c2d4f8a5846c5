//! The stage: a simulated Google and the service, each on a port of this machine.

use std::{
    fs::OpenOptions,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::{
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{sleep, timeout},
};

use super::people::Person;
use crate::{
    app::{
        App, Settings,
        simulated::{self, Cloud, Simulation, Times},
    },
    cli::{exit::Failure, print, progress::line, table},
    domain::{
        explain::{Fate, explain},
        names::{ProjectId, Region},
        plan::Plan,
        policy::{self, Mode},
        report::{Report, StepReport},
        target::Target,
    },
    reconcile::{Progress, publish::WithoutTopic},
    web::{Auth, ServerConfig, server},
};

pub const PROJECT: &str = "demo-project";
pub const REGION: &str = "europe-west2";
pub const CONNECTOR: &str = "vpc-conn-europe";
const POLICY: &str = include_str!("policy.yaml");
/// Between two looks at what may have changed.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the simulated log is behind what it tells, at most.
const LOG_LAG: Duration = Duration::from_millis(500);
/// Longer than anything in the story takes.
const MAX_WAIT: Duration = Duration::from_secs(700);

pub struct Stage {
    pub google: SocketAddr,
    pub service: SocketAddr,
    pub alice: Person,
    pub begun: Instant,
    pub reports: usize,
    pub app: Arc<App>,
    /// A copy of the policy for the reader, or why there is none.
    pub policy: Result<PathBuf, String>,
    cloud: Cloud,
    progress: Receiver<Progress>,
    /// Whether audit entries wait.
    held: watch::Sender<bool>,
    /// How many of them were answered.
    answered: Arc<AtomicUsize>,
}

/// How long things take on the stage.
pub fn times(connector: Duration, is_short: bool) -> Times {
    let usual = Times { connector, ..Times::default() };
    match is_short {
        false => usual,
        true => Times {
            operation: Duration::from_millis(200),
            settling: Duration::from_millis(200),
            lag: Duration::ZERO,
            ..usual
        },
    }
}

/// Writes the policy to the first folder that takes it: an image may have no temporary one, or none at all.
fn written(policy: &str) -> Result<PathBuf, String> {
    let name = format!("egress-reconciler-demo-{}.yaml", std::process::id());
    let folders = [std::env::temp_dir(), PathBuf::from("/dev/shm"), PathBuf::from(".")];
    let mut refused = Vec::new();
    for path in folders.map(|folder| folder.join(&name)) {
        // A file that is there, or a link to one, is somebody else's.
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        match file.and_then(|mut file| file.write_all(policy.as_bytes())) {
            Ok(()) => return Ok(path),
            Err(error) => refused.push(format!("{}: {error}", path.display())),
        }
    }
    Err(refused.join("; "))
}

impl Stage {
    pub async fn build(times: Times, wide_interval: Duration) -> Result<Self, Failure> {
        let begun = Instant::now();
        let doors = TcpListener::bind("127.0.0.1:0").await?;
        let port = TcpListener::bind("127.0.0.1:0").await?;
        let (service, google) = (doors.local_addr()?, port.local_addr()?);
        let simulation = Simulation {
            world: None,
            // Entries are delivered by the stage, which may hold them back for a look.
            push_to: None,
            publish_to: None,
            service_at: None,
            times,
            has_quotas: false,
            seed: None,
        };
        let cloud = simulation.begin()?;
        let app = simulated::app_with(policy::read(POLICY)?, settings(google, wide_interval)?, &cloud)?;
        let progress = app.engine.progress.subscribe();
        tokio::spawn(simulated::serve(cloud.clone(), port));
        tokio::spawn(serve(doors, app.clone()));
        let alice = Person::new("alice@example.com", google, service)?;
        let held = watch::Sender::new(false);
        let answered = Arc::new(AtomicUsize::new(0));
        tokio::spawn(deliver(cloud.clone(), alice.clone(), held.subscribe(), answered.clone()));
        let policy = written(POLICY);
        Ok(Self { google, service, alice, begun, reports: 0, app, policy, cloud, progress, held, answered })
    }

    /// Audit entries wait from now on, so that the world can be looked at before the service hears of it. What people did
    /// before is worked off first; Google's log is some moments behind them.
    pub async fn hold_events(&self) {
        let mut seen = (0, Instant::now());
        loop {
            let entries = self.cloud.audit_entries().len();
            if entries != seen.0 || entries > self.answered.load(Ordering::Relaxed) {
                seen = (entries, Instant::now());
            } else if seen.1.elapsed() > LOG_LAG {
                break;
            }
            sleep(PAUSE).await;
        }
        self.held.send_replace(true);
    }

    /// They are delivered; since when.
    pub fn release_events(&self) -> Instant {
        self.held.send_replace(false);
        Instant::now()
    }

    /// What becomes of TCP packets of the job, by what `explain` sees.
    pub async fn fate(&self, to: &str, port: &str) -> Result<Fate, Failure> {
        let target = Target { project: ProjectId::parse(PROJECT)?, region: Region::parse(REGION)? };
        let basis = self.app.engine.inspect(&target).await;
        let blueprint = basis.blueprint();
        let plan = basis.plan(&blueprint);
        let paths =
            explain(&basis.policy, &basis.observed, &blueprint, &plan, &basis.cloud_sql, Some("nightly-export"));
        let fate = paths.first().and_then(|path| path.fate(to, "tcp", port));
        fate.ok_or_else(|| "the job nightly-export has no path through the VPC".into())
    }

    /// The first that is another than before.
    pub async fn changed_fate(&self, to: &str, port: &str, before: Fate) -> Result<Fate, Failure> {
        let changed = async {
            loop {
                match self.fate(to, port).await {
                    Ok(now) if now == before => sleep(PAUSE).await,
                    found => break found,
                }
            }
        };
        timeout(MAX_WAIT, changed).await?
    }

    /// Calls of the service to Google since the `from`th of all: method ids, reads and writes apart.
    pub fn calls(&self, from: usize) -> (Vec<String>, Vec<String>) {
        let calls = self.cloud.calls().into_iter().skip(from);
        let own = calls.filter(|call| call.caller == simulated::PRINCIPAL && call.call != "pubsub.publish");
        let (reads, writes): (Vec<_>, Vec<_>) = own.partition(|call| !call.is_write());
        let names = |calls: Vec<_>| calls.into_iter().map(|call: simulated::Logged| call.call).collect();
        (names(reads), names(writes))
    }

    pub fn calls_so_far(&self) -> usize {
        self.cloud.calls().len()
    }

    pub fn published(&self) -> usize {
        self.cloud.published().len()
    }

    pub fn audit_entries(&self) -> Vec<serde_json::Value> {
        self.cloud.audit_entries()
    }

    /// The next plan that has something to do.
    pub async fn plan(&mut self) -> Result<Arc<Plan>, Failure> {
        loop {
            if let Progress::Planned { plan, .. } = self.next().await?
                && !plan.steps.is_empty()
            {
                return Ok(plan);
            }
        }
    }

    /// The next of these steps that is done.
    pub async fn step(&mut self, id: &str) -> Result<StepReport, Failure> {
        loop {
            if let Progress::Step { step, .. } = self.next().await?
                && step.is_done()
                && step.step.to_string() == id
            {
                return Ok(*step);
            }
        }
    }

    /// The next report that is as expected.
    pub async fn quiet_report(&mut self, expected: impl Fn(&Report) -> bool) -> Result<Arc<Report>, Failure> {
        loop {
            if let Progress::Done { report } = self.next().await? {
                self.reports += 1;
                if expected(&report) {
                    return Ok(report);
                }
            }
        }
    }

    /// Shows each step as it is done, until a report is as expected.
    pub async fn report(&mut self, expected: impl Fn(&Report) -> bool) -> Result<Arc<Report>, Failure> {
        loop {
            match self.next().await? {
                Progress::Step { step, .. } => print::out(&format!("   done  {} {}\n", step.verb.word(), step.step))?,
                Progress::Done { report } => {
                    self.reports += 1;
                    if expected(&report) {
                        return Ok(report);
                    }
                }
                Progress::Started { .. } | Progress::Planned { .. } => {}
            }
        }
    }

    /// Shows what the service does, until it ends.
    pub async fn watch(&mut self) -> Result<(), Failure> {
        loop {
            match self.progress.recv().await {
                Ok(Progress::Step { target, step }) => print::out(&(line(&target, &step) + "\n"))?,
                Ok(Progress::Done { report }) => {
                    let target = report.target.as_ref().map(ToString::to_string).unwrap_or_default();
                    print::out(&format!("{} {target}\n", report.outcome.word()))?;
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }

    async fn next(&mut self) -> Result<Progress, Failure> {
        loop {
            match timeout(MAX_WAIT, self.progress.recv()).await {
                Ok(Ok(progress)) => return Ok(progress),
                Ok(Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => return Err("the service ended in the middle of the story".into()),
                Err(_) => {
                    return Err(
                        "the service did not do what the story expects; run it again with EGRESS_LOG=info".into()
                    );
                }
            }
        }
    }
}

pub fn draw_plan(plan: &Plan) -> String {
    table::render_plan(plan, Mode::Enforce, print::look(""))
}

pub fn draw_report(report: &Report) -> String {
    table::render_report(report, print::look(""))
}

/// Reports go to the simulated Pub/Sub.
fn settings(google: SocketAddr, wide_interval: Duration) -> Result<Settings, Failure> {
    let (endpoints, credentials) = Settings::cloud(&|_| None)?;
    Ok(Settings {
        policy: PathBuf::new(),
        endpoints,
        credentials,
        report_topic: None,
        without_topic: WithoutTopic::Discard,
        pubsub_emulator: Some(google.to_string()),
        principal: None,
        wide_interval,
        waits_for_policy: false,
    })
}

/// Delivers each audit entry once, as Pub/Sub does.
async fn deliver(cloud: Cloud, to: Person, mut held: watch::Receiver<bool>, answered: Arc<AtomicUsize>) {
    let mut delivered = 0;
    // The stage that holds them may be gone.
    while held.wait_for(|held| !held).await.is_ok() {
        for entry in cloud.audit_entries().drain(delivered..) {
            delivered += 1;
            let (to, answered) = (to.clone(), answered.clone());
            // Its answer comes when the run has ended; the next entry does not wait for it.
            tokio::spawn(async move {
                if let Err(error) = to.deliver(&entry).await {
                    tracing::warn!(%error, "an entry could not be delivered");
                }
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
        sleep(PAUSE).await;
    }
}

async fn serve(doors: TcpListener, app: Arc<App>) {
    let door = ServerConfig { auth: Auth::Off, max_concurrent: 100 };
    if let Err(error) = server::serve(doors, app, door, std::future::pending()).await {
        tracing::error!(%error, "the service ended");
    }
}
