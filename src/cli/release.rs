//! `release`: disables our denies immediately.

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::{
    exit::{Exit, Failure},
    order::{DenyArgs, Words},
};
use crate::domain::{names::ProjectId, stamp::MAX_RELEASED_FOR};

/// Disable our egress deny rules immediately (break glass); ignores mode, budget and exemptions
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 every deny is disabled, 1 some may still be in force, or it was not confirmed,\n130 Ctrl-C."
)]
pub struct Release {
    #[command(flatten)]
    order: DenyArgs,
    /// How long it is in order that they are disabled, such as 2h; at most 7d. After that, `firewall.rearm: at-once` enables them
    /// again, and with `manual` they stay disabled until `rearm` and are reported as blocked
    #[arg(long = "for", env = "EGRESS_FOR", value_name = "TIME", default_value = "24h", value_parser = release_time)]
    lasts: SignedDuration,
}

/// A time of hours, days and so on, as people write it.
fn release_time(text: &str) -> Result<SignedDuration, String> {
    let span = text.parse::<Span>().and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    let lasts = span.ok().filter(|lasts| lasts.is_positive() && *lasts <= MAX_RELEASED_FOR);
    lasts.ok_or_else(|| format!("{text:?} found, a time of at most 7d expected, such as 2h or 7d"))
}

impl Release {
    pub async fn run(self) -> Result<Exit, Failure> {
        self.order.warn("release");
        let given = self.order.open().await.map_err(|why| format!("{why}\n{}", by_hand(None)))?;
        let words = Words {
            question: "Disable these deny rules?",
            nothing: "no deny of ours exists there, so there is nothing to release",
            by_hand: |project| by_hand(Some(project)),
        };
        given.carry_out(&words, |order| given.session.app.engine.release(order, self.lasts)).await
    }
}

/// The same without this program.
fn by_hand(project: Option<&ProjectId>) -> String {
    let project = project.map_or("PROJECT", ProjectId::as_str);
    format!(
        "by hand: `gcloud compute firewall-rules list --project {project} --filter='name~^deny- AND description~managed-by=egress-reconciler'`, then `gcloud compute firewall-rules update NAME --disabled --project {project}` for each"
    )
}
