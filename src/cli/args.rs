//! Flags that several commands share, and the words they are read from.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use http::Uri;
use jiff::SignedDuration;

use super::{exit::WrongUsage, simulate::WorldArgs};
use crate::{
    app::simulated::Simulation,
    domain::{
        names::{ProjectId, Region},
        text::shell,
    },
};

/// What every command that looks at Google needs.
#[derive(Debug, Args)]
pub struct Common {
    /// The policy file; `-` reads standard input
    #[arg(long, env = "EGRESS_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Output format: a human-readable table, or JSON
    #[arg(long, env = "EGRESS_FORMAT", value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub cloud: CloudArgs,
}

/// Which cloud is asked.
#[derive(Debug, Args)]
pub struct CloudArgs {
    /// Google, or a simulated one inside this process
    #[arg(
        long,
        env = "EGRESS_CLOUD",
        value_name = "CLOUD",
        default_value = "google",
        help_heading = "Simulated cloud"
    )]
    cloud: CloudKind,
    #[command(flatten)]
    world: WorldArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CloudKind {
    Google,
    Simulated,
}

impl CloudArgs {
    pub fn is_simulated(&self) -> bool {
        self.cloud == CloudKind::Simulated
    }

    /// The simulated cloud, where it is the one to ask; its audit entries are pushed to `push_to`.
    ///
    /// # Errors
    /// Flags of a simulated cloud, where Google is asked.
    pub fn simulation(&self, push_to: Option<Uri>) -> Result<Option<Simulation>, WrongUsage> {
        match (self.is_simulated(), self.world.given().as_slice()) {
            (true, _) => Ok(Some(self.world.simulation(push_to))),
            (false, []) => Ok(None),
            (false, flags) => Err(needs_simulated(flags)),
        }
    }

    /// What a command must repeat to ask the same cloud: a simulated one ends with the command, and its world is read again.
    pub fn flags(&self) -> String {
        match (self.is_simulated(), self.world.path()) {
            (false, _) => String::new(),
            (true, None) => " --cloud simulated".to_owned(),
            (true, Some(world)) => {
                format!(" --cloud simulated --world {}", shell::word(&world.display().to_string()))
            }
        }
    }
}

/// The error for flags of a simulated cloud where there is none.
pub fn needs_simulated(flags: &[&str]) -> WrongUsage {
    let verb = if flags.len() == 1 { "needs" } else { "need" };
    WrongUsage(format!("{} {verb} --cloud simulated: nothing was asked of Google", flags.join(", ")))
}

/// Projects of the policy's scope.
#[derive(Debug, Args)]
pub struct Where {
    /// A project of the policy's scope; may be repeated
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", required = true, value_delimiter = ',', value_parser = ProjectId::parse)]
    pub project: Vec<ProjectId>,
    /// A region of the policy's scope; by default, all of them
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    pub region: Option<Region>,
}

/// What a command that writes also needs.
#[derive(Debug, Args)]
pub struct Writing {
    /// Where reports go, in place of the policy's reports.topic: projects/P/topics/T
    #[arg(long, env = "EGRESS_REPORT_TOPIC", value_name = "TOPIC", value_parser = topic)]
    pub report_topic: Option<String>,
    /// How long to wait for connectors that Google is making
    #[arg(long, env = "EGRESS_TIMEOUT", value_name = "TIME", default_value = "15m", value_parser = duration)]
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

/// Reads `30s`, `15m`, `1h 30m`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);
    let seconds = text.parse().ok().map(Duration::from_secs);
    let read = seconds.or_else(|| Duration::try_from(text.parse::<SignedDuration>().ok()?).ok());
    read.filter(|time| *time <= MAX_DURATION)
        .ok_or_else(|| "expected a time such as 30s or 15m, at most 24h".to_owned())
}

/// Reads the name of a Pub/Sub topic.
pub fn topic(text: &str) -> Result<String, String> {
    match text.split('/').collect::<Vec<_>>()[..] {
        ["projects", project, "topics", name] if !project.is_empty() && !name.is_empty() => Ok(text.to_owned()),
        _ => Err("expected projects/PROJECT/topics/NAME".to_owned()),
    }
}

/// Reads an address and a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address and a port, such as 127.0.0.1:8080".to_owned())
}
