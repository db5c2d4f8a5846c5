//! Google's service agents: whether the roles that connectors need are bound to them.
//! <https://cloud.google.com/iam/docs/service-agents>

use super::{
    Line,
    facts::{IamPolicy, Project},
    unread,
};
use crate::domain::{
    names::{ProjectId, last_segment},
    state::read::Read,
};

/// An agent in its own project. Google binds the first role when the API is enabled; the others include it.
struct Agent {
    account: fn(&str) -> String,
    roles: &'static [&'static str],
    /// What is refused without a role.
    refused: &'static str,
}

const AGENTS: [Agent; 3] = [
    Agent {
        account: |number| format!("service-{number}@serverless-robot-prod.iam.gserviceaccount.com"),
        roles: &["roles/run.serviceAgent", "roles/editor", "roles/owner"],
        refused: "deploys to Cloud Run that name a connector are refused",
    },
    Agent {
        account: |number| format!("service-{number}@gcp-sa-vpcaccess.iam.gserviceaccount.com"),
        roles: &["roles/vpcaccess.serviceAgent", "roles/editor", "roles/owner"],
        refused: "connectors cannot be created",
    },
    Agent {
        account: |number| format!("{number}@cloudservices.gserviceaccount.com"),
        roles: &["roles/editor", "roles/owner"],
        refused: "the instances of connectors cannot be created",
    },
];

/// Roles that let an agent use the subnets of a host project.
const NETWORK_USERS: [&str; 5] =
    ["roles/compute.networkUser", "roles/compute.networkAdmin", "roles/compute.admin", "roles/editor", "roles/owner"];

/// The agents of a project in its own IAM policy. A folder, the organization or a role of the customer's may grant the
/// same, so that a missing binding is a warning.
pub fn own(project: &ProjectId, number: &Read<Project>, found: &Read<IamPolicy>) -> Vec<Line> {
    let subject = format!("service agents of {project}");
    let (number, found) = match read(&subject, (project, number), (project, found)) {
        Ok(read) => read,
        Err(line) => return vec![line],
    };
    let missing = AGENTS.iter().filter_map(|agent| {
        let (account, role) = ((agent.account)(number), agent.roles[0]);
        let bound = found.binds(&format!("serviceAccount:{account}"), agent.roles);
        (!bound).then(|| {
            let text = format!(
                "{account} does not have {role} in this project; unless it has the permissions by another role or from a folder or the organization, {}",
                agent.refused
            );
            Line::warn(&subject, text, bind(project, &account, role))
        })
    });
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() { vec![Line::ok(&subject, "have their roles")] } else { missing }
}

/// The two agents that put a service project's connectors on a host's subnets:
/// <https://cloud.google.com/vpc/docs/configure-serverless-vpc-access#service-accounts>.
pub fn on_host(host: &ProjectId, service: &ProjectId, number: &Read<Project>, found: &Read<IamPolicy>) -> Vec<Line> {
    let subject = format!("agents of {service} on host {host}");
    let (number, found) = match read(&subject, (service, number), (host, found)) {
        Ok(read) => read,
        Err(line) => return vec![line],
    };
    let missing = AGENTS[1..].iter().map(|agent| (agent.account)(number));
    let missing = missing.filter(|account| !found.binds(&format!("serviceAccount:{account}"), &NETWORK_USERS));
    let told = |account: String| {
        let text = format!("{account} may not use its subnets, so connectors of {service} cannot be created there");
        Line::bad(&subject, text, bind(host, &account, NETWORK_USERS[0]))
    };
    let missing: Vec<_> = missing.map(told).collect();
    if missing.is_empty() { vec![Line::ok(&subject, "both may use its subnets")] } else { missing }
}

/// A project's number and an IAM policy, or the line that says which of them could not be read.
fn read<'a>(
    subject: &str,
    (of, number): (&ProjectId, &'a Read<Project>),
    (on, policy): (&ProjectId, &'a Read<IamPolicy>),
) -> Result<(&'a str, &'a IamPolicy), Line> {
    let number = number.as_ref().map_err(|failure| unread(subject, of.as_str(), failure))?;
    let policy = policy.as_ref().map_err(|failure| unread(subject, on.as_str(), failure))?;
    Ok((last_segment(&number.name), policy))
}

fn bind(project: &ProjectId, account: &str, role: &str) -> String {
    format!("gcloud projects add-iam-policy-binding {project} --member=serviceAccount:{account} --role={role}")
}
