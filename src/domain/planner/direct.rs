//! Direct VPC egress: whether its workloads reach the internet, and whether their subnets have room. What is missing is its
//! owner's to change.

use super::draft::Draft;
use crate::domain::{
    design::Blueprint,
    names::relative,
    state::{
        egress::Egress,
        interface::Attachment,
        router::{Router, covering},
        subnet::Subnet,
        workload::{Interface, Workload, WorkloadKind},
    },
    target::subnet_path,
    text,
    ways::ways_from,
};

/// Google's smallest subnet for Direct VPC egress, as a prefix length.
/// <https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation>
const SMALLEST: u8 = 26;

pub(super) fn plan(draft: &mut Draft<'_>, blueprint: &Blueprint<'_>) {
    let observed = draft.observed;
    let mut workloads: Vec<_> =
        observed.workloads().filter(|it| it.connector.is_none() && it.kind != WorkloadKind::Execution).collect();
    workloads.sort();
    for workload in workloads {
        let taken = observed.on_connector_subnets(workload);
        for (subnet, connector) in &taken {
            let (target, network) = (&observed.target, &observed.network_name);
            draft.findings.push(text::direct::on_connector_subnet(workload, subnet, connector, target, network));
        }
        for interface in &workload.direct {
            let Attachment::Subnet(subnet) = observed.attachment(interface) else { continue };
            // A connector's subnet is told above: the workload has to leave it first.
            let is_taken = taken.iter().any(|(other, _)| other.name == subnet.name);
            if !is_taken && subnet.cidr().is_some_and(|range| range.prefix_len() > SMALLEST) {
                let note = text::direct::small_subnet(workload, subnet, &observed.target, &observed.network_name);
                draft.tell(note);
            }
            if !is_taken && workload.egress == Egress::AllTraffic {
                internet(draft, blueprint, workload, (interface, subnet));
            }
        }
    }
}

/// Whether all traffic of a workload has a way to the internet, or will have.
fn internet(
    draft: &mut Draft<'_>,
    blueprint: &Blueprint<'_>,
    workload: &Workload,
    (interface, subnet): (&Interface, &Subnet),
) {
    let observed = draft.observed;
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let tags: Vec<&str> = interface.tags.iter().map(String::as_str).collect();
    let ways = ways_from(observed, &tags, subnet.cidr());
    if ways.elsewhere().next().is_some() {
        return;
    }
    let path = subnet_path(&observed.network_name, &observed.target, &subnet.name);
    let network = observed.network_name.to_string();
    let here: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
    let covered = covering(&here, Some(&path)).is_some() || blueprint.uncovered.contains(&path);
    match (ways.reach_gateway(), covered) {
        (true, true) => {}
        (true, false) => draft.tell(text::direct::no_nat(workload, subnet, &observed.target.region)),
        (false, _) => draft.tell(text::direct::no_route(workload, &observed.network_name)),
    }
}
