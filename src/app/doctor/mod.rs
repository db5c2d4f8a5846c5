//! Reads what an installation stands on, and has it judged by [`crate::domain::doctor`]. Nothing is written but by the
//! probe.

mod cloud_sql;
mod delivery;
mod probe;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::join_all;
use ipnet::Ipv4Net;
use tokio::join;

use crate::{
    domain::{
        doctor::{
            Line, agents,
            constraints::{self, CONSTRAINTS, Constraint, Judged},
            facts::{Ancestry, Granted, IamPolicy, Project},
            network::{self, Space},
            project,
        },
        names::{NetworkRef, ProjectId, Region, last_segment},
        permissions::{PERMISSIONS, Permission, Role},
        policy::{ConnectorSection, Ensure, Mode, Policy},
        state::{observed::AddressSpace, read::Read},
        target::Target,
    },
    google::{client::Client, credentials::Credentials, endpoints::Endpoints, transport::Transport},
    reconcile::{
        Clock, IdGenerator,
        observe::{address_space, get_network},
        reads::read,
        routes::dynamic,
    },
};

/// What is asked about, beyond what the policy says.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Of the policy's scope; none = all of it.
    pub projects: Vec<ProjectId>,
    /// `projects/P/sinks/S`, or of a folder or an organization.
    pub sink: Option<String>,
    /// `projects/P/subscriptions/S`.
    pub subscription: Option<String>,
    /// In place of the policy's `reports.topic`.
    pub report_topic: Option<String>,
    pub service: Option<Service>,
}

/// How the running service is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// By its metrics: a URL that can be reached from here.
    At(String),
    /// By the log of requests: a Cloud Run service, which takes requests from inside alone.
    Named { project: String, location: String, name: String },
}

pub struct Doctor {
    client: Client,
    transport: Arc<dyn Transport>,
    policy: Policy,
    asked: Asked,
    now: Clock,
    ids: IdGenerator,
}

/// What a project is used for.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    connectors: bool,
    network: bool,
    delivery: bool,
}

impl Doctor {
    pub fn new(
        transport: Arc<dyn Transport>,
        (endpoints, credentials): (Endpoints, Credentials),
        policy: Policy,
        asked: Asked,
        (now, ids): (Clock, IdGenerator),
    ) -> Self {
        let client = Client::new(transport.clone(), endpoints, credentials);
        Self { client, transport, policy, asked, now, ids }
    }

    /// Everything, in the order in which it depends on each other.
    pub async fn examine(&self) -> Vec<Line> {
        let used = self.used();
        let projects = used.iter().map(|(project, used)| self.project(project, *used));
        let networks = self.networks().into_iter().map(|(network, pools)| self.network(network, pools));
        let own = self.projects().map(|project| self.agents(project, project));
        let hosted = self.hosted();
        let on_hosts = hosted.iter().map(|(host, service)| self.agents(host, service));
        let agents = join_all(own.chain(on_hosts));
        let databases = join_all(self.projects().map(|project| self.cloud_sql(project)));
        let (projects, networks, agents, databases, delivery, service) =
            join!(join_all(projects), join_all(networks), agents, databases, self.delivery(), self.service());
        let all = [projects.concat(), networks.concat(), agents.concat(), databases.concat(), delivery, service];
        all.concat()
    }

    fn projects(&self) -> impl Iterator<Item = &ProjectId> {
        let asked = &self.asked.projects;
        self.policy.scope.projects.iter().filter(|project| asked.is_empty() || asked.contains(project))
    }

    /// The networks, each with the pools that connectors there are cut from.
    fn networks(&self) -> BTreeMap<NetworkRef, Vec<Ipv4Net>> {
        let mut found: BTreeMap<NetworkRef, BTreeSet<Ipv4Net>> = BTreeMap::new();
        for project in self.projects() {
            for policy in self.policy.settings_in(project) {
                let pools = found.entry(policy.network.name.seen_from(project)).or_default();
                pools.extend(&policy.connector.subnet_pools);
            }
        }
        found.into_iter().map(|(network, pools)| (network, pools.into_iter().collect())).collect()
    }

    /// Hosts, each with a project whose connectors stand on its subnets.
    fn hosted(&self) -> BTreeSet<(ProjectId, ProjectId)> {
        let of = |project: &ProjectId| {
            let hosts = self.policy.settings_in(project).map(|policy| policy.network.name.seen_from(project).project);
            hosts.map(|host| (host, project.clone())).collect::<Vec<_>>()
        };
        self.projects().flat_map(of).filter(|(host, project)| host != project).collect()
    }

    fn used(&self) -> BTreeMap<ProjectId, Used> {
        let mut used: BTreeMap<ProjectId, Used> = BTreeMap::new();
        for project in self.projects() {
            used.entry(project.clone()).or_default().connectors = true;
        }
        for network in self.networks().into_keys() {
            used.entry(network.project).or_default().network = true;
        }
        for project in self.delivery_projects() {
            used.entry(project).or_default().delivery = true;
        }
        used
    }

