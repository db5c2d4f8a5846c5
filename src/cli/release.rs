//! `release`: our denies down, at once.

use clap::Args;

use super::{
    exit::{Exit, Failure},
    order::{self, Order},
    progress::Progress,
};
use crate::{domain::names::ProjectId, reconcile::emergency};

/// Take our egress denies down at once, whatever mode, budget or opt-out say; rearm puts them back
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 every deny is down, 1 some may still stand.")]
pub struct Release {
    #[command(flatten)]
    order: Order,
}

impl Release {
    pub async fn run(self) -> Result<Exit, Failure> {
        let given = self.order.open().map_err(|why| format!("{why}\n{}", by_hand(None)))?;
        let engine = &given.session.app.engine;
        let progress = Progress::start(&engine.progress);
        let answer = engine.release(emergency::Order { pick: &given.pick, by: &given.by }).await;
        progress.end().await;
        order::show(&given, &answer, "no deny of ours stands there, so there is nothing to release", |project| {
            by_hand(Some(project))
        })
    }
}

/// The same without this program.
fn by_hand(project: Option<&ProjectId>) -> String {
    let project = project.map_or("PROJECT", ProjectId::as_str);
    format!(
        "by hand: `gcloud compute firewall-rules list --project {project} --filter='name~^deny- AND description~managed-by=egress-reconciler'`, then `gcloud compute firewall-rules update NAME --disabled --project {project}` for each"
    )
}
