//! One look at a target.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    address::Address, connector::Connector, effective::EffectiveFirewalls, firewall::Firewall, network::Network,
    others::Others, plain, route::Route, router::Router, subnet::Subnet, workload::Workload,
};
use crate::domain::{
    desired::Required,
    names::{ConnectorRef, NetworkRef, ProjectId},
    refused::RefusedDeploy,
    target::Target,
};

/// What one call told, or why it did not: a rule that needs `T` takes `T`, so a failed read can lead to no step.
pub type Read<T> = Result<T, ReadFailure>;

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFailure {
    /// Google's name of the method.
    pub call: String,
    pub kind: FailureKind,
    /// Google's sentence, or ours where no answer came.
    pub message: String,
    /// The project, by id or number, that Google says the refusal is about: whose API is not enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
}

impl ReadFailure {
    /// There is no such thing.
    pub fn is_absent(&self) -> bool {
        self.kind == FailureKind::Absent
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    Denied {
        permission: Option<String>,
    },
    ApiDisabled,
    /// A quota of resources is used up.
    Quota,
    /// An organization policy forbids it.
    OrgPolicy {
        /// `constraints/NAME` or `customConstraints/NAME`.
        constraint: Option<String>,
    },
    /// The region is not open to the project, or does not have this service.
    RegionClosed,
    /// The address range is taken.
    AddressConflict,
    Absent,
    /// Worth asking again: the run answers 429.
    Transient,
    Invalid,
}

/// One look: the nine reads of round one, always; then those of round two that [`Needs`] asked for (`None` = not asked).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    pub target: Target,
    pub at: Timestamp,
    /// The policy's network for this target.
    pub network_name: NetworkRef,
    #[serde(serialize_with = "plain::read")]
    pub jobs: Read<Vec<Workload>>,
    #[serde(serialize_with = "plain::read")]
    pub services: Read<Vec<Workload>>,
    #[serde(serialize_with = "plain::read")]
    pub worker_pools: Read<Vec<Workload>>,
    /// Revisions with traffic or a tag that are not the newest of their service or worker pool, by their full names; asked
    /// for right after round one. `Ok(None)` = absent.
    #[serde(serialize_with = "plain::each")]
    pub revisions: BTreeMap<String, Read<Option<Workload>>>,
    /// Every other kind of user; `None` = nothing is to be removed or replaced, so that they were not asked for.
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
    /// Operations on connectors of the region: only they tell why one could not be made, and since when one is changing.
    #[serde(serialize_with = "plain::asked")]
    pub operations: Option<Read<Vec<ConnectorOperation>>>,
    /// Deploys that Cloud Run refused although their connector is READY.
    #[serde(skip)]
    pub refused: Vec<RefusedDeploy>,
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
}

/// What Google keeps of a change of a connector.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorOperation {
    /// Its full path.
    pub name: String,
    /// The connector's short name.
    pub connector: String,
    pub change: ConnectorChange,
    pub begun: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub done: bool,
    /// Why it failed; `None` = it did not, so far.
    pub failure: Option<ReadFailure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectorChange {
    Create,
    Update,
    Delete,
}

/// What round two has to ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Needs {
    pub network: bool,
    pub address_space: bool,
    /// Operations on connectors of the region.
    pub operations: bool,
    pub elsewhere: Vec<ConnectorRef>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Observed {
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
        found.extend(self.projects.values().filter_map(err));
        found
    }

    /// Every workload that was read, each revision that serves as one of its own.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        let lists = [&self.jobs, &self.services, &self.worker_pools];
        let others = self.others.iter().flat_map(Others::lists);
        let revisions = self.revisions.values().flatten().flatten();
        lists.into_iter().chain(others).flatten().flatten().chain(revisions)
    }

    /// All jobs, services and worker pools were read, with their revisions: only then does "nothing uses it" mean anything.
    pub fn workloads_complete(&self) -> bool {
        let lists = self.jobs.is_ok() && self.services.is_ok() && self.worker_pools.is_ok();
        lists && self.revisions.values().all(Result::is_ok)
    }

    /// Reads of further kinds of users that failed: any of them may use a connector.
    pub fn unseen(&self) -> Vec<&ReadFailure> {
        self.others.iter().flat_map(|others| others.unseen(&self.target, &self.projects)).collect()
    }

    /// Every kind of user was looked at.
    pub fn sees_every_user(&self) -> bool {
        self.workloads_complete() && self.others.is_some() && self.unseen().is_empty()
    }
}
