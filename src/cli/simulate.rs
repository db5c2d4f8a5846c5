//! `simulate`: the simulated Google alone.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum, value_parser};
use http::{Uri, uri::Authority};
use tokio::net::TcpListener;

use super::{
    args::{address, topic},
    exit::{Exit, Failure},
    print,
    serve::listen,
};
use crate::{
    app::simulated::{self, Simulation, Times},
    web::server::terminated,
};

const HELP: &str = r#"Prints the variables that point gcloud and this program at it.

While it runs, the simulated state (the world) is available at:
  GET  /sim/world       the current state; what --world loads
  GET  /sim/calls       what was called; DELETE forgets it
  GET  /sim/published   what was published
  GET  /sim/quotas      how many calls exceeded a quota, by metric
  POST /sim/advance     {"seconds": 60} moves its clock
  POST /sim/faults      injects a fault; DELETE removes all

A fault:
  {"method": "compute.firewalls.*", "resource": "*", "nth": [1, 3], "kind": "refuse", "status": 503, "reason": "backendError"}
  kind  refuse, rate, reset-before, reset-after, truncate, stale, lose-operation, fail-operation, slow,
        unreachable, page-loop
  nth   which of the calls that match: a list, or "all"; the first without it
  regions  unreachable: what lists over all regions lack
  ms    slow: the added delay; rate: the delay that the answer asks for
A rate limit by quota, 20 calls a minute for each project and region:
  {"method": "compute.googleapis.com/list_requests*", "nth": [20], "kind": "rate"}
  compute.googleapis.com/  default, read_requests, list_requests, operation_read_requests, heavy_weight_read_requests;
                           with _per_region behind it for calls in a region
  run.googleapis.com/      read_regional, write_regional
  vpcaccess.googleapis.com/  read_requests, write_requests"#;

/// Serve the simulated Google alone, for gcloud and for tests
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct Simulate {
    /// The address to listen on; port 0 takes any that is free
    #[arg(long, env = "EGRESS_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:9080", value_parser = address)]
    listen: SocketAddr,
    /// Where audit entries are pushed to, as Pub/Sub would: http://HOST:PORT/events
    #[arg(long, env = "EGRESS_PUSH_TO", value_name = "URL", value_parser = push_endpoint)]
    push_to: Option<Uri>,
    /// A topic that audit entries are published to as well: projects/P/topics/T
    #[arg(long, env = "EGRESS_AUDIT_TOPIC", value_name = "TOPIC", requires = "audit_pubsub", value_parser = topic)]
    audit_topic: Option<String>,
    /// The Pub/Sub emulator that has the topic
    #[arg(long, env = "EGRESS_AUDIT_PUBSUB", value_name = "HOST:PORT", requires = "audit_topic")]
    audit_pubsub: Option<Authority>,
    /// Address of the container that serves the run.app URL of a deployed Cloud Run service: http://HOST:PORT
    #[arg(long, env = "EGRESS_SERVICE_AT", value_name = "URL", value_parser = push_endpoint)]
    service_at: Option<Uri>,
    #[command(flatten)]
    world: WorldArgs,
}

/// The world, and how it behaves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Simulated cloud")]
pub struct WorldArgs {
    /// Initial state, in the format of GET /sim/world [default: one project with a network and no NAT]
    #[arg(long, env = "EGRESS_WORLD", value_name = "FILE")]
    world: Option<PathBuf>,
    /// How long a connector takes to be made, in seconds [default: 60]
    #[arg(long, env = "EGRESS_CONNECTOR_SECONDS", value_name = "N", hide_short_help = true, value_parser = value_parser!(u32).range(..=86_400))]
    connector_seconds: Option<u32>,
    /// How long a Compute operation takes, in seconds [default: 1]
    #[arg(long, env = "EGRESS_OPERATION_SECONDS", value_name = "N", hide_short_help = true, value_parser = value_parser!(u32).range(..=86_400))]
    operation_seconds: Option<u32>,
    /// How long Cloud Run takes to settle what was deployed or deleted, in seconds [default: 2]
    #[arg(long, env = "EGRESS_SETTLE_SECONDS", value_name = "N", hide_short_help = true, value_parser = value_parser!(u32).range(..=86_400))]
    settle_seconds: Option<u32>,
    /// How long reads return a connector's previous state after its operation ends, in seconds [default: 5]
    #[arg(long, env = "EGRESS_LAG_SECONDS", value_name = "N", hide_short_help = true, value_parser = value_parser!(u32).range(..=86_400))]
    lag_seconds: Option<u32>,
    /// How long every answer takes, in milliseconds [default: 0]
    #[arg(long, env = "EGRESS_LATENCY_MS", value_name = "N", hide_short_help = true, value_parser = value_parser!(u32).range(..=60_000))]
    latency_ms: Option<u32>,
    /// Limit calls per minute, for each project and region [default: none]
    #[arg(long, env = "EGRESS_QUOTAS", value_name = "QUOTAS", hide_short_help = true)]
    quotas: Option<QuotasKind>,
    /// Seed for random IDs and faults, overriding the seed in the --world file
    #[arg(long, env = "EGRESS_SEED", value_name = "N", hide_short_help = true)]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QuotasKind {
    /// No limits
    None,
    /// The default limits of Google's documents
    Google,
}

