//! `--connector` of `plan` and `apply`: a connector that no workload names yet.

use clap::Args;

use super::{exit::WrongUsage, print};
use crate::{
    domain::{
        audit::wanted::WantedConnector,
        demand::listed,
        names::{ConnectorRef, ProjectId, Region},
        state::egress::Egress,
    },
    reconcile::queue::RunResult,
};

#[derive(Debug, Args)]
pub struct WishArgs {
    /// Also create this connector though no workload names it yet, by its name or full name, as after a deploy that was refused
    /// because it does not exist; mode, budget and policy count as for any other. Needs one --project and a --region
    #[arg(long, env = "EGRESS_CONNECTOR", value_name = "CONNECTOR")]
    connector: Option<String>,
    /// What its first workload will send through it, as gcloud's flag of the same name: all-traffic needs Cloud NAT
    #[arg(long, env = "EGRESS_VPC_EGRESS", value_name = "EGRESS", requires = "connector", value_parser = vpc_egress)]
    vpc_egress: Option<Egress>,
}

impl WishArgs {
    /// The connector that is asked for, if one is.
    ///
    /// # Errors
    /// A name that is none, or a place that is not one region of one project.
    pub fn wanted(
        &self,
        projects: &[ProjectId],
        region: Option<&Region>,
    ) -> Result<Option<WantedConnector>, WrongUsage> {
        let Some(name) = &self.connector else { return Ok(None) };
        let (project, region) = match (projects, region) {
            ([project], Some(region)) => (project, region),
            _ => {
                return Err(WrongUsage(format!(
                    "--connector {name}: found {} and {}, expected one --project and a --region, in which to create it",
                    counted(projects),
                    region.map_or_else(|| "no --region".to_owned(), |region| format!("--region {region}")),
                )));
            }
        };
        let connector = ConnectorRef::parse(name, project, region).map_err(|error| {
            WrongUsage(format!("--connector: found {:?}, expected {}", error.found, error.expected))
        })?;
        if connector.project != *project || connector.region != *region {
            return Err(WrongUsage(format!(
                "--connector: found {connector}, expected a connector of --project {project} and --region {region}"
            )));
        }
        Ok(Some(WantedConnector { connector, egress: self.vpc_egress.unwrap_or_default(), workload: None }))
    }

    /// Beside a saved plan, the one that the plan was made for.
    ///
    /// # Errors
    /// Another one.
    pub fn agrees_with(&self, saved: Option<&WantedConnector>) -> Result<(), WrongUsage> {
        let Some(name) = &self.connector else { return Ok(()) };
        let is_same = |saved: &WantedConnector| {
            let same_name = *name == saved.connector.name.as_str() || *name == saved.connector.to_string();
            same_name && self.vpc_egress.is_none_or(|egress| egress == saved.egress)
        };
        if saved.is_some_and(is_same) {
            return Ok(());
        }
        let made_for = saved.map_or_else(
            || "without --connector".to_owned(),
            |saved| format!("for --connector {} --vpc-egress {}", saved.connector.name, saved.egress.as_str()),
        );
        Err(WrongUsage(format!(
            "--connector: found {name}, expected none: the plan was made {made_for}, and a saved plan is done as it is"
        )))
    }
}

fn counted(projects: &[ProjectId]) -> String {
    match projects {
        [] => "no --project".to_owned(),
        [one] => format!("--project {one}"),
        several => {
            let names: Vec<_> = several.iter().map(ProjectId::as_str).collect();
            format!("{} projects ({})", several.len(), names.join(", "))
        }
    }
}

/// The values of `gcloud run deploy --vpc-egress`.
fn vpc_egress(text: &str) -> Result<Egress, String> {
    match text {
        "all-traffic" | "all" => Ok(Egress::AllTraffic),
        "private-ranges-only" => Ok(Egress::PrivateRangesOnly),
        _ => Err("expected private-ranges-only or all-traffic".to_owned()),
    }
}

/// Says that the connector already exists, if it does.
pub fn warn_if_it_exists(wanted: Option<&WantedConnector>, found: &[RunResult]) {
    let Some(connector) = wanted.map(|wanted| &wanted.connector) else { return };
    let mut here = found.iter().filter_map(|found| found.observed.as_ref()).filter(|seen| seen.target.has(connector));
    if let Some(known) = here.find_map(|observed| listed(observed, connector)?) {
        let (name, state) = (&connector.name, known.state.word());
        print::error(&format!("connector {name} already exists ({state}), so --connector creates nothing"));
    }
}
