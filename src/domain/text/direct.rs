//! Direct VPC egress.

use super::note;
use crate::domain::{
    codes::Code,
    names::{ConnectorRef, NetworkRef},
    plan::Note,
    state::{
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
