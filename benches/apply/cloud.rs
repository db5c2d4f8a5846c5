//! The program as it is shipped, pointed at a simulated Google.

use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use tempfile::NamedTempFile;

pub const PROJECT: &str = "demo-project";
pub const REGION: &str = "europe-west2";
pub const NETWORK: &str = "jobs-vpc";

/// What the script of `tests/real` makes, said as a policy.
pub const POLICY: &str = "\
version: 1
owner: bench-0001
mode: enforce
scope: {projects: [demo-project], regions: [europe-west2]}
network: {name: jobs-vpc, create: true}
connector:
  subnet_pools: [10.10.0.0/20]
  declared: [{region: europe-west2, name: jobs-conn}]
nat: {ensure: always}
";

/// A file that is gone when this is.
pub fn file(text: &str) -> io::Result<NamedTempFile> {
    let file = NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Ok(file)
}

/// The release binary, with nothing of this shell's environment that could lead it elsewhere.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egress-reconciler"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Points a program at a simulated Google.
pub fn point(command: &mut Command, address: SocketAddr) {
    let services = [
        ("COMPUTE", "compute/v1/"),
        ("VPCACCESS", ""),
        ("RUN", "svc/run/"),
        ("NETWORKCONNECTIVITY", "svc/networkconnectivity/"),
        ("CLOUDFUNCTIONS", "svc/cloudfunctions/"),
        ("APPENGINE", "svc/appengine/"),
    ];
    for (service, path) in services {
        command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), format!("http://{address}/{path}"));
    }
}

/// `apply` of the policy.
pub fn apply(policy: &NamedTempFile) -> Command {
    let mut command = program();
    command.args(["apply", "--yes", "--quiet", "--project", PROJECT, "--region", REGION]);
    command.env("EGRESS_POLICY", policy.path());
    command
}

/// # Errors
/// What the command said, unless it ended well.
pub fn done(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said))))
}

/// A simulated Google in a process of its own, with a project in which nothing exists.
pub struct Simulated {
    process: Child,
    /// The variables that it tells people to set.
    exports: Vec<(String, String)>,
    _world: NamedTempFile,
}

impl Simulated {
    /// `connector` = how long a connector takes, `lag` = how long reads show the state before, in seconds.
    pub fn begin(connector: u32, lag: u32) -> io::Result<Self> {
        let world = file(&format!(
            r#"{{"version": 1, "seed": 1, "now": "2026-11-23T12:00:00Z", "regions": ["{REGION}"],
                "projects": {{"{PROJECT}": {{"number": "123456789012"}}}}, "resources": {{}}, "operations": []}}"#
        ))?;
        let mut command = program();
        command.args(["simulate", "--listen", "127.0.0.1:0", "--world"]).arg(world.path());
        command.args(["--connector-seconds", &connector.to_string(), "--lag-seconds", &lag.to_string()]);
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let said = process.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        let mut simulated = Self { process, exports: Vec::new(), _world: world };
        for line in said {
            let line = line?;
            let Some((name, value)) = line.strip_prefix("export ").and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            simulated.exports.push((name.to_owned(), value.to_owned()));
            // The last of them: what follows would be waited for in vain.
            if name == "http_proxy" {
                break;
            }
        }
        Ok(simulated)
    }

    /// Points gcloud, or the program, here.
    pub fn point(&self, command: &mut Command) {
        command.envs(self.exports.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        // Only what has ended already cannot be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