impl WorldArgs {
    pub fn simulation(&self, push_to: Option<Uri>) -> Simulation {
        let usual = Times::default();
        let seconds = |given: Option<u32>, usual| given.map_or(usual, |given| Duration::from_secs(given.into()));
        Simulation {
            world: self.world.clone(),
            push_to,
            publish_to: None,
            service_at: None,
            times: Times {
                connector: seconds(self.connector_seconds, usual.connector),
                operation: seconds(self.operation_seconds, usual.operation),
                settling: seconds(self.settle_seconds, usual.settling),
                lag: seconds(self.lag_seconds, usual.lag),
                latency: self.latency_ms.map_or(usual.latency, |given| Duration::from_millis(given.into())),
            },
            has_quotas: self.quotas == Some(QuotasKind::Google),
            seed: self.seed,
        }
    }

    pub fn path(&self) -> Option<&Path> {
        self.world.as_deref()
    }

    /// The flags that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--world", self.world.is_some()),
            ("--connector-seconds", self.connector_seconds.is_some()),
            ("--operation-seconds", self.operation_seconds.is_some()),
            ("--settle-seconds", self.settle_seconds.is_some()),
            ("--lag-seconds", self.lag_seconds.is_some()),
            ("--latency-ms", self.latency_ms.is_some()),
            ("--quotas", self.quotas.is_some()),
            ("--seed", self.seed.is_some()),
        ];
        flags.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }
}

impl Simulate {
    pub async fn run(self) -> Result<Exit, Failure> {
        let publish_to = match (&self.audit_topic, self.audit_pubsub) {
            (Some(topic), Some(emulator)) => Some(publish_url(topic, emulator)?),
            _ => None,
        };
        let cloud =
            Simulation { publish_to, service_at: self.service_at, ..self.world.simulation(self.push_to) }.begin()?;
        let listener: TcpListener = listen(self.listen, "--listen or EGRESS_LISTEN").await?;
        let project = cloud.world().projects.into_keys().next().unwrap_or_default();
        print::out(&exports(listener.local_addr()?, &project))?;
        tokio::select! {
            ended = simulated::serve(cloud, listener) => ended?,
            () = terminated() => {}
        }
        Ok(Exit::Done)
    }
}

/// What points gcloud here. For Cloud Run it puts the region before the host, which therefore is a name that no resolver
/// knows, and our port is its proxy: gcloud's own, and that of whoever reads `http_proxy`. What listens on this machine is
/// reached without it.
pub fn exports(address: SocketAddr, project: &str) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "# The simulated Google listens on http://{address}/. For gcloud, in another shell:
export CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=http://{address}/compute/v1/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_VPCACCESS=http://{address}/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.simulated/svc/run/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE=http://{address}/svc/serviceusage/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER=http://{address}/svc/cloudresourcemanager/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB=http://{address}/svc/pubsub/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING=http://{address}/svc/logging/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_ORGPOLICY=http://{address}/svc/orgpolicy/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_NETWORKCONNECTIVITY=http://{address}/svc/networkconnectivity/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM=http://{address}/svc/iam/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_ARTIFACTREGISTRY=http://{address}/svc/artifactregistry/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER=http://{address}/svc/secretmanager/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER=http://{address}/svc/cloudscheduler/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING=http://{address}/svc/monitoring/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS=http://{address}/svc/cloudfunctions/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_APPENGINE=http://{address}/svc/appengine/
export CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL=http://{address}/svc/sqladmin/
export CLOUDSDK_PROXY_TYPE=http
export CLOUDSDK_PROXY_ADDRESS={host}
export CLOUDSDK_PROXY_PORT={port}
export CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true
export CLOUDSDK_CORE_PROJECT={project}
export PUBSUB_EMULATOR_HOST={address}
export no_proxy={host},localhost
export http_proxy=http://{address}
"
    )
}

/// Where Pub/Sub's REST API takes messages: <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish>.
fn publish_url(topic: &str, emulator: Authority) -> Result<Uri, http::Error> {
    Uri::builder().scheme("http").authority(emulator).path_and_query(format!("/v1/{topic}:publish")).build()
}

fn push_endpoint(text: &str) -> Result<Uri, String> {
    let uri = text.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
        .ok_or_else(|| "expected a URL such as http://127.0.0.1:8080/events".to_owned())
}
