//! Where an interface of Direct VPC egress is, and to which connector its subnet belongs.

use super::{
    observed::Observed,
    subnet::Subnet,
    workload::{Interface, Workload},
};
use crate::domain::{
    names::{ConnectorRef, ProjectId, last_segment, relative},
    stamp::Stamp,
    target::subnet_path,
};

/// Google's smallest subnet for Direct VPC egress, as a prefix length.
/// <https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation>
pub const SMALLEST: u8 = 26;

/// Instances take addresses in blocks of so many.
pub const BLOCK: u64 = 16;

/// What an interface leads to, as far as the policy's network is concerned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Attachment<'a> {
    Subnet(&'a Subnet),
    /// A subnet that the policy's network lacks here, or whose list was not read.
    Absent,
    OtherNetwork,
}

impl Interface {
    /// Without a subnetwork Cloud Run takes the one that is named like the network.
    /// <https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation>
    pub fn subnet_name(&self) -> &str {
        last_segment(if self.subnetwork.is_empty() { &self.network } else { &self.subnetwork })
    }
}

impl Observed {
    pub fn attachment(&self, interface: &Interface) -> Attachment<'_> {
        let own = &self.network_name;
        let network = &interface.network;
        let named = if interface.subnetwork.contains("projects/") { &interface.subnetwork } else { network };
        let others = !network.is_empty() && last_segment(network) != own.name.as_str();
        if others || !self.is_project(network, &own.project) || !self.is_project(named, &own.project) {
            return Attachment::OtherNetwork;
        }
        let mut subnets = self.subnets.iter().flatten().filter(|subnet| subnet.name == interface.subnet_name());
        let path = own.to_string();
        match subnets.next() {
            Some(subnet) if relative(&subnet.network) == path => Attachment::Subnet(subnet),
            Some(_) => Attachment::OtherNetwork,
            None => Attachment::Absent,
        }
    }

    /// Whether a reference may be of this project. A bare name is of the workload's own; of a number that was not resolved,
    /// the names have to decide.
    fn is_project(&self, reference: &str, expected: &ProjectId) -> bool {
        if reference.is_empty() {
            return true;
        }
        let named = relative(reference).strip_prefix("projects/").and_then(|rest| rest.split('/').next());
        let Some(project) = named else { return self.target.project == *expected };
        match ProjectId::try_from(project.to_owned()) {
            Ok(number) if number.is_number() => match self.projects.get(&number) {
                Some(Ok(id)) => id == expected,
                Some(Err(_)) | None => true,
            },
            _ => project == expected.as_str(),
        }
    }

    /// The connector to which a subnet of the policy's network belongs: one that is on it, or one that it was made for.
    pub fn connector_of_subnet(&self, subnet: &Subnet) -> Option<ConnectorRef> {
        let host = &self.network_name.project;
        let target = &self.target;
        let on_it = self.connectors.iter().flatten().find(|connector| {
            connector.subnet.as_ref().is_some_and(|form| {
                let project = if form.project_id.is_empty() { target.project.as_str() } else { &form.project_id };
                form.name == subnet.name && project == host.as_str()
            })
        });
        let named =
            on_it.and_then(|connector| ConnectorRef::parse(&connector.name, &target.project, &target.region).ok());
        let stamp = || {
            let stamp = Stamp::read(&subnet.description)?;
            let is_its_own = stamp.this == subnet_path(&self.network_name, target, &subnet.name);
            ConnectorRef::try_from(stamp.purpose.filter(|_| is_its_own)?).ok()
        };
        named.or_else(stamp)
    }

    /// Subnets of the policy's network that workloads of every kind that was read use by Direct VPC egress.
    pub fn direct_subnets(&self) -> impl Iterator<Item = &Subnet> {
        let interfaces = self.workloads().flat_map(|workload| &workload.direct);
        interfaces.filter_map(|interface| match self.attachment(interface) {
            Attachment::Subnet(subnet) => Some(subnet),
            Attachment::Absent | Attachment::OtherNetwork => None,
        })
    }

    /// The network tags of each interface on a subnet of the policy's network.
    pub fn direct_tags(&self, subnet: &str) -> Vec<Vec<&str>> {
        let interfaces = self.workloads().flat_map(|workload| &workload.direct);
        let on_it = interfaces.filter(
            |interface| matches!(self.attachment(interface), Attachment::Subnet(found) if found.name == subnet),
        );
        on_it.map(|interface| interface.tags.iter().map(String::as_str).collect()).collect()
    }

    /// Interfaces on a subnet that belongs to a connector, with both.
    pub fn on_connector_subnets<'a>(&'a self, workload: &'a Workload) -> Vec<(&'a Subnet, ConnectorRef)> {
        let subnets = workload.direct.iter().filter_map(|interface| match self.attachment(interface) {
            Attachment::Subnet(subnet) => Some(subnet),
            Attachment::Absent | Attachment::OtherNetwork => None,
        });
        subnets.filter_map(|subnet| Some((subnet, self.connector_of_subnet(subnet)?))).collect()
    }
}
