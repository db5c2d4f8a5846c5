//! Direct VPC egress.

use super::{few, note, reads::why_unread};
use crate::domain::{
    codes::Code,
    names::{ConnectorRef, NetworkRef, ProjectId, Region},
    plan::Note,
    state::{
        read::ReadFailure,
        subnet::Subnet,
        workload::{Workload, WorkloadKind},
    },
    target::Target,
};

/// Which note is about a workload's interfaces.
pub fn object(workload: &Workload) -> String {
    format!("{}/{}", workload.kind.to_string().to_lowercase().replace(' ', "-"), workload.name)
}

pub fn on_connector_subnet(
    workload: &Workload,
    subnet: &Subnet,
    connector: &ConnectorRef,
    target: &Target,
    network: &NetworkRef,
) -> Note {
    let (name, range) = (&subnet.name, &subnet.ip_cidr_range);
    let whose = match target.has(connector) {
        true => connector.name.to_string(),
        false => connector.to_string(),
    };
    let move_it = match update(workload, target, network) {
        Some(command) => format!("move it to a subnet of /26 or larger that no connector uses: `{command}`"),
        None => "move it to a subnet of /26 or larger that no connector uses".to_owned(),
    };
    note(
        Code::DirectVpcOnConnectorSubnet,
        object(workload),
        format!(
            "{workload} uses Direct VPC egress on subnet {name} ({range}), which belongs to connector {whose} alone: Direct VPC takes addresses in blocks of 16, so the subnet runs out of addresses, and instances of the workload and of the connector fail to start with \"insufficient free IP addresses\"; {move_it}, or deploy it with the connector in place of --network and --subnet"
        ),
    )
}

/// All its traffic goes into the network, and nothing there leads to the internet.
/// `unread` = policy-based routes could not be read.
pub fn no_nat(workload: &Workload, subnet: &Subnet, region: &Region, unread: bool) -> Note {
    let name = &subnet.name;
    let unless = if unread { " unless a policy-based route, which could not be read, leads it elsewhere" } else { "" };
    note(
        Code::NoInternet,
        object(workload),
        format!(
            "{workload} sends all its traffic through Direct VPC egress on subnet {name}, which no Cloud NAT covers, so it does not reach the internet{unless}; if it should, add `{region}/{name}` to `nat.direct_vpc_subnets`, or deploy it with --vpc-egress=private-ranges-only"
        ),
    )
}

pub fn no_route(workload: &Workload, network: &NetworkRef) -> Note {
    note(
        Code::NoInternet,
        object(workload),
        format!(
            "{workload} sends all its traffic through Direct VPC egress, and no visible default route of network {} applies to it, so it does not reach the internet unless a route by BGP or from a peering leads there; if it should, add a default route for its network tags, or deploy it with --vpc-egress=private-ranges-only",
            network.name
        ),
    )
}

/// Instances of Direct VPC egress take addresses in blocks.
pub fn small_subnet(workload: &Workload, subnet: &Subnet, target: &Target, network: &NetworkRef) -> Note {
    let (name, range) = (&subnet.name, &subnet.ip_cidr_range);
    let how = update(workload, target, network).map_or_else(String::new, |command| format!(": `{command}`"));
    note(
        Code::SmallSubnet,
        object(workload),
        format!(
            "{workload} uses Direct VPC egress on subnet {name} ({range}), and Google asks for /26 or larger, because instances take addresses in blocks of 16 and hold them for up to two hours; move it to a larger subnet{how}"
        ),
    )
}

/// `users`: the workloads of the region that use the subnet.
pub fn subnet_full(name: &str, free: u64, users: &[String], (host, region): (&ProjectId, &Region)) -> Note {
    let addresses = match free {
        0 => "no free address".to_owned(),
        1 => "1 free address".to_owned(),
        free => format!("{free} free addresses"),
    };
    note(
        Code::SubnetFull,
        format!("subnet/{name}"),
        format!(
            "subnet {name} has {addresses}, and Direct VPC egress takes addresses in blocks of 16, so new instances of {} may not start; give some of them a larger subnet with --subnet, or expand this one with `gcloud compute networks subnets expand-ip-range {name} --region={region} --prefix-length=LENGTH --project={host}`",
            few(users)
        ),
    )
}

pub fn utilization_unread(failure: &ReadFailure) -> Note {
    note(
        Code::UtilizationUnread,
        &failure.call,
        format!(
            "how many addresses are free for Direct VPC egress is unknown: {} {}. Google said: {}",
            failure.call,
            why_unread("compute.subnetworks.get", failure),
            failure.message
        ),
    )
}

/// The command that gives a workload another subnet.
fn update(workload: &Workload, target: &Target, network: &NetworkRef) -> Option<String> {
    let command = match workload.kind {
        WorkloadKind::Job => "gcloud run jobs update",
        WorkloadKind::Service => "gcloud run services update",
        WorkloadKind::WorkerPool => "gcloud beta run worker-pools update",
        WorkloadKind::Instance
        | WorkloadKind::Execution
        | WorkloadKind::Function
        | WorkloadKind::Version
        | WorkloadKind::Project => return None,
    };
    let (project, region) = (&target.project, &target.region);
    let (net, subnet) = match network.project == *project {
        true => (network.name.to_string(), "SUBNET".to_owned()),
        false => (network.to_string(), format!("projects/{}/regions/{region}/subnetworks/SUBNET", network.project)),
    };
    let name = &workload.name;
    Some(format!("{command} {name} --project={project} --region={region} --network={net} --subnet={subnet}"))
}
