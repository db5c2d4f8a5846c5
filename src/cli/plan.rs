//! `plan`: what would change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    args::{Common, Format, Where},
    exit::{Exit, Failure},
    hints, print,
    session::Session,
    table,
    wish::{self, WishArgs},
};
use crate::{
    domain::{audit::wanted::WantedConnector, plan, report::Report, reviewed::SavedPlan, text::shell},
    reconcile::queue::{RunRequest, RunResult},
};

/// Show what would change, and change nothing
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 nothing to change, 2 changes (or waiting, or held back), 3 blocked, 1 error.\nFrom version 0.3 on, 2 becomes 0 unless --detailed-exitcode is set."
)]
pub struct Plan {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    exit: DetailedExit,
    /// Also write the plan to a file, for `apply FILE`
    #[arg(long, env = "EGRESS_OUT", value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct DetailedExit {
    /// Exit with 2 where there are changes, also from version 0.3 on
    #[arg(long, env = "EGRESS_DETAILED_EXITCODE")]
    detailed_exitcode: bool,
}

impl Plan {
    pub async fn run(self) -> Result<Exit, Failure> {
        let wanted = self.wish.wanted(&self.place.project, self.place.region.as_ref())?;
        let session = Session::open(self.common.policy.as_ref(), &self.common.cloud, None).await?;
        let targets = session.targets(&self.place.project, self.place.region.as_ref()).await?;
        let found = session.look(&RunRequest::of_targets(targets, wanted.as_ref())).await;
        let exit = show(&session, &found, self.common.format)?;
        wish::warn_if_it_exists(wanted.as_ref(), &found);
        if let Some(file) = &self.out {
            save(file, &session, &found, wanted)?;
            let word = |path: &Path| shell::word(&path.display().to_string()).into_owned();
            let apply = format!("egress-reconciler apply {}", word(file));
            print::error(&format!("The plan is saved. To do it: {}", hints::command(&apply, &session.flags)));
        }
        Ok(self.exit.warned(exit, "plan"))
    }
}

impl DetailedExit {
    /// The status as it is, and what will become of it.
    pub fn warned(self, exit: Exit, command: &str) -> Exit {
        if exit == Exit::Changes && !self.detailed_exitcode {
            print::error(&format!(
                "warning: from version 0.3 on, `{command}` exits with 0 where there are changes; set --detailed-exitcode to keep 2"
            ));
        }
        exit
    }
}

/// Prints what dry runs found.
pub fn show(session: &Session, found: &[RunResult], format: Format) -> Result<Exit, Failure> {
    match format {
        Format::Json => print::json(&reports(found))?,
        Format::Table => print::out(&text(found, print::look(&session.flags)))?,
    }
    Ok(Exit::of_all(reports(found)))
}

/// What dry runs found, for a person.
pub fn text(found: &[RunResult], look: table::Look<'_>) -> String {
    let drawn = |found: &RunResult| match &found.plan {
        // The report's findings also tell of reads that failed.
        Some(plan) => {
            let plan = plan::Plan { findings: found.report.findings.clone(), ..(**plan).clone() };
            table::render_plan(&plan, found.report.mode, look)
        }
        None => table::render_report(&found.report, look),
    };
    found.iter().map(drawn).collect::<Vec<_>>().join("\n")
}

fn reports(found: &[RunResult]) -> Vec<&Report> {
    found.iter().map(|found| &found.report).collect()
}

/// Writes the plan to a file. One that is not whole would be done as if it were.
fn save(file: &Path, session: &Session, found: &[RunResult], wanted: Option<WantedConnector>) -> Result<(), Failure> {
    if Exit::of_all(reports(found)) == Exit::Error {
        return Err("the plan is not saved, because a part of it could not be read".into());
    }
    let reports = found.iter().map(|found| found.report.clone()).collect();
    let saved = SavedPlan::new(session.app.policy().hash.clone(), reports, wanted);
    let text = serde_json::to_string_pretty(&saved)? + "\n";
    fs::write(file, text).map_err(|error| format!("--out: cannot write {}: {error}", file.display()))?;
    Ok(())
}
