//! `demo`: the service at work on the simulated cloud, each claim checked as it is told.

mod people;
mod proofs;
mod scenes;
mod stage;
mod story;

use std::{path::PathBuf, time::Duration};

use clap::{Args, value_parser};

use self::{proofs::Proofs, stage::Stage};
use super::{
    exit::{Exit, Failure},
    print,
    session::quiet_logs,
    simulate::exports,
};
use crate::{domain::text::shell, web::server::terminated};

/// Show the service at work on a simulated Google Cloud, in four scenes; nothing leaves this machine
#[derive(Debug, Args)]
#[command(after_help = "Needs no account, network access or other program. Exits with 0 if every check passed.")]
pub struct Demo {
    /// Tell the whole story, with every plan and report, at a slower pace
    #[arg(long)]
    full: bool,
    /// Leave the service and the simulated cloud running, and print how to point gcloud at them
    #[arg(long)]
    keep: bool,
    /// How long the simulated Google takes to make a connector, in seconds [default: 2, or 8 with --full]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(..=600))]
    connector_seconds: Option<u64>,
}

impl Demo {
    pub async fn run(self) -> Result<Exit, Failure> {
        quiet_logs();
        let connector = Duration::from_secs(self.connector_seconds.unwrap_or(if self.full { 8 } else { 2 }));
        let wide_interval = if self.full { Duration::from_secs(1) } else { Duration::from_millis(200) };
        let mut stage = Stage::build(stage::times(connector, !self.full), wide_interval).await?;
        let holds = match self.full {
            true => self.full(&mut stage).await?,
            false => self.short(&mut stage, connector).await?,
        };
        if self.keep {
            let (google, service) = (stage.google, stage.service);
            print::out(&format!(
                "\nThe service goes on at http://{service}, until Ctrl-C.\n{}",
                exports(google, stage::PROJECT)
            ))?;
            tokio::select! {
                () = terminated() => {}
                ended = stage.watch() => ended?,
            }
        }
        Ok(if holds { Exit::Done } else { Exit::Error })
    }

    async fn short(&self, stage: &mut Stage, connector: Duration) -> Result<bool, Failure> {
        print::out(&format!(
            "On a simulated Google Cloud, where a connector takes {} s and an operation 0.2 s (at Google 1 to 3 min and 1 to 20 s).\n",
            connector.as_secs()
        ))?;
        let holds = scenes::play(stage).await?;
        let took = stage.begun.elapsed().as_secs_f64();
        let held = if holds { "Every scene ended as it should" } else { "FAILED: a scene did not end as it should" };
        print::out(&format!("\n{held}, after {took:.1} s.\n{}", next_commands(&stage.policy)))?;
        Ok(holds)
    }

    async fn full(&self, stage: &mut Stage) -> Result<bool, Failure> {
        let mut proofs = Proofs::default();
        let told = story::tell(stage, &mut proofs).await;
        print::out(&proofs.summary(stage))?;
        told?;
        Ok(proofs.all_hold())
    }
}

/// How to go on, with this very program, and with the policy where there is a file of it.
fn next_commands(policy: &Result<PathBuf, String>) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "egress-reconciler".to_owned());
    let program = shell::word(&program);
    let full = format!("{program} demo --full\n");
    match policy {
        Err(refused) => {
            format!("\nThe policy could not be written to a file ({refused}). To go on:\n  {full}")
        }
        Ok(policy) => {
            let policy = shell::word(&policy.display().to_string()).into_owned();
            format!(
                "\nThe policy: {policy}. To go on:\n  \
                {program} policy check {policy}\n  \
                {program} plan --cloud simulated --policy {policy} --project {}\n  \
                {full}",
                stage::PROJECT
            )
        }
    }
}
