//! `explain`: the path of a workload, hop by hop.

use clap::Args;

use super::{
    args::{Common, Format},
    exit::{Exit, Failure},
    print,
    session::Session,
    table,
};
use crate::domain::{
    explain::{self, Path},
    names::{ProjectId, Region},
    state::observed::Observed,
    target::Target,
};

/// Show each workload's egress path hop by hop: what exists, what is missing, and what it may reach
#[derive(Debug, Args)]
#[command(
    after_help = "Under `mode: off` nothing is read, and the status is 1.\n\nExit status: 0, or 1 if something could not be looked at."
)]
pub struct Explain {
    /// A project of the policy's scope
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", value_parser = ProjectId::parse)]
    project: ProjectId,
    /// A region of the policy's scope
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    region: Region,
    /// A workload, such as a job, by its name; without it, every one of the region
    #[arg(long, env = "EGRESS_WORKLOAD", value_name = "NAME")]
    workload: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Explain {
    pub async fn run(self) -> Result<Exit, Failure> {
        let session = Session::open(self.common.policy.as_ref(), &self.common.cloud, None).await?;
        session.has_project(Some(&self.project))?;
        session.has_region(Some(&self.region))?;
        let target = Target { project: self.project, region: self.region };
        session.readable(vec![target.clone()])?;
        session.reach(&target.project).await?;
        let basis = session.app.engine.inspect(&target).await;
        let blueprint = basis.blueprint();
        let (observed, plan) = (&basis.observed, basis.plan(&blueprint));
        let paths =
            explain::explain(&basis.policy, observed, &blueprint, &plan, &basis.cloud_sql, self.workload.as_deref());
        if let Some(name) = self.workload.as_deref().filter(|_| paths.is_empty() && observed.reads_every_user()) {
            return Err(unknown(name, observed));
        }
        show(&session, &paths, observed, self.common.format)?;
        Ok(if print::unread(observed.failures().into_iter().chain(observed.unseen())) {
            Exit::Error
        } else {
            Exit::Done
        })
    }
}

fn show(session: &Session, paths: &[Path], observed: &Observed, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => print::json(&paths)?,
        Format::Table if paths.is_empty() => {
            let target = &observed.target;
            print::out(&format!("no workload was found in {} {}\n", target.project, target.region))?;
        }
        Format::Table => {
            let look = print::look(&session.flags);
            let tables: Vec<_> = paths.iter().map(|path| table::render_path(path, &observed.target, look)).collect();
            print::out(&tables.join("\n"))?;
        }
    }
    Ok(())
}

fn unknown(name: &str, observed: &Observed) -> Failure {
    let mut known: Vec<_> = observed.workloads().map(|workload| workload.name.as_str()).collect();
    known.sort_unstable();
    let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
    format!("--workload: found {name}, expected a workload of the region ({known})").into()
}
