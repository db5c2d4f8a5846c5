//! One look at a target.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    address::Address,
    connector::Connector,
    effective::EffectiveFirewalls,
    firewall::Firewall,
    network::Network,
    operation::ConnectorOperation,
    others::{self, Others},
    plain,
    policy_route::PolicyRoute,
    read::{FailureKind, Read, ReadFailure},
    refused_deploy::{FailedDeploy, RefusedDeploy},
    requirement::Required,
    route::Route,
    router::Router,
    router_status::{PeeringRoute, RouterStatus},
    subnet::Subnet,
    traffic::TrafficSeries,
    utilization::SubnetUtilization,
    workload::Workload,
};
use crate::domain::{
    names::{ConnectorRef, NetworkRef, ProjectId},
    target::Target,
};

/// One look: the ten reads of round one, always; then those of round two that [`Needs`] asked for (`None` = not asked).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    pub target: Target,
    pub at: Timestamp,
    /// The lists were read for every target of the project at once.
    #[serde(skip)]
    pub is_shared: bool,
    /// The policy's network for this target.
    pub network_name: NetworkRef,
    #[serde(serialize_with = "plain::read")]
    pub jobs: Read<Vec<Workload>>,
    #[serde(serialize_with = "plain::read")]
    pub services: Read<Vec<Workload>>,
    #[serde(serialize_with = "plain::read")]
    pub worker_pools: Read<Vec<Workload>>,
    #[serde(serialize_with = "plain::read")]
    pub instances: Read<Vec<Workload>>,
    /// Revisions with traffic or a tag that are not the newest of their service or worker pool, by their full names; asked
    /// for right after round one. `Ok(None)` = absent.
    #[serde(serialize_with = "plain::each")]
    pub revisions: BTreeMap<String, Read<Option<Workload>>>,
    /// Executions under way, which keep the network that their job had when they began; `None` = none can matter.
    #[serde(serialize_with = "plain::asked")]
    pub executions: Option<Read<Vec<Workload>>>,
    /// Users beyond Cloud Run's own lists; `None` = no connector exists and nothing is to be removed, so that they were not
    /// asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Others>,
    #[serde(serialize_with = "plain::read")]
    pub connectors: Read<Vec<Connector>>,
    /// Subnets of the region, in the network's project.
    #[serde(serialize_with = "plain::read")]
    pub subnets: Read<Vec<Subnet>>,
    /// Routers of the region, in the network's project.
    #[serde(serialize_with = "plain::read")]
    pub routers: Read<Vec<Router>>,
    /// Firewall rules of the network's project.
    #[serde(serialize_with = "plain::read")]
    pub firewalls: Read<Vec<Firewall>>,
    #[serde(serialize_with = "plain::read")]
    pub effective: Read<EffectiveFirewalls>,
    /// Routes of the network's project.
    #[serde(serialize_with = "plain::read")]
    pub routes: Read<Vec<Route>>,
    /// `Ok(None)` = there is no such network.
    #[serde(serialize_with = "plain::asked")]
    pub network: Option<Read<Option<Network>>>,
    #[serde(serialize_with = "plain::asked")]
    pub address_space: Option<Read<AddressSpace>>,
    /// Policy-based routes of the network's project.
    #[serde(serialize_with = "plain::asked")]
    pub policy_routes: Option<Read<Vec<PolicyRoute>>>,
    /// Addresses of the region, in the network's project.
    #[serde(serialize_with = "plain::asked")]
    pub addresses: Option<Read<Vec<Address>>>,
    /// What routers of the region are doing, by the router's name.
    #[serde(serialize_with = "plain::each")]
    pub router_status: BTreeMap<String, Read<RouterStatus>>,
    /// What is taken of subnets that Direct VPC egress uses, by the subnet's name.
    #[serde(serialize_with = "plain::each")]
    pub utilization: BTreeMap<String, Read<SubnetUtilization>>,
    /// Operations on connectors of the region: only they tell why one could not be made, and since when one is changing.
    #[serde(serialize_with = "plain::asked")]
    pub operations: Option<Read<Vec<ConnectorOperation>>>,
    /// What connectors of the project sent in the last seven days.
    #[serde(serialize_with = "plain::asked")]
    pub traffic: Option<Read<Vec<TrafficSeries>>>,
    /// Deploys that Cloud Run refused although their connector is READY.
    #[serde(skip)]
    pub refused: Vec<RefusedDeploy>,
    /// Deploys of the last 24 hours that were refused, as events told.
    #[serde(skip)]
    pub failed: Vec<FailedDeploy>,
    /// Connectors of other projects that workloads name; `Ok(None)` = absent.
    #[serde(serialize_with = "plain::each")]
    pub elsewhere: BTreeMap<ConnectorRef, Read<Option<Connector>>>,
    /// What workloads of other projects ask of connectors here, as looks at those projects told.
    #[serde(skip)]
    pub users: Vec<Required>,
    /// The ids behind the project numbers that workloads name.
    #[serde(serialize_with = "plain::each")]
    pub projects: BTreeMap<ProjectId, Read<ProjectId>>,
}

