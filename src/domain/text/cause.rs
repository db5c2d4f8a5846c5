//! Why Google does not make something, and what a person can do about it: organization policies, closed regions, quotas,
//! service agents.

use super::note;
use crate::domain::{
    cause::{Cause, agent_in, project_in},
    codes::Code,
    names::{ConnectorRef, ProjectId, Region},
    plan::Note,
    state::{
        read::{FailureKind, ReadFailure},
        refused_deploy::RefusedDeploy,
    },
    target::Target,
};

/// What an organization policy forbids, and the command that shows it. Only its administrator can change it.
pub fn org_policy(constraint: Option<&str>, project: &str) -> String {
    let Some(constraint) = constraint else {
        return format!(
            "an organization policy forbids it in {project}; list the policies with `gcloud org-policies list --project={project}`, and ask their administrator to allow it"
        );
    };
    let name = constraint.rsplit('/').next().unwrap_or(constraint);
    let own = match name {
        "compute.requireVpcFlowLogs" => "set `connector.subnet_flow_logs: true` if the level `LIGHT` is allowed, or ",
        "compute.restrictCloudNATUsage" => "set `nat.ensure: never` if nothing needs a way to the internet, or ",
        "gcp.resourceLocations" => "leave the region out of `scope.regions`, or ",
        _ => "",
    };
    format!(
        "the organization policy {constraint} forbids it; see what is in force with `gcloud org-policies describe {name} --effective --project={project}`; {own}ask its administrator to allow it for {project}"
    )
}

/// No permission is missing where a region is closed to a project.
pub fn region_closed(call: &str, at: &Target) -> String {
    let Target { project, region } = at;
    let list = match call.split('.').next() {
        Some("compute") => "gcloud compute regions list",
        Some("run") => "gcloud run regions list",
        _ => "gcloud compute networks vpc-access locations list",
    };
    format!(
        "region {region} is not open to {project}, or does not offer this service; see which regions are with `{list} --project={project}`; leave {region} out of `scope.regions` (or set `mode: off` for it in `overrides`), or ask Google Cloud sales to open it"
    )
}

/// The note of a region that answers so, whatever was asked.
pub fn region_note(failure: &ReadFailure, at: &Target) -> Note {
    let ReadFailure { call, message, .. } = failure;
    let why = region_closed(call, at);
    note(
        Code::RegionClosed,
        format!("region/{}", at.region),
        format!("{call} was refused because {why}. Google said: {message}"),
    )
}

/// What keeps Google from making a connector: the note's code, and what to do. `None` = only Google's words tell.
pub fn advice(connector: &ConnectorRef, failure: &ReadFailure) -> Option<(Code, String)> {
    let at = Target::from(connector);
    Some(match Cause::of(failure) {
        Cause::Quota => (Code::QuotaCause, quota(&at, failure)),
        Cause::OrgPolicy => {
            let FailureKind::OrgPolicy { constraint } = &failure.kind else { return None };
            (Code::OrgPolicy, org_policy(constraint.as_deref(), at.project.as_str()))
        }
        Cause::RegionClosed => (Code::RegionClosed, region_closed(&failure.call, &at)),
        Cause::Agent => (Code::AgentRole, agent(&at.project, &failure.message)),
        Cause::AddressConflict | Cause::Other | Cause::Unknown | Cause::Unread => return None,
    })
}

fn quota(at: &Target, failure: &ReadFailure) -> String {
    let Target { project, region } = at;
    let message = &failure.message;
    let of_cpus = message.contains("CPU");
    let what = match (metric(message), of_cpus) {
        (Some(metric), _) => format!("the quota {metric}"),
        (None, true) => "the quota CPUS".to_owned(),
        (None, false) => "a quota".to_owned(),
    };
    let global = message.contains("globally");
    let of = if global { project.to_string() } else { format!("region {region} in {project}") };
    let page = format!("{QUOTAS_PAGE}?project={project}");
    // Connectors count against a quota of Serverless VPC Access itself.
    if metric(message).is_none() && !of_cpus && message.contains("vpcaccess.googleapis.com") {
        return format!(
            "a quota of Serverless VPC Access for {of} is used up; remove connectors that are not needed, or ask for a higher limit on {page}"
        );
    }
    let see = show_quotas(project, (!global).then_some(region));
    let smaller = match of_cpus {
        true => ", or set a smaller `connector.machine_type`, `connector.min_instances` or `connector.max_instances`",
        false => ", or set a smaller `connector.min_instances` or `connector.max_instances`",
    };
    format!("{what} of {of} is too small for its instances; see `{see}`; ask for a higher limit on {page}{smaller}")
}

