//! Processes under measure: the shipped binary, the bare handler, and the simulated Google that the first one asks.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use axum::{Json, routing::get};
use egress_reconciler::sim::{
    cloud::{Cloud, Options},
    world::World,
};
use tempfile::NamedTempFile;

use crate::{
    bare, memory,
    token::{self, Signer},
};

/// The variable that names another program to be measured than the one built beside this.
const PROGRAM: &str = "PROGRAM";
const POLICY: &str = "\
version: 1
owner: bench-0001
mode: report
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: my-vpc}
connector: {subnet_pools: [10.8.0.0/20]}
";
/// Far above any start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A simulated Google in this process, whose time is not the server's, and the policy that speaks of it.
pub struct Google {
    address: SocketAddr,
    policy: NamedTempFile,
    pub signer: Signer,
}

impl Google {
    pub async fn begin(latency: Duration) -> io::Result<Self> {
        let mut world = World::with_project("demo-project", "123456789012").network("demo-project", "my-vpc");
        world.regions = vec!["europe-west2".to_owned()];
        let options = Options { latency, ..Options::starting_at(jiff::Timestamp::now()) };
        let cloud = Cloud::new(world, options, None).map_err(io::Error::other)?;
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let signer = Signer::new()?;
        let keys = signer.keys();
        let router = cloud.router().route("/keys", get(async move || Json(keys)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut policy = NamedTempFile::new()?;
        policy.write_all(POLICY.as_bytes())?;
        Ok(Self { address, policy, signer })
    }
}

/// A server process, which ends with this.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// From the start of the process to its first 200.
    pub started_in: Duration,
}

impl Server {
    /// The program as it is shipped, open to all.
    pub fn begin(google: &Google) -> io::Result<Self> {
        let mut command = Self::ours(google);
        command.args(["--auth", "off"]);
        Self::start(command)
    }

    /// The same, verifying tokens.
    pub fn guarded(google: &Google) -> io::Result<Self> {
        let mut command = Self::ours(google);
        command.args(["--auth", "self", "--audience", token::AUDIENCE, "--callers", token::CALLER]);
        command.arg("--jwks-url").arg(format!("http://{}/keys", google.address));
        Self::start(command)
    }

    fn ours(google: &Google) -> Command {
        let program = env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_egress-reconciler").into());
        let mut command = Command::new(program);
        command.env_clear().env("EGRESS_POLICY", google.policy.path());
        for (service, path) in [("COMPUTE", "compute/v1/"), ("VPCACCESS", ""), ("RUN", "svc/run/")] {
            let url = format!("http://{}/{path}", google.address);
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), url);
        }
        // More than the crowd, since a part of the places is kept for entries that need not wait.
        command.args(["serve", "--max-concurrent", "2000"]);
        command
    }

    /// The bare handler: this program, under another name.
    pub fn bare() -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.env_clear();
        Self::start(command)
    }

    fn start(mut command: Command) -> io::Result<Self> {
        let address = free_address()?;
        command.args([bare::LISTEN, &address.to_string()]).env("TOKIO_WORKER_THREADS", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut server = Self { process: command.spawn()?, address, started_in: Duration::ZERO };
        while !is_alive(address) {
            if begun.elapsed() > PATIENCE || server.process.try_wait()?.is_some() {
                return Err(io::Error::other(format!("{command:?} did not come up")));
            }
            thread::sleep(Duration::from_micros(50));
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// CPU time of all its threads, user and system: <https://docs.kernel.org/scheduler/sched-stats.html>.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            // A thread may end between the two reads: those that do have hardly run.
            let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            nanoseconds += text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// MiB of memory it holds, the pages of its binary that it has touched included.
    pub fn resident(&self) -> io::Result<f64> {
        memory::mib(self.process.id(), "VmRSS")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only what has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn is_alive(address: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
