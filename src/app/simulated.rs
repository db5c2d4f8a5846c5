//! The simulated cloud, put together: a world, its port, and who listens to its audit log.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::Uri;
use jiff::Timestamp;
use tokio::net::TcpListener;

use super::{App, Settings, StartError, Way, http_transport, ids, now};
pub use crate::sim::{cloud::Cloud, http::calls::Logged};
use crate::{
    domain::policy::Policy,
    google::{credentials::Credentials, endpoints::Endpoints},
    reconcile::Clock,
    sim::{
        cloud::{Options, Quotas},
        world::{World, WorldError},
    },
};

/// What the simulated Google takes the service for: a token that is an e-mail address names its caller.
pub const PRINCIPAL: &str = "egress-reconciler@demo-project.iam.gserviceaccount.com";

/// How the simulated cloud is to behave.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// A file as `GET /sim/world` shows it; none = [`demo_world`].
    pub world: Option<PathBuf>,
    /// Where audit entries are pushed to, as Pub/Sub would.
    pub push_to: Option<Uri>,
    /// Where audit entries are published to as well: a topic's URL on a Pub/Sub emulator.
    pub publish_to: Option<Uri>,
    /// Where the container of the world's Cloud Run services listens.
    pub service_at: Option<Uri>,
    pub times: Times,
    /// Whether calls are refused as Google's default quotas have it.
    pub has_quotas: bool,
    /// In place of the world's own.
    pub seed: Option<u64>,
}

/// How long things take.
#[derive(Debug, Clone)]
pub struct Times {
    /// A connector to be created, changed or deleted.
    pub connector: Duration,
    /// A Compute operation.
    pub operation: Duration,
    /// Cloud Run to settle what was deployed or deleted.
    pub settling: Duration,
    /// Until a connector is read as its operation left it.
    pub lag: Duration,
    /// Every answer.
    pub latency: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let usual = Options::starting_at(Timestamp::UNIX_EPOCH);
        Self {
            connector: usual.connector,
            operation: usual.operation,
            settling: usual.settling,
            lag: usual.lag,
            latency: usual.latency,
        }
    }
}

/// Why there is no simulated cloud.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    #[error("cannot read the world {}: {source}", path.display())]
    NoWorld { path: PathBuf, source: io::Error },
    #[error("the world {} is not right: {source}", path.display())]
    BadWorld { path: PathBuf, source: WorldError },
    #[error(transparent)]
    World(#[from] WorldError),
}

impl Simulation {
    /// Brings the world to life; it stands still until it is asked or served.
    pub fn begin(self) -> Result<Cloud, SimulationError> {
        let world = self.world.as_deref().map_or_else(|| Ok(demo_world()), read_world)?;
        let options = Options {
            seed: self.seed,
            connector: self.times.connector,
            operation: self.times.operation,
            settling: self.times.settling,
            lag: self.times.lag,
            latency: self.times.latency,
            push_to: self.push_to,
            publish_to: self.publish_to,
            service_at: self.service_at,
            quotas: if self.has_quotas { Quotas::Google } else { Quotas::None },
            ..Options::starting_at(now()())
        };
        Ok(Cloud::new(world, options, Some(http_transport()))?)
    }
}

/// The program over the simulated cloud: called in process, by its clock; reports go to `publisher`, its port.
pub fn app(settings: Settings, cloud: &Cloud, publisher: SocketAddr) -> Result<Arc<App>, StartError> {
    let settings = Settings { pubsub_emulator: Some(publisher.to_string()), ..adapted(settings)? };
    App::build(settings, cloud.transport(), clock(cloud), ids())
}

/// The same with a policy that no file holds; reports go where the settings say.
pub fn app_with(policy: Policy, settings: Settings, cloud: &Cloud) -> Result<Arc<App>, StartError> {
    Ok(App::with_policy(policy, adapted(settings)?, cloud.transport(), clock(cloud), ids()))
}

fn adapted(settings: Settings) -> Result<Settings, StartError> {
    let principal = settings.principal.unwrap_or_else(|| PRINCIPAL.to_owned());
    Ok(Settings {
        // Google's own names: no network lies between, and none is asked.
        endpoints: Endpoints::from_lookup(&|_| None)?,
        credentials: Credentials::literal(&principal).map_err(|_| StartError::Principal)?,
        principal: Some(principal),
        ..settings
    })
}

fn clock(cloud: &Cloud) -> Clock {
    let cloud = cloud.clone();
    Arc::new(move || cloud.now())
}

/// The way to a simulated cloud, as the service's account.
///
/// # Errors
/// None: its names and its account are constants.
pub fn way_to(cloud: &Cloud) -> Result<Way, StartError> {
    let credentials = Credentials::literal(PRINCIPAL).map_err(|_| StartError::Principal)?;
    Ok((cloud.transport(), (Endpoints::from_lookup(&|_| None)?, credentials)))
}

/// Serves the simulated Google on a port and delivers its audit entries, until the listener fails.
pub async fn serve(cloud: Cloud, listener: TcpListener) -> io::Result<()> {
    let answering = axum::serve(listener, cloud.router());
    tokio::select! {
        ended = answering => ended,
        () = cloud.run() => Ok(()),
    }
}

/// One project in which every API is enabled, with a network that has a way to the internet and no NAT.
pub fn demo_world() -> World {
    let mut world = World::with_project("demo-project", "123456789012")
        .network("demo-project", "my-vpc")
        .topic("projects/demo-project/topics/egress-reports");
    world.regions = ["europe-west1", "europe-west2", "us-central1"].map(str::to_owned).to_vec();
    world
}

fn read_world(path: &Path) -> Result<World, SimulationError> {
    let text = fs::read_to_string(path).map_err(|source| SimulationError::NoWorld { path: path.into(), source })?;
    World::parse(&text).map_err(|source| SimulationError::BadWorld { path: path.into(), source })
}