/// The metric that Compute Engine's sentence names.
fn metric(message: &str) -> Option<&str> {
    Some(message.split_once("Quota '")?.1.split_once('\'')?.0)
}

/// What to do about a quota of Compute Engine that Google's sentence names, or of another API.
pub fn used_up(call: &str, message: &str, at: &Target) -> String {
    let Target { project, region } = at;
    let which = metric(message).map_or_else(|| "a quota".to_owned(), |metric| format!("the quota {metric}"));
    let page = format!("{QUOTAS_PAGE}?project={project}");
    let see = match (call.starts_with("compute."), message.contains("globally")) {
        (true, global) => format!("see what is used with `{}`, ", show_quotas(project, (!global).then_some(region))),
        (false, _) => String::new(),
    };
    format!("{which} of {project} is used up; {see}remove what is not needed, or ask for a higher limit on {page}")
}

const QUOTAS_PAGE: &str = "https://console.cloud.google.com/iam-admin/quotas";

/// Compute Engine's quotas of a region, or of the whole project.
fn show_quotas(project: &ProjectId, region: Option<&Region>) -> String {
    let of = match region {
        Some(region) => format!("regions describe {region}"),
        None => "project-info describe".to_owned(),
    };
    format!(
        "gcloud compute {of} --project={project} --flatten=quotas --format=\"table(quotas.metric,quotas.usage,quotas.limit)\""
    )
}

/// Which of Google's agents lacks what, by Google's own sentence; the number of the project is in the agent's name.
fn agent(project: &ProjectId, message: &str) -> String {
    let Some(agent) = agent_in(message) else {
        let number = project_number(project);
        return format!(
            "a service agent of Google lacks a role in {project}; grant both that it needs: `{}` and `{}`",
            bind(project.as_str(), &format!("{number}@cloudservices.gserviceaccount.com"), "roles/editor"),
            bind(
                project.as_str(),
                &format!("service-{number}@gcp-sa-vpcaccess.iam.gserviceaccount.com"),
                "roles/vpcaccess.serviceAgent"
            ),
        );
    };
    let (role, place) = if message.contains("compute.subnetworks.use") || message.contains("networkUser") {
        ("roles/compute.networkUser", project_in(message).unwrap_or(project.as_str()))
    } else if agent.contains("@cloudservices.") {
        ("roles/editor", project.as_str())
    } else {
        ("roles/vpcaccess.serviceAgent", project.as_str())
    };
    format!("the service agent {agent} lacks {role} in {place}; run `{}`", bind(place, agent, role))
}

/// Cloud Run's agent of the workload's project needs its own role there, and one where the connector is.
pub fn run_agent(here: &Target, refused: &RefusedDeploy, certain: bool) -> Note {
    let connector = &refused.connector;
    let (role, place) = match connector.project == here.project {
        true => ("roles/run.serviceAgent", &here.project),
        false => ("roles/vpcaccess.user", &connector.project),
    };
    let number = match &refused.number {
        Ok(number) => number.clone(),
        Err(_) => project_number(&here.project),
    };
    let agent = format!("service-{number}@serverless-robot-prod.iam.gserviceaccount.com");
    let unless = if certain { "" } else { "unless the connector became READY only afterwards, " };
    let what = super::workload(&refused.workload);
    let object =
        if connector.project == here.project { format!("connector/{}", connector.name) } else { connector.to_string() };
    note(
        Code::AgentRole,
        object,
        format!(
            "Cloud Run refused the deploy of {what}, although connector {} is READY; {unless}its service agent {agent} lacks {role} in {place}; run `{}`, then deploy again",
            connector.name,
            bind(place.as_str(), &agent, role)
        ),
    )
}

/// A project's number, for a shell to find.
fn project_number(project: &ProjectId) -> String {
    format!("$(gcloud projects describe {project} --format=\"value(projectNumber)\")")
}

pub fn bind(project: &str, agent: &str, role: &str) -> String {
    format!("gcloud projects add-iam-policy-binding {project} --member=\"serviceAccount:{agent}\" --role={role}")
}

/// The command that takes a connector away.
pub fn delete(connector: &ConnectorRef) -> String {
    let ConnectorRef { project, region, name } = connector;
    format!("gcloud compute networks vpc-access connectors delete {name} --region={region} --project={project}")
}
