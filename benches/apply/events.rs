//! From an audit entry to the repair of the rule that it names: how long until the PATCH is with Google, and what the whole
//! run calls.

use std::{error::Error, io, net::SocketAddr, process::Child, time::Duration};

use egress_reconciler::sim::{
    cloud::{Cloud, Options},
    world::World,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    cloud::{NETWORK, POLICY, PROJECT, REGION, apply, done, file, point, program},
    custodian::Custodian,
    figures::{Figure, Target},
};

const RULE: &str = "allow-jobs-conn-europe-west2-egress";
/// The first finds nothing warm on either side.
const ROUNDS: u8 = 12;
/// Far above any start.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time from event to PATCH, in milliseconds, and the number of calls of such a run.
pub async fn measure() -> Result<(Figure, Figure), Box<dyn Error>> {
    let bench = Bench::begin().await?;
    let wanted = bench.destinations()?;
    let (mut us, mut calls) = (Vec::new(), 0);
    {
        let service = Service::begin(bench.address).await?;
        for round in 0..ROUNDS {
            let (took, made) = bench.disturbed(round, async |entry| service.hear(&entry).await).await?;
            us.push(took);
            calls = made;
            if bench.destinations()? != wanted {
                return Err("the rule was not repaired".into());
            }
        }
    }
    let latency = Figure {
        name: "event-to-patch",
        unit: "ms, one region",
        value: median(us),
        beside: custodian(&bench, &wanted)
            .await
            .inspect_err(|error| println!("Cloud Custodian is not measured: {error}"))
            .ok(),
        target: Some(Target::Times(12.0)),
    };
    let calls = Figure {
        name: "calls",
        unit: "calls of a run that repairs one rule",
        value: calls as f64,
        beside: None,
        target: Some(Target::AtMost(13.0)),
    };
    Ok((latency, calls))
}

/// The same of Cloud Custodian, until its PATCH is sent: it holds more than the rule, and is refused.
async fn custodian(bench: &Bench, wanted: &Value) -> Result<f64, Box<dyn Error>> {
    let mut custodian = tokio::task::block_in_place(|| Custodian::begin(bench.address, RULE, wanted))?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let hear = async |entry: Value| tokio::task::block_in_place(|| custodian.hear(&entry));
        times.push(bench.disturbed(ROUNDS + round, hear).await?.0);
    }
    Ok(median(times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A simulated Google in this process, in which nothing takes time, and where the policy's wishes are fulfilled.
struct Bench {
    cloud: Cloud,
    address: SocketAddr,
}

impl Bench {
    async fn begin() -> Result<Self, Box<dyn Error>> {
        let world = World::with_project(PROJECT, "123456789012");
        // As in most projects: what is off is asked once.
        let off = ["cloudfunctions.googleapis.com", "appengine.googleapis.com"];
        let mut world = off.iter().fold(world, |world, api| world.without_api(PROJECT, api));
        world.regions = vec![REGION.to_owned()];
        let zero = Duration::ZERO;
        let options = Options {
            operation: zero,
            connector: zero,
            settling: zero,
            lag: zero,
            ..Options::starting_at(Timestamp::now())
        };
        let cloud = Cloud::new(world, options, None).map_err(io::Error::other)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = cloud.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let policy = file(POLICY)?;
        let mut command = apply(&policy);
        point(&mut command, address);
        tokio::task::block_in_place(|| done(&mut command))?;
        Ok(Self { cloud, address })
    }

    /// To where the rule lets packets out.
    fn destinations(&self) -> Result<Value, &'static str> {
        let mut resources = self.cloud.world().resources.into_iter();
        let rule = resources.find(|resource| resource.path.ends_with(RULE)).and_then(|resource| resource.document);
        Ok(rule.ok_or("the rule is gone")?["destinationRanges"].take())
    }

    /// Somebody changes the rule, and `hear` is told: milliseconds until a PATCH comes, and how many calls there were in all.
    async fn disturbed(
        &self,
        round: u8,
        hear: impl AsyncFnOnce(Value) -> io::Result<()>,
    ) -> Result<(f64, usize), Box<dyn Error>> {
        // Never the same twice: what is undone again and again would be left alone.
        let ranges = json!({"destinationRanges": [format!("203.0.{round}.0/24")]});
        let path = format!("/compute/v1/projects/{PROJECT}/global/firewalls/{RULE}");
        say(self.address, "PATCH", &path, &ranges).await?;
        let before = self.cloud.calls().len();
        let begun = self.cloud.now();
        hear(entry(begun)).await?;
        let calls: Vec<_> = self.cloud.calls().into_iter().skip(before).collect();
        let patch = calls.iter().find(|call| call.call == "compute.firewalls.patch").ok_or("nothing was repaired")?;
        let at: Timestamp = patch.at.parse()?;
        Ok((at.duration_since(begun).as_secs_f64() * 1e3, calls.len()))
    }
}

/// The audit entry of the change of the rule.
fn entry(at: Timestamp) -> Value {
    json!({
        "insertId": format!("bench{}", at.as_microsecond()),
        "logName": format!("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"),
        "operation": {"id": "operation-1", "producer": "compute.googleapis.com", "last": true},
        "receiveTimestamp": at,
        "resource": {"type": "gce_firewall_rule", "labels": {"project_id": PROJECT, "firewall_rule_id": "1"}},
        "severity": "NOTICE",
        "timestamp": at,
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "authenticationInfo": {"principalEmail": "alice@example.com"},
            "methodName": "v1.compute.firewalls.patch",
            "request": {"network": format!("projects/{PROJECT}/global/networks/{NETWORK}")},
            "resourceName": format!("projects/{PROJECT}/global/firewalls/{RULE}"),
            "serviceName": "compute.googleapis.com",
        },
    })
}

/// `serve`, which ends with this.
struct Service {
    process: Child,
    address: SocketAddr,
}

impl Service {
    async fn begin(google: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let policy = file(POLICY)?;
        let mut command = program();
        point(&mut command, google);
        command.args(["serve", "--auth", "off", "--wide-interval", "0s", "--listen", &address.to_string()]);
        command.env("EGRESS_POLICY", policy.path());
        let process = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn()?;
        let service = Self { process, address };
        let alive = async {
            while say(address, "GET", "/livez", &Value::Null).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, alive).await?;
        Ok(service)
    }

    async fn hear(&self, entry: &Value) -> io::Result<()> {
        say(self.address, "POST", "/events", entry).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Only what has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// # Errors
/// Any answer but one of success.
async fn say(address: SocketAddr, method: &str, path: &str, body: &Value) -> io::Result<()> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-type: application/json");
    stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.starts_with("HTTP/1.1 2") {
        true => Ok(()),
        false => Err(io::Error::other(format!("{method} {path}: {answer}"))),
    }
}
