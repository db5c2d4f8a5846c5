//! `sweep`: every target of the policy.

use clap::Args;

use super::{
    apply,
    args::{Common, Writing},
    consent::{Consent, ConsentArgs},
    exit::{Exit, Failure},
    plan::{self, DetailedExit},
    print,
    session::Session,
};
use crate::reconcile::queue::RunRequest;

/// Apply to every project and region of the policy, or plan with --dry-run
#[derive(Debug, Args)]
#[command(after_help = "Exit status: that of apply, or of plan with --dry-run; the worst target counts.")]
pub struct Sweep {
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    exit: DetailedExit,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    common: Common,
}

impl Sweep {
    pub async fn run(self) -> Result<Exit, Failure> {
        self.consent.warn("sweep");
        let session =
            Session::open(self.common.policy.as_ref(), &self.common.cloud, self.writing.report_topic.clone()).await?;
        let policy = session.app.policy();
        if !policy.scope.all().into_iter().all(|project| policy.is_off(project, None)) {
            session.reach_any().await?;
        }
        let (targets, failures) = session.all_targets().await;
        for failure in &failures {
            print::error(&format!("error: {failure}"));
        }
        let exit = self.swept(&session, targets.into_iter().map(RunRequest::new).collect()).await?;
        Ok(if failures.is_empty() { exit } else { Exit::Error })
    }

    async fn swept(&self, session: &Session, requests: Vec<RunRequest>) -> Result<Exit, Failure> {
        if self.consent.dry_run || self.consent.asks() {
            let found = session.look(&requests).await;
            if self.consent.dry_run {
                return Ok(self.exit.warned(plan::show(session, &found, self.common.format)?, "sweep --dry-run"));
            }
            if apply::is_all_done(&found) {
                return plan::show(session, &found, self.common.format);
            }
            if let Consent::Refused(exit) = apply::asked(session, &found).await? {
                return Ok(exit);
            }
        }
        apply::done(session, requests, &self.writing, self.consent.quiet, self.common.format).await
    }
}