    async fn project(&self, id: &ProjectId, used: Used) -> Vec<Line> {
        let name = id.as_str();
        let needed = apis(used);
        let wanted = self.permissions(used);
        let names: Vec<&str> = wanted.iter().map(|permission| permission.name).collect();
        let asked = |one: &&Constraint| if one.of_network { used.network } else { used.connectors };
        let constraints = CONSTRAINTS
            .iter()
            .filter(asked)
            .map(async |constraint| (constraint, read(self.client.get_effective_policy(name, constraint.name).await)));
        let regions = self.regions(id, used);
        let cpus = regions.iter().map(async |(region, size)| {
            project::cpus(id, region, size, &read(self.client.get_region(name, region.as_str()).await))
        });
        let (enabled, tested, quotas, constraints, ancestry, cpus) = join!(
            self.client.get_apis(name, &needed),
            self.client.test_project_permissions::<Granted>(name, &names),
            self.client.get_project(name),
            join_all(constraints),
            self.ancestry(id),
            join_all(cpus),
        );
        let mut lines = vec![project::apis(id, &needed, &read(enabled))];
        if used.connectors || used.network {
            lines.extend(project::permissions(id, &wanted, &read(tested)));
        }
        if used.network {
            lines.push(project::quotas(id, &read(quotas)));
        }
        lines.extend(cpus);
        // Every subnet that may be created has them, by whatever override.
        let policies = std::iter::once(&self.policy).chain(&self.policy.resolved);
        let mut creating = policies.filter(|policy| policy.connector.ensure != Ensure::Never);
        let flow_logs = creating.all(|policy| policy.connector.subnet_flow_logs);
        let regions = self.policy.scope.regions.list();
        let judged = Judged { project: id, ancestry: &ancestry, flow_logs, regions };
        lines.extend(constraints.iter().map(|(constraint, found)| constraints::line(&judged, constraint, found)));
        lines
    }

    /// What is above a project, with its number.
    async fn ancestry(&self, id: &ProjectId) -> Read<Ancestry> {
        let (above, project) = join!(
            self.client.get_project_ancestry::<Ancestry>(id.as_str()),
            self.client.get_resource_project::<Project>(id.as_str()),
        );
        let number = read(project).map(|project| last_segment(&project.name).to_owned()).unwrap_or_default();
        Ok(Ancestry { number, ..read(above)? })
    }

    /// The regions that the policy names, each with the size of connectors there.
    fn regions(&self, id: &ProjectId, used: Used) -> Vec<(Region, ConnectorSection)> {
        let listed = self.policy.scope.regions.list().unwrap_or_default().iter().filter(|_| used.connectors);
        let sized = listed.map(|region| {
            let target = Target { project: id.clone(), region: region.clone() };
            (region.clone(), self.policy.for_target(&target).connector.clone())
        });
        sized.filter(|(_, section)| section.ensure != Ensure::Never).collect()
    }

    /// What the service needs there under the policy as it is; an override anywhere counts.
    fn permissions(&self, used: Used) -> Vec<&'static Permission> {
        let any = |holds: fn(&Policy) -> bool| {
            let mut policies = std::iter::once(&self.policy).chain(&self.policy.resolved);
            policies.any(holds)
        };
        let wanted = |role| match role {
            Role::Look => true,
            Role::Write => any(|policy| policy.mode >= Mode::Create),
            Role::Network => any(|policy| policy.mode >= Mode::Create && policy.network.create),
            // The watch rule goes when the deny is in force, and rules that the policy no longer asks for.
            Role::Deletions => any(|policy| policy.mode == Mode::Enforce),
        };
        let here = PERMISSIONS.iter().filter(|permission| permission.is_for(used.connectors, used.network));
        here.filter(|permission| wanted(permission.role)).collect()
    }

    async fn network(&self, name: NetworkRef, pools: Vec<Ipv4Net>) -> Vec<Line> {
        let project = name.project.as_str();
        let (found, mut taken, routes, ranges) = join!(
            get_network(&self.client, &name),
            address_space(&self.client, &name),
            self.client.list_routes(project),
            self.client.list_internal_ranges(project),
        );
        let create = self.policy.network.create || self.policy.resolved.iter().any(|policy| policy.network.create);
        let mut lines = vec![network::network(&name, create, &found)];
        if pools.is_empty() {
            return lines;
        }
        if let (Ok(taken), Ok(Some(found))) = (&mut taken, &found) {
            let regions = self.regions_with(taken);
            dynamic(&self.client, &name, &regions, &found.peerings, taken).await;
        }
        let auto_mode = found.as_ref().is_ok_and(|found| found.as_ref().is_some_and(|it| it.auto_create_subnetworks));
        let (routes, internal_ranges) = (&read(routes), &read(ranges));
        let space = Space { network: &name, auto_mode, pools: &pools, taken: &taken, routes, internal_ranges };
        lines.push(space.free());
        lines.extend(space.unread());
        lines.extend(space.reserved());
        lines
    }

    /// The regions that the policy names; where it names all, those in which the network has a subnet.
    fn regions_with(&self, space: &AddressSpace) -> Vec<Region> {
        if let Some(listed) = self.policy.scope.regions.list() {
            return listed.to_vec();
        }
        let used = space.subnets.iter().filter_map(|subnet| Region::parse(last_segment(&subnet.region)).ok());
        used.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Google's agents of one project in the IAM policy of `on`: the project's own, or that of its host.
    async fn agents(&self, on: &ProjectId, of: &ProjectId) -> Vec<Line> {
        let (number, policy) = join!(
            self.client.get_resource_project::<Project>(of.as_str()),
            self.client.get_project_iam_policy::<IamPolicy>(on.as_str()),
        );
        let (number, policy) = (read(number), read(policy));
        if on == of { agents::own(of, &number, &policy) } else { agents::on_host(on, of, &number, &policy) }
    }
}

fn apis(used: Used) -> Vec<&'static str> {
    let of = [
        (used.connectors || used.network, "compute.googleapis.com"),
        (used.connectors, "run.googleapis.com"),
        (used.connectors, "vpcaccess.googleapis.com"),
        (used.delivery, "pubsub.googleapis.com"),
        (used.delivery, "logging.googleapis.com"),
    ];
    of.into_iter().filter(|(needed, _)| *needed).map(|(_, api)| api).collect()
}
