//! `export`: every object of a path as it should be.

use clap::{Args, ValueEnum};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{
    args::{CloudArgs, Where},
    exit::{Exit, Failure},
    print,
    session::Session,
};
use crate::reconcile::expand::MAX_CONCURRENT_RUNS;

/// Print every object as the policy wants it: subnets, connectors, firewall rules and the router
///
/// Nothing is written to Google. Objects that already exist keep what other people and Google set on them.
#[derive(Debug, Args)]
#[command(
    after_help = "Where the mode is off nothing is read; if that is so everywhere, the status is 1.\n\nExit status: 0, or 1 if something could not be looked at."
)]
pub struct Export {
    #[command(flatten)]
    at: Where,
    /// The policy file; `-` reads standard input
    #[arg(long, env = "EGRESS_POLICY", value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    /// An array with one document for each region
    #[arg(long, env = "EGRESS_FORMAT", value_name = "FORMAT", default_value = "json")]
    format: Format,
    #[command(flatten)]
    cloud: CloudArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
}

impl Export {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(self.policy.as_ref(), &self.cloud, None).await?;
        let targets = session.readable(session.targets(&self.at.project, self.at.region.as_ref()).await?)?;
        let looks = stream::iter(&targets).map(|target| session.app.engine.inspect(target));
        let found: Vec<_> = looks.buffered(MAX_CONCURRENT_RUNS).collect().await;
        match self.format {
            Format::Json => {
                let documents = found.iter().map(|basis| basis.blueprint().document(&basis.observed));
                print::json(&documents.collect::<Vec<Value>>())?;
            }
        }
        let failures = found.iter().flat_map(|basis| basis.observed.failures());
        Ok(if print::unread(failures) { Exit::Error } else { Exit::Done })
    }
}
