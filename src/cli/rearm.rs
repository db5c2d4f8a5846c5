//! `rearm`: enables our denies again, where every allow exists.

use clap::Args;

use super::{
    exit::{Exit, Failure},
    order::{DenyArgs, Words},
};
use crate::domain::names::ProjectId;

/// Re-enable our egress deny rules that were released, disabled or deleted, where every allow rule is in place
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 every deny is in force, 1 some stay down: the report says why, or it was not confirmed,\n130 Ctrl-C."
)]
pub struct Rearm {
    #[command(flatten)]
    order: DenyArgs,
}

impl Rearm {
    pub async fn run(self) -> Result<Exit, Failure> {
        self.order.warn("rearm");
        let given = self.order.open().await?;
        let words = Words {
            question: "Re-enable these deny rules?",
            nothing: "no deny of ours is down there, so there is nothing to put back",
            by_hand: try_again,
        };
        given.carry_out(&words, |order| given.session.app.engine.rearm(order)).await
    }
}

fn try_again(_: &ProjectId) -> String {
    "run the command again when they can be read".to_owned()
}
