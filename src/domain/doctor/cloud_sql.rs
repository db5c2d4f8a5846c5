//! Connections of workloads to Cloud SQL: what must be so that they come through.
//! <https://cloud.google.com/sql/docs/mysql/connect-run>

use std::{collections::BTreeMap, fmt};

use super::{
    Line,
    facts::{Apis, IamPolicy, Project, SqlInstance},
    unread,
};
use crate::domain::{
    names::{NetworkRef, ProjectId, last_segment},
    state::{network::Network, read::Read, workload::Workload},
};

pub const API: &str = "sqladmin.googleapis.com";

/// Roles with `cloudsql.instances.connect`.
const CLIENTS: [&str; 5] =
    ["roles/cloudsql.client", "roles/cloudsql.editor", "roles/cloudsql.admin", "roles/editor", "roles/owner"];

/// The peering by which a network has the private addresses of Google's services.
/// <https://cloud.google.com/vpc/docs/configure-private-services-access>
const PRIVATE_SERVICES: &str = "servicenetworking-googleapis-com";

/// `PROJECT:REGION:INSTANCE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    pub project: ProjectId,
    pub region: String,
    pub instance: String,
}

/// What was read about the connections of one project's workloads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CloudSql {
    /// Of the workloads' project.
    pub apis: Option<Read<Apis>>,
    /// The workloads' project, for its number.
    pub project: Option<Read<Project>>,
    /// `None` = there is no such instance.
    pub instances: BTreeMap<Connection, Read<Option<SqlInstance>>>,
    /// Of the instances' projects.
    pub policies: BTreeMap<ProjectId, Read<IamPolicy>>,
    /// The networks in which instances have their private addresses.
    pub networks: BTreeMap<NetworkRef, Read<Option<Network>>>,
}

/// A workload, and where its packets go.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub project: &'a ProjectId,
    pub workload: &'a Workload,
    pub network: Attached<'a>,
}

/// The network that a workload sends its private traffic to.
#[derive(Debug, Clone, Copy)]
pub enum Attached<'a> {
    To(&'a NetworkRef),
    ToNone,
    /// To one that is not the policy's.
    Unknown,
}

impl Connection {
    /// `None` = no connection name. The project may be of a domain, `example.com:p`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, ':');
        let (instance, region, project) = (parts.next()?, parts.next()?, parts.next()?);
        let named = !instance.is_empty() && !region.is_empty();
        let project = ProjectId::parse(project).ok().filter(|_| named)?;
        Some(Self { project, region: region.to_owned(), instance: instance.to_owned() })
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.project, self.region, self.instance)
    }
}

