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

impl Server {
    pub fn begin(program: &Path, google: SocketAddr, policy: &str) -> io::Result<Self> {
        let mut file = NamedTempFile::new()?;
        file.write_all(policy.as_bytes())?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.env_clear().env("EGRESS_POLICY", file.path());
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
            let url = format!("http://{google}/{path}");
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), url);
        }
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

    /// A sweep of everything: the number of its reports, none of which may have failed, and how long it took.
    pub async fn sweep(&self) -> Result<(usize, Duration), Box<dyn std::error::Error>> {
        let begun = Instant::now();
        let url = format!("http://{}/sweep", self.address);
        let answer = reqwest::Client::new().post(url).body("{}").send().await?;
        let status = answer.status();
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let took = begun.elapsed();
        let reports = body["reports"].as_array().map(Vec::as_slice).unwrap_or_default();
        match reports.iter().find(|report| report["outcome"] != "in-sync") {
            Some(other) => Err(format!("{status}: {other}").into()),
            None => Ok((reports.len(), took)),
        }
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
