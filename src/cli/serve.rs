//! `serve`: the HTTP service.

use std::{
    io::{self, IsTerminal},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use http::Uri;
use tokio::net::TcpListener;

use super::{
    VERSION,
    args::{CloudArgs, address, duration, needs_simulated, topic},
    door::{DoorArgs, Surroundings},
    exit::{Exit, Failure, WrongUsage},
    print,
    session::{policy_path, variable},
    simulate::exports,
};
use crate::{
    app::{
        self, App, Settings,
        simulated::{self, Simulation},
    },
    reconcile::publish::WithoutTopic,
    web::{logs, server},
};

/// Where the simulated cloud listens unless a flag says otherwise.
const SIM_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9080);

/// Run the HTTP service that audit events are pushed to
#[derive(Debug, Args)]
pub struct Serve {
    /// The policy file; it is read again when it changes
    #[arg(long, env = "EGRESS_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where reports go, in place of the policy's reports.topic: projects/P/topics/T
    #[arg(long, env = "EGRESS_REPORT_TOPIC", value_name = "TOPIC", value_parser = topic)]
    report_topic: Option<String>,
    /// This service's own account, whose changes do not trigger runs [default: from the metadata server]
    #[arg(long, env = "EGRESS_PRINCIPAL", value_name = "EMAIL")]
    principal: Option<String>,
    /// Network, project and policy events closer together than this share one run
    #[arg(long, env = "EGRESS_WIDE_INTERVAL", value_name = "TIME", default_value = "30s", value_parser = duration)]
    wide_interval: Duration,
    #[command(flatten)]
    pub door: DoorArgs,
    #[command(flatten)]
    cloud: CloudArgs,
    /// Where the simulated cloud listens [default: 127.0.0.1:9080]
    #[arg(long, env = "EGRESS_SIM_LISTEN", value_name = "ADDRESS", value_parser = address, help_heading = "Simulated cloud")]
    sim_listen: Option<SocketAddr>,
}

impl Serve {
    pub async fn run(self) -> Result<Exit, Failure> {
        let on_cloud_run = variable("K_SERVICE").is_some();
        logs::init(on_cloud_run, variable("GOOGLE_CLOUD_PROJECT"), io::stderr().is_terminal());
        if self.policy.as_deref().is_some_and(app::is_stdin) {
            return Err(WrongUsage(
                "--policy: found -, expected a file: it is read again whenever it changes, and standard input is read once".to_owned(),
            )
            .into());
        }
        let simulated = self.cloud.is_simulated();
        if self.sim_listen.is_some() && !simulated {
            return Err(needs_simulated(&["--sim-listen"]).into());
        }
        let around = Surroundings { on_cloud_run, simulated, port: variable("PORT") };
        let (address, door) = self.door.clone().decide(&around)?;
        let listener = listen(address, "--listen or EGRESS_LISTEN").await?;
        let address = listener.local_addr()?;
        let app = match self.cloud.simulation(Some(events_at(address)?))? {
            None => App::build(self.settings()?, app::http_transport(), app::now(), app::ids())?,
            Some(simulation) => {
                let port = listen(self.sim_listen.unwrap_or(SIM_LISTEN), "--sim-listen or EGRESS_SIM_LISTEN").await?;
                let google = port.local_addr()?;
                let app = on_simulated(self.settings()?, simulation, port)?;
                let project = app.policy().scope.projects.first().map(ToString::to_string).unwrap_or_default();
                // stdout is for reports.
                print::error(&next_commands(google, address, &project));
                app
            }
        };
        app.start();
        tracing::info!(%address, version = VERSION.as_str(), "listening");
        server::serve(listener, app, door, server::terminated()).await?;
        Ok(Exit::Done)
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let (endpoints, credentials) = Settings::cloud(&variable)?;
        Ok(Settings {
            policy: policy_path(self.policy.clone())?,
            endpoints,
            credentials,
            report_topic: self.report_topic.clone(),
            without_topic: WithoutTopic::Stdout,
            pubsub_emulator: variable("PUBSUB_EMULATOR_HOST"),
            principal: self.principal.clone(),
            wide_interval: self.wide_interval,
            waits_for_policy: variable("K_SERVICE").is_some(),
        })
    }
}

/// How to go on, in another shell.
fn next_commands(google: SocketAddr, service: SocketAddr, project: &str) -> String {
    format!(
        "{}# Then, for example:
gcloud run jobs deploy nightly --image=gcr.io/{project}/image --region=europe-west2 --vpc-connector=conn --vpc-egress=all-traffic
gcloud compute firewall-rules list
curl -s -X POST http://{service}/sweep",
        exports(google, project)
    )
}

/// The program over a simulated cloud, which answers in process and listens for everybody else.
pub fn on_simulated(settings: Settings, simulation: Simulation, port: TcpListener) -> Result<Arc<App>, Failure> {
    let cloud = simulation.begin()?;
    let address = port.local_addr()?;
    let app = simulated::app(settings, &cloud, address)?;
    tokio::spawn(async move {
        if let Err(error) = simulated::serve(cloud, port).await {
            tracing::error!(%error, "the simulated cloud ended");
        }
    });
    tracing::info!(%address, "the simulated cloud listens");
    Ok(app)
}

/// Takes a port.
pub async fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; give another address with {flag}, port 0 takes any that is free")
            .into()
    })
}

/// Our door for events, as this machine reaches it.
pub fn events_at(us: SocketAddr) -> Result<Uri, http::Error> {
    let host = match us.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let authority = SocketAddr::new(host, us.port()).to_string();
    Uri::builder().scheme("http").authority(authority).path_and_query("/events").build()
}
