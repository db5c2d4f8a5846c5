//! Cloud Custodian's handler of audit entries, as its functions run it, kept warm.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Lines, Write},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud::{PROJECT, done};

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/apply/custodian.py");
const WANTED: [&str; 2] = ["c7n==0.9.53", "c7n_gcp==0.4.52"];

pub struct Custodian {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _directory: TempDir,
}

impl Custodian {
    /// Repairs the destinations of a rule.
    pub fn begin(google: SocketAddr, rule: &str, destinations: &Value) -> io::Result<Self> {
        let python = install()?;
        let directory = tempfile::tempdir()?;
        let policies = json!({"policies": [{
            "name": "repair",
            "resource": "gcp.firewall",
            "mode": {"type": "gcp-audit", "methods": ["v1.compute.firewalls.patch"]},
            "filters": [
                {"type": "value", "key": "name", "value": rule},
                {"not": [{"type": "value", "key": "destinationRanges", "value": destinations}]},
            ],
            "actions": [{"type": "modify", "destinationRanges": destinations}],
        }]});
        fs::write(directory.path().join("config.json"), policies.to_string())?;
        let mut process = Command::new(python)
            .arg(DRIVER)
            .arg(format!("http://{google}/compute/v1/"))
            .env("GOOGLE_CLOUD_PROJECT", PROJECT)
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("a child without pipes"))?;
        let mut custodian = Self { process, input, output: BufReader::new(output).lines(), _directory: directory };
        custodian.ready()?;
        Ok(custodian)
    }

    /// Hands it an entry, and returns when it is done.
    pub fn hear(&mut self, entry: &Value) -> io::Result<()> {
        writeln!(self.input, "{entry}")?;
        self.ready()
    }

    fn ready(&mut self) -> io::Result<()> {
        let line = self.output.next().unwrap_or_else(|| Err(io::Error::other("Cloud Custodian has ended")))?;
        if line == "ready" { Ok(()) } else { Err(io::Error::other(format!("Cloud Custodian said {line:?}"))) }
    }
}

impl Drop for Custodian {
    fn drop(&mut self) {
        // Only what has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python of a virtual environment that has it.
fn install() -> io::Result<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let home = target.join("custodian");
    let python = home.join("bin/python");
    if !python.exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    }
    done(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(WANTED))?;
    Ok(python)
}
