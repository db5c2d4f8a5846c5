//! The stage: a simulated Google and the service, each on a port of this machine.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use super::people::Person;
use crate::{
    app::{
        App, Settings,
        simulated::{self, Cloud, Simulation, Times},
    },
    cli::{exit::Failure, print, serve::events_at, table},
    domain::{plan::Plan, policy::Mode, report::Report},
    reconcile::{Progress, publish::WithoutTopic},
    web::{Auth, ServerConfig, server},
};

pub const PROJECT: &str = "demo-project";
pub const REGION: &str = "europe-west2";
pub const CONNECTOR: &str = "vpc-conn-europe";
const POLICY: &str = include_str!("policy.yaml");
/// Longer than anything in the story takes.
const MAX_WAIT: Duration = Duration::from_secs(700);

pub struct Stage {
    pub google: SocketAddr,
    pub service: SocketAddr,
    pub alice: Person,
    pub begun: Instant,
    pub reports: usize,
    pub app: Arc<App>,
    cloud: Cloud,
    progress: Receiver<Progress>,
    policy: PathBuf,
}

/// The policy as a file, in the first folder that takes it: an image may have no temporary one.
fn written(policy: &str) -> Result<PathBuf, Failure> {
    let name = format!("egress-reconciler-demo-{}.yaml", std::process::id());
    let folders = [std::env::temp_dir(), PathBuf::from("/dev/shm"), PathBuf::from(".")];
    let mut refused = Vec::new();
    for path in folders.map(|folder| folder.join(&name)) {
        match std::fs::write(&path, policy) {
            Ok(()) => return Ok(path),
            Err(error) => refused.push(format!("{}: {error}", path.display())),
        }
    }
    Err(format!("the demo's policy cannot be written to a file: {}", refused.join("; ")).into())
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A file that stays in the temporary folder does no harm.
        let _ = std::fs::remove_file(&self.policy);
    }
}

impl Stage {
    pub async fn build(connector_seconds: u64) -> Result<Self, Failure> {
        let begun = Instant::now();
        let doors = TcpListener::bind("127.0.0.1:0").await?;
        let port = TcpListener::bind("127.0.0.1:0").await?;
        let (service, google) = (doors.local_addr()?, port.local_addr()?);
        let simulation = Simulation {
            world: None,
            push_to: Some(events_at(service)?),
            publish_to: None,
            service_at: None,
            times: Times { connector: Duration::from_secs(connector_seconds), ..Times::default() },
            seed: None,
        };
        let cloud = simulation.begin()?;
        let policy = written(POLICY)?;
        let app = simulated::app(settings(policy.clone())?, &cloud, google)?;
        let progress = app.engine.progress.subscribe();
        tokio::spawn(simulated::serve(cloud.clone(), port));
        tokio::spawn(serve(doors, app.clone()));
        let alice = Person::new("alice@example.com", google, service)?;
        Ok(Self { google, service, alice, begun, reports: 0, app, cloud, progress, policy })
    }

    /// Calls of the service to Google since the `from`th of all: method ids, reads and writes apart.
    pub fn calls(&self, from: usize) -> (Vec<String>, Vec<String>) {
        let calls = self.cloud.calls().into_iter().skip(from);
        let own = calls.filter(|call| call.caller == simulated::PRINCIPAL && call.call != "pubsub.publish");
        let (reads, writes): (Vec<_>, Vec<_>) = own.partition(|call| call.method == "GET");
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
    table::render_plan(plan, Mode::Enforce, print::look())
}

pub fn draw_report(report: &Report) -> String {
    table::render_report(report, print::look())
}

fn settings(policy: PathBuf) -> Result<Settings, Failure> {
    let (endpoints, credentials) = Settings::cloud(&|_| None)?;
    Ok(Settings {
        policy,
        endpoints,
        credentials,
        report_topic: None,
        without_topic: WithoutTopic::Discard,
        pubsub_emulator: None,
        principal: None,
        wide_interval: Duration::from_secs(1),
        waits_for_policy: false,
    })
}

async fn serve(doors: TcpListener, app: Arc<App>) {
    app.start();
    let door = ServerConfig { auth: Auth::Off, max_concurrent: 100 };
    if let Err(error) = server::serve(doors, app, door, std::future::pending()).await {
        tracing::error!(%error, "the service ended");
    }
}
