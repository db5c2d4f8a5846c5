//! `rearm`: enables our denies again, where every allow exists.

use clap::Args;

use super::{
    exit::{Exit, Failure},
    order::{self, DenyArgs},
    progress::Progress,
};
use crate::{domain::names::ProjectId, reconcile::break_glass};

/// Re-enable our egress deny rules that were released, disabled or deleted, where every allow rule is in place
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 every deny is in force, 1 some stay down: the table says why.")]
pub struct Rearm {
    #[command(flatten)]
    order: DenyArgs,
}

impl Rearm {
    pub async fn run(self) -> Result<Exit, Failure> {
        let given = self.order.open()?;
        let engine = &given.session.app.engine;
        let progress = Progress::start(&engine.progress);
        let answer = engine.rearm(break_glass::BreakGlass { pick: &given.pick, by: &given.by }).await;
        progress.end().await;
        order::show(&given, &answer, "no deny of ours is down there, so there is nothing to put back", try_again)
    }
}

fn try_again(_: &ProjectId) -> String {
    "run the command again when they can be read".to_owned()
}