impl Client<'_> {
    /// One line for each connection that is right, and for the others one for each thing that is not.
    pub fn lines(&self, found: &CloudSql) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for line in self.workload.sql.iter().flat_map(|name| self.connection(name, found)) {
            // What is wrong with the workload is wrong with each of its connections.
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn connection(&self, name: &str, found: &CloudSql) -> Vec<Line> {
        let subject = format!("Cloud SQL of {}", self.workload);
        let Some(connection) = Connection::parse(name) else {
            let text = format!("found {name:?}, expected a connection name PROJECT:REGION:INSTANCE");
            return vec![Line::bad(&subject, text, "deploy the workload with the instance's connectionName")];
        };
        // Where the API is off, nothing can be read of the instance either.
        if let Some(off) = self.api(&subject, found) {
            return vec![off];
        }
        let instance = match found.instances.get(&connection) {
            Some(Ok(Some(instance))) => instance,
            Some(Ok(None)) => {
                let text = format!("{connection} does not exist");
                return vec![Line::bad(&subject, text, "deploy the workload with the instance's connectionName")];
            }
            Some(Err(failure)) => return vec![unread(&subject, connection.project.as_str(), failure)],
            None => return Vec::new(),
        };
        let wrong = [self.role(&subject, &connection, found), self.path(&subject, &connection, instance, found)];
        let wrong: Vec<Line> = wrong.into_iter().flatten().collect();
        match wrong.is_empty() {
            true => vec![Line::ok(&subject, format!("{connection} {}", self.way(instance)))],
            false => wrong,
        }
    }

    /// Cloud Run asks the Admin API for the instance, in the name of the workload's project.
    fn api(&self, subject: &str, found: &CloudSql) -> Option<Line> {
        match found.apis.as_ref()? {
            Err(failure) => Some(unread(subject, self.project.as_str(), failure)),
            Ok(apis) if apis.is_on(API) => None,
            Ok(_) => {
                let text = format!("{API} is not enabled in {}, so connections fail", self.project);
                let enable = format!("gcloud services enable {API} --project={}", self.project);
                Some(Line::bad(subject, text, enable))
            }
        }
    }

    fn role(&self, subject: &str, connection: &Connection, found: &CloudSql) -> Option<Line> {
        let project = &connection.project;
        let account = match (self.workload.account.as_str(), found.project.as_ref()) {
            ("", Some(Ok(own))) => format!("{}-compute@developer.gserviceaccount.com", last_segment(&own.name)),
            ("", Some(Err(failure))) => return Some(unread(subject, self.project.as_str(), failure)),
            ("", None) => return None,
            (account, _) => account.to_owned(),
        };
        match found.policies.get(project)? {
            Err(failure) => Some(unread(subject, project.as_str(), failure)),
            Ok(policy) if policy.binds(&format!("serviceAccount:{account}"), &CLIENTS) => None,
            Ok(_) => {
                let role = CLIENTS[0];
                let text = format!(
                    "{account} does not have {role} in {project}; unless it has `cloudsql.instances.connect` by another role or from a folder or the organization, its connections there are refused"
                );
                let bind = format!(
                    "gcloud projects add-iam-policy-binding {project} --member=serviceAccount:{account} --role={role}"
                );
                Some(Line::warn(subject, text, bind))
            }
        }
    }

    /// An instance without a public address is reached in its network alone: peerings do not lead on.
    fn path(&self, subject: &str, connection: &Connection, instance: &SqlInstance, found: &CloudSql) -> Option<Line> {
        let network = instance.private_network().filter(|_| !instance.is_public())?;
        let text = match self.network {
            Attached::ToNone => format!(
                "{connection} has no public address, and {} is not connected to its network {}",
                self.workload, network.name
            ),
            Attached::To(own) if *own != network => format!(
                "{connection} has no public address, and its network is {network}; {} sends its traffic to {own}, from which the instance is not reached even if the networks are peered",
                self.workload
            ),
            Attached::Unknown => return None,
            Attached::To(_) => return self.peering(subject, connection, &network, found),
        };
        let fix = format!(
            "connect the workload to network {network} with --network and --subnet or with a connector, or give the instance a public address"
        );
        Some(Line::bad(subject, text, fix))
    }

    fn peering(&self, subject: &str, connection: &Connection, network: &NetworkRef, found: &CloudSql) -> Option<Line> {
        let peers = match found.networks.get(network)? {
            Err(failure) => return Some(unread(subject, network.project.as_str(), failure)),
            Ok(found) => found.iter().flat_map(|network| &network.peerings).any(|peering| {
                peering.name == PRIVATE_SERVICES && peering.other.get("state").is_none_or(|state| state == "ACTIVE")
            }),
        };
        if peers {
            return None;
        }
        let text = format!(
            "{connection} has its address by private services access, and network {} has no active peering {PRIVATE_SERVICES}, so the instance is not reached",
            network.name
        );
        let (name, project) = (&network.name, &network.project);
        let show = format!("gcloud compute networks peerings list --network={name} --project={project}");
        Some(Line::bad(subject, text, show))
    }

    fn way(&self, instance: &SqlInstance) -> String {
        match (instance.is_public(), instance.private_network(), instance.has_private_service_connect()) {
            (true, ..) => "is reached over its public address, not through the VPC".to_owned(),
            (false, Some(network), _) => format!("is reached over its private address in network {}", network.name),
            (false, None, true) => {
                "is reached by Private Service Connect, whose endpoint and DNS record were not checked".to_owned()
            }
            (false, None, false) => "exists, and Google gave none of its addresses".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_are_read_from_behind() {
        let read = |text| Connection::parse(text).map(|found| (found.project.to_string(), found.instance));
        let of = |project: &str, instance: &str| Some((project.to_owned(), instance.to_owned()));
        let cases = [
            ("demo-project:europe-west2:orders", of("demo-project", "orders")),
            ("example.com:demo-project:europe-west2:orders", of("example.com:demo-project", "orders")),
            ("europe-west2:orders", None),
            ("demo-project:europe-west2:", None),
            ("demo-project::orders", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