/// All that takes IPv4 space in the network beyond the region's subnets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressSpace {
    pub subnets: Vec<Subnet>,
    /// Connectors of every region: those in CIDR form sit on a subnet that no list shows.
    pub connectors: Vec<Connector>,
    pub addresses: Vec<Address>,
    /// Routes that routers have learnt by BGP.
    pub learnt: Vec<Learnt>,
    /// Routes that peers exchange with the network.
    pub imported: Vec<Imported>,
    /// What of the last two could not be read. It is told, and does not keep a range from being cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<ReadFailure>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Learnt {
    pub router: String,
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    pub peering: String,
    pub routes: Vec<PeeringRoute>,
}

/// What round two has to ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    pub network: bool,
    pub address_space: bool,
    /// Operations on connectors of the region.
    pub operations: bool,
    /// What connectors sent: asked before one is deleted.
    pub traffic: bool,
    pub elsewhere: Vec<ConnectorRef>,
    pub policy_routes: bool,
    /// Addresses of the region.
    pub addresses: bool,
    /// Routers whose status tells something.
    pub router_status: Vec<String>,
    /// Subnets that Direct VPC egress uses.
    pub utilization: Vec<String>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Observed {
    /// A look at which nothing was asked for yet.
    pub fn unread(target: Target, network_name: NetworkRef, at: Timestamp) -> Self {
        fn unasked<T>() -> Read<Vec<T>> {
            Err(ReadFailure::NOT_ASKED)
        }
        Self {
            target,
            at,
            is_shared: false,
            network_name,
            jobs: unasked(),
            services: unasked(),
            worker_pools: unasked(),
            instances: unasked(),
            revisions: BTreeMap::new(),
            executions: None,
            others: None,
            connectors: unasked(),
            subnets: unasked(),
            routers: unasked(),
            firewalls: unasked(),
            effective: Err(ReadFailure::NOT_ASKED),
            routes: unasked(),
            network: None,
            address_space: None,
            policy_routes: None,
            addresses: None,
            router_status: BTreeMap::new(),
            utilization: BTreeMap::new(),
            operations: None,
            traffic: None,
            refused: Vec::new(),
            failed: Vec::new(),
            elsewhere: BTreeMap::new(),
            users: Vec::new(),
            projects: BTreeMap::new(),
        }
    }

    /// Not everything was asked for, since nothing was seen here that needs it: firewall policies at least were left out.
    pub fn is_bare(&self) -> bool {
        matches!(&self.effective, Err(failure) if failure.kind == FailureKind::NotAsked)
    }

    /// Every read that failed, once.
    pub fn failures(&self) -> Vec<&ReadFailure> {
        fn err<T>(read: &Read<T>) -> Option<&ReadFailure> {
            read.as_ref().err()
        }
        let mut found: Vec<_> = [
            err(&self.jobs),
            err(&self.services),
            err(&self.worker_pools),
            err(&self.connectors),
            err(&self.subnets),
            err(&self.routers),
            err(&self.firewalls),
            err(&self.effective),
            err(&self.routes),
            self.network.as_ref().and_then(err),
            self.address_space.as_ref().and_then(err),
        ]
        .into_iter()
        .flatten()
        .collect();
        found.extend(self.revisions.values().filter_map(err));
        found.extend(self.elsewhere.values().filter_map(err));
        // These add to what is known: without them the plan says so and goes on, but they are worth another try.
        let traffic = self.traffic.as_ref().and_then(err);
        let more = [self.policy_routes.as_ref().and_then(err), self.addresses.as_ref().and_then(err), traffic];
        let more = more.into_iter().flatten().chain(self.router_status.values().filter_map(err));
        let more = more.chain(self.utilization.values().filter_map(err));
        let more = more.chain(self.address_space.iter().flatten().flat_map(|space| &space.unread));
        let users = self.unseen().into_iter();
        found.extend(more.chain(users).filter(|failure| failure.kind == FailureKind::Transient));
        found.extend(self.projects.values().filter_map(err));
        found.retain(|failure| failure.kind != FailureKind::NotAsked);
        found
    }

    /// Every workload that was read, each revision that serves as one of its own.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        let lists = [&self.jobs, &self.services, &self.worker_pools, &self.instances];
        let others = self.executions.iter().chain(self.others.iter().flat_map(Others::lists));
        let revisions = self.revisions.values().flatten().flatten();
        lists.into_iter().chain(others).flatten().flatten().chain(revisions)
    }

    /// All jobs, services and worker pools were read, with their revisions: only then does "nothing uses it" mean anything.
    pub fn workloads_complete(&self) -> bool {
        let lists = self.jobs.is_ok() && self.services.is_ok() && self.worker_pools.is_ok();
        lists && self.revisions.values().all(Result::is_ok)
    }

    /// Refused lists of users that may not exist at all.
    fn refused_users(&self) -> impl Iterator<Item = &ReadFailure> {
        let lists = [&self.instances].into_iter().chain(&self.executions);
        lists.chain(self.others.iter().flat_map(Others::lists)).filter_map(|list| list.as_ref().err())
    }

    /// Reads of further kinds of users that failed: any of them may use a connector.
    pub fn unseen(&self) -> Vec<&ReadFailure> {
        self.refused_users().filter(|failure| !others::excludes(failure, &self.target, &self.projects)).collect()
    }

    /// Projects that those refusals are about, by their numbers.
    pub fn refused_consumers(&self) -> impl Iterator<Item = ProjectId> {
        let named = self.refused_users().filter_map(|failure| ProjectId::parse(failure.consumer.as_deref()?).ok());
        named.filter(ProjectId::is_number)
    }

    /// Every list of users that was asked for was read: only then may a deny begin to stop them.
    pub fn reads_every_user(&self) -> bool {
        self.workloads_complete() && self.unseen().is_empty()
    }

    /// Revisions that serve, and that were not found all the same.
    pub fn missing_revisions(&self) -> impl Iterator<Item = &str> {
        let missing = self.revisions.iter().filter(|(_, read)| matches!(read, Ok(None)));
        missing.map(|(path, _)| path.as_str())
    }

    /// Revisions of a workload that serve, and that were not read or not found.
    pub fn unread_revisions<'a>(&self, workload: &'a Workload) -> Vec<&'a str> {
        let known = |path: &&String| matches!(self.revisions.get(*path), Some(Ok(Some(_))));
        workload.older.iter().filter(|path| !known(path)).map(String::as_str).collect()
    }

    /// Every kind of user was looked at.
    pub fn sees_every_user(&self) -> bool {
        let found = self.missing_revisions().next().is_none();
        self.reads_every_user() && found && self.executions.is_some() && self.others.is_some()
    }
}
