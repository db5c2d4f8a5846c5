//! `demo`: the whole story on the simulated cloud, each claim checked as it is told.

mod people;
mod proofs;
mod stage;
mod story;

use clap::{Args, value_parser};

use self::{proofs::Proofs, stage::Stage};
use super::{
    exit::{Exit, Failure},
    print,
    session::quiet_logs,
    simulate::exports,
};
use crate::web::server::terminated;

/// Show the whole story on a simulated Google Cloud; nothing leaves this machine
#[derive(Debug, Args)]
#[command(after_help = "Needs no account, network access or other program. Exits with 0 if every check passed.")]
pub struct Demo {
    /// Leave the service and the simulated cloud running, and print how to point gcloud at them
    #[arg(long)]
    keep: bool,
    /// How long the simulated Google takes to make a connector, in seconds
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u64).range(..=600))]
    connector_seconds: u64,
}

impl Demo {
    pub async fn run(self) -> Result<Exit, Failure> {
        quiet_logs();
        let mut stage = Stage::build(self.connector_seconds).await?;
        let mut proofs = Proofs::default();
        let told = story::tell(&mut stage, &mut proofs).await;
        print::out(&proofs.summary(&stage))?;
        if self.keep {
            let (google, service) = (stage.google, stage.service);
            print::out(&format!(
                "\nThe service goes on at http://{service}, until Ctrl-C.\n{}",
                exports(google, stage::PROJECT)
            ))?;
            terminated().await;
        }
        told?;
        Ok(if proofs.all_hold() { Exit::Done } else { Exit::Error })
    }
}
