//! What `release` and `rearm` share: which denies, who asks, and how the answer is shown.

use clap::Args;

use super::{
    apply::print_reports,
    args::{Common, Format, topic},
    exit::{Exit, Failure},
    principal, print,
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
    reconcile::break_glass::Answer,
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
    common: Common,
}

/// An order that can be given.
pub struct Given {
    pub session: Session,
    pub pick: DenySelector,
    pub by: String,
    pub format: Format,
}

impl DenyArgs {
    pub fn open(self) -> Result<Given, Failure> {
        let session = Session::open(self.common.policy.clone(), self.report_topic)?;
        session.has_project(self.project.as_ref())?;
        session.has_region(self.region.as_ref())?;
        let read = |path: &std::path::Path| std::fs::read_to_string(path).ok();
        let by = self.principal.unwrap_or_else(|| principal::of_machine(&variable, &read));
        let pick = DenySelector { project: self.project, region: self.region, connector: self.connector };
        Ok(Given { session, pick, by, format: self.common.format })
    }
}

/// Prints what was done. `by_hand` is what to do in a project whose rules could not be read.
pub fn show(given: &Given, answer: &Answer, nothing: &str, by_hand: fn(&ProjectId) -> String) -> Result<Exit, Failure> {
    let reports = &answer.reports;
    print_reports(reports, given.format)?;
    for (project, failure) in &answer.unread {
        let why = table::plain(&failure.message);
        print::error(&format!(
            "error: the firewall rules of {project} could not be read, so nothing was done there: {why}; {}",
            by_hand(project)
        ));
    }
    if reports.is_empty() && answer.unread.is_empty() {
        // A name that matches nothing is most likely mistyped.
        let mistyped = given.pick.is_narrow() && !answer.found;
        print::error(if mistyped {
            "no deny rule of ours matches the given project, region and connector; check the names"
        } else {
            nothing
        });
        return Ok(if mistyped { Exit::Error } else { Exit::Done });
    }
    let failed = !answer.unread.is_empty() || reports.iter().any(has_failed);
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
