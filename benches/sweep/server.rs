//! A build of the program as a process of its own, over a simulated Google in this one.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::memory;

const PATIENCE: Duration = Duration::from_secs(10);

pub struct Server {
    process: Child,
    address: SocketAddr,
    _policy: NamedTempFile,
}

/// The program with a policy, and with nothing of this shell's environment that could lead it to another Google.
fn pointed(program: &Path, google: SocketAddr, policy: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("EGRESS_POLICY", policy);
    for (service, path) in [
        ("COMPUTE", "compute/v1/"),
        ("VPCACCESS", ""),
        ("RUN", "svc/run/"),
        ("SERVICEUSAGE", "svc/serviceusage/"),
        ("CLOUDRESOURCEMANAGER", "svc/cloudresourcemanager/"),
        ("LOGGING", "svc/logging/"),
        ("MONITORING", "svc/monitoring/"),
        ("CLOUDFUNCTIONS", "svc/cloudfunctions/"),
        ("APPENGINE", "svc/appengine/"),
        ("NETWORKCONNECTIVITY", "svc/networkconnectivity/"),
    ] {
        command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), format!("http://{google}/{path}"));
    }
    command
}

/// How long the command `sweep` takes over everything.
///
/// # Errors
/// What it said, unless everything is in sync.
pub fn by_command(program: &Path, google: SocketAddr, policy: &str) -> io::Result<Duration> {
    let mut file = NamedTempFile::new()?;
    file.write_all(policy.as_bytes())?;
    let begun = Instant::now();
    let output =
        pointed(program, google, file.path()).args(["sweep", "--yes", "--quiet", "--format", "json"]).output()?;
    match output.status.success() {
        true => Ok(begun.elapsed()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

impl Server {
    pub fn begin(program: &Path, google: SocketAddr, policy: &str) -> io::Result<Self> {
        let mut file = NamedTempFile::new()?;
        file.write_all(policy.as_bytes())?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = pointed(program, google, file.path());
        command.args(["serve", "--auth", "off", "--listen", &address.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn()?, address, _policy: file };
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("the server did not come up"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// A sweep of everything, told line by line as a large scope asks for it: the number of its reports, none of which may have
    /// failed, and how long it took.
    pub async fn sweep(&self) -> Result<(usize, Duration), Box<dyn std::error::Error>> {
        let begun = Instant::now();
        let url = format!("http://{}/sweep", self.address);
        let ask = reqwest::Client::new().post(url).header("accept", "application/x-ndjson").body("{}");
        let mut answer = ask.send().await?.error_for_status()?;
        let (mut reports, mut rest) = (0, Vec::new());
        while let Some(piece) = answer.chunk().await? {
            rest.extend_from_slice(&piece);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let told: Value = serde_json::from_slice(&line)?;
                if told["type"] == "report" {
                    reports += 1;
                    if told["report"]["outcome"] != "in-sync" {
                        return Err(told.to_string().into());
                    }
                }
            }
        }
        Ok((reports, begun.elapsed()))
    }

    /// MiB resident at most since it began.
    pub fn peak(&self) -> io::Result<f64> {
        memory::mib(self.process.id(), "VmHWM")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only what has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
