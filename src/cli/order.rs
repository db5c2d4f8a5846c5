//! What `release` and `rearm` share: which denies, who asks, and how the answer is shown.

use clap::Args;

use super::{
    apply::{print_reports, stop_when_asked},
    args::{Common, Format, topic},
    consent::{Consent, ConsentArgs, ask},
    exit::{Exit, Failure},
    principal, print,
    progress::Progress,
    session::{Session, variable},
    table,
};
use crate::{
    domain::{
        codes::Code,
        names::{ProjectId, Region},
        planner::break_glass::DenySelector,
        report::{Outcome, Report},
    },
    reconcile::break_glass::{Answer, BreakGlass},
};

#[derive(Debug, Args)]
pub struct DenyArgs {
    /// Only connectors of this project
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", value_parser = ProjectId::parse)]
    project: Option<ProjectId>,
    /// Only connectors of this region
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    region: Option<Region>,
    /// Only this connector, by its name or full name; * matches any text
    #[arg(long, env = "EGRESS_CONNECTOR", value_name = "CONNECTOR")]
    connector: Option<String>,
    /// Name of the requester to record in rules and reports [default: the gcloud account, or your login name]
    #[arg(long, env = "EGRESS_PRINCIPAL", value_name = "WHO")]
    principal: Option<String>,
    /// Where reports go, in place of the policy's reports.topic: projects/P/topics/T
    #[arg(long, env = "EGRESS_REPORT_TOPIC", value_name = "TOPIC", value_parser = topic)]
    report_topic: Option<String>,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    common: Common,
}

/// An order that can be given.
pub struct Given {
    pub session: Session,
    pub pick: DenySelector,
    pub by: String,
    pub format: Format,
    consent: ConsentArgs,
}

impl DenyArgs {
    /// What is said before anything is looked at.
    pub fn warn(&self, command: &str) {
        self.consent.warn(command);
    }

    pub async fn open(self) -> Result<Given, Failure> {
        let session = Session::open(self.common.policy.as_ref(), &self.common.cloud, self.report_topic).await?;
        session.has_project(self.project.as_ref())?;
        session.has_region(self.region.as_ref())?;
        session.reach_any().await?;
        let read = |path: &std::path::Path| std::fs::read_to_string(path).ok();
        let by = self.principal.unwrap_or_else(|| principal::of_machine(&variable, &read));
        let pick = DenySelector { project: self.project, region: self.region, connector: self.connector };
        Ok(Given { session, pick, by, format: self.common.format, consent: self.consent })
    }
}

/// What is said of an order.
pub struct Words {
    /// The question before it is carried out.
    pub question: &'static str,
    /// There is nothing to do.
    pub nothing: &'static str,
    /// What to do in a project whose rules could not be read.
    pub by_hand: fn(&ProjectId) -> String,
}

impl Given {
    /// Shows what the order would do, asks, carries it out, and shows what came of it. `give` carries it out, or only looks.
    pub async fn carry_out<'a, F>(&'a self, words: &Words, give: impl Fn(BreakGlass<'a>) -> F) -> Result<Exit, Failure>
    where
        F: Future<Output = Answer>,
    {
        let order = BreakGlass { pick: &self.pick, by: &self.by, dry_run: true };
        if self.consent.asks() || self.consent.dry_run {
            let found = give(order).await;
            let is_empty = found.reports.iter().all(|report| report.steps.is_empty());
            if self.consent.dry_run || is_empty {
                return show(self, &found, words);
            }
            let look = print::look_of_stderr(&self.session.flags);
            print::error(table::render_reports(&found.reports, look).trim_end());
            if let Consent::Refused(exit) = ask(words.question).await? {
                return Ok(exit);
            }
        }
        let engine = &self.session.app.engine;
        stop_when_asked(&self.session)?;
        let progress = Progress::start(&engine.progress, self.consent.quiet);
        let answer = give(BreakGlass { dry_run: false, ..order }).await;
        progress.end().await;
        let exit = show(self, &answer, words)?;
        Ok(if engine.stop.is_cancelled() { Exit::Interrupted } else { exit })
    }
}

/// Prints what was done.
fn show(given: &Given, answer: &Answer, words: &Words) -> Result<Exit, Failure> {
    let reports = &answer.reports;
    print_reports(&given.session, reports, given.format)?;
    for (project, failure) in &answer.unread {
        let why = table::plain(&failure.message);
        print::error(&format!(
            "error: the firewall rules of {project} could not be read, so nothing was done there: {why}; {}",
            (words.by_hand)(project)
        ));
    }
    if reports.is_empty() && answer.unread.is_empty() {
        // A name that matches nothing is most likely mistyped.
        let mistyped = given.pick.is_narrow() && !answer.found;
        print::error(if mistyped {
            "no deny rule of ours matches the given project, region and connector; check the names"
        } else {
            words.nothing
        });
        return Ok(if mistyped { Exit::Error } else { Exit::Done });
    }
    let failed = !answer.unread.is_empty() || reports.iter().any(|report| !report.dry_run && has_failed(report));
    Ok(if failed { Exit::Error } else { Exit::Done })
}

/// Something that was ordered is not so, or was not reported. What stands in the way of other things is told, too,
/// and is no failure of the order.
fn has_failed(report: &Report) -> bool {
    let serves = |code| matches!(code, Code::Released | Code::Shadowed | Code::CutOff | Code::ForeignDeny);
    report.transient
        || matches!(report.outcome, Outcome::Failed | Outcome::Drift)
        || report.blocked_by.iter().any(|note| !serves(note.code))
}
