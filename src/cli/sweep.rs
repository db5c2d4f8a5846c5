//! `sweep`: every target of the policy.

use clap::Args;

use super::{
    apply,
    args::{Common, Writing},
    exit::{Exit, Failure},
    plan, print,
    session::Session,
};

/// Apply to every project and region of the policy, or plan with --dry-run
#[derive(Debug, Args)]
#[command(after_help = "Exit status: that of apply, or of plan with --dry-run; the worst target counts.")]
pub struct Sweep {
    /// Change nothing
    #[arg(long, env = "EGRESS_DRY_RUN")]
    dry_run: bool,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    common: Common,
}

impl Sweep {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(self.common.policy.clone(), self.writing.report_topic)?;
        session.reach_any().await?;
        let (targets, failures) = session.all_targets().await;
        for failure in &failures {
            print::error(&format!("error: {failure}"));
        }
        let exit = match self.dry_run {
            true => plan::show(&session.dry_run(targets).await, self.common.format)?,
            false => {
                apply::show(&apply::until_done(&session, targets, self.writing.timeout).await, self.common.format)?
            }
        };
        Ok(if failures.is_empty() { exit } else { Exit::Error })
    }
}
