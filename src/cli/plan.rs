//! `plan`: what would change.

use clap::Args;

use super::{
    args::{Common, Format, Where},
    exit::{Exit, Failure},
    print,
    session::Session,
    table,
};
use crate::{domain::plan, reconcile::queue::RunResult};

/// Show what would change, and change nothing
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 nothing to change, 2 changes (or waiting, or held back), 3 blocked, 1 error.")]
pub struct Plan {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    common: Common,
}

impl Plan {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(self.common.policy.clone(), None)?;
        let targets = session.targets(&self.place.project, self.place.region.as_ref()).await?;
        show(&session.dry_run(targets).await, self.common.format)
    }
}

/// Prints what dry runs found.
pub fn show(found: &[RunResult], format: Format) -> Result<Exit, Failure> {
    match format {
        Format::Json => print::json(&found.iter().map(|found| &found.report).collect::<Vec<_>>())?,
        Format::Table => {
            let look = print::look();
            let tables: Vec<_> = found.iter().map(|found| drawn(found, look)).collect();
            print::out(&tables.join("\n"))?;
        }
    }
    Ok(Exit::of_all(found.iter().map(|found| &found.report)))
}

fn drawn(found: &RunResult, look: table::Look) -> String {
    match &found.plan {
        // The report's findings also tell of reads that failed.
        Some(plan) => {
            let plan = plan::Plan { findings: found.report.findings.clone(), ..(**plan).clone() };
            table::render_plan(&plan, found.report.mode, look)
        }
        None => table::render_report(&found.report, look),
    }
}
