//! Direct VPC egress: whether its workloads reach the internet, and whether their subnets have room. What is missing is its
//! owner's to change.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::domain::{
    design::Blueprint,
    names::relative,
    state::{
        egress::Egress,
        interface::{Attachment, BLOCK, SMALLEST},
        observed::{Needs, Observed},
        read::FailureKind,
        router::{Router, covering},
        subnet::Subnet,
        utilization::SubnetUtilization,
        workload::{Interface, Workload, WorkloadKind},
    },
    target::subnet_path,
    text,
    ways::{Ways, ways_from},
};

/// What a look has to add: how full the subnets are that workloads use by Direct VPC egress, and where no gateway covers one,
/// whether a policy-based route leads its packets elsewhere.
pub(super) fn needs(observed: &Observed, needs: &mut Needs) {
    let own = observed.direct_subnets().filter(|subnet| observed.connector_of_subnet(subnet).is_none());
    let subnets: BTreeSet<&str> = own.map(|subnet| subnet.name.as_str()).collect();
    needs.utilization = subnets.into_iter().map(str::to_owned).collect();
    let (Ok(routers), Ok(_)) = (&observed.routers, &observed.routes) else { return };
    let here = of_network(observed, routers);
    let interfaces = observed.workloads().filter(|it| it.egress == Egress::AllTraffic).flat_map(|it| &it.direct);
    needs.policy_routes |= interfaces.into_iter().any(|interface| match observed.attachment(interface) {
        Attachment::Subnet(subnet) => {
            covering(&here, Some(&path(observed, subnet))).is_none()
                && ways(observed, interface, subnet).reach_gateway()
        }
        Attachment::Absent | Attachment::OtherNetwork => false,
    });
}

pub(super) fn plan(draft: &mut Draft<'_>, blueprint: &Blueprint<'_>) {
    let observed = draft.observed;
    let mut workloads: Vec<_> =
        observed.workloads().filter(|it| it.connector.is_none() && it.kind != WorkloadKind::Execution).collect();
    workloads.sort();
    let mut unread = observed.utilization.values().filter_map(|read| read.as_ref().err());
    // What failed for a moment is tried again, and told with the run.
    if let Some(failure) = unread.find(|failure| failure.kind != FailureKind::Transient) {
        draft.tell(text::direct::utilization_unread(failure));
    }
    for (name, read) in &observed.utilization {
        let free = read.as_ref().ok().and_then(SubnetUtilization::free);
        if let Some(free) = free.filter(|free| *free < BLOCK) {
            let uses = |it: &&Workload| it.direct.iter().any(|interface| interface.subnet_name() == name);
            let users: Vec<String> = workloads.iter().copied().filter(uses).map(ToString::to_string).collect();
            let place = (&observed.network_name.project, &observed.target.region);
            draft.tell(text::direct::subnet_full(name, free, &users, place));
        }
    }
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

fn path(observed: &Observed, subnet: &Subnet) -> String {
    subnet_path(&observed.network_name, &observed.target, &subnet.name)
}

fn of_network<'a>(observed: &Observed, routers: &'a [Router]) -> Vec<&'a Router> {
    let network = observed.network_name.to_string();
    routers.iter().filter(|router| relative(&router.network) == network).collect()
}

fn ways<'a>(observed: &'a Observed, interface: &Interface, subnet: &Subnet) -> Ways<'a> {
    let tags: Vec<&str> = interface.tags.iter().map(String::as_str).collect();
    ways_from(observed, &tags, subnet.cidr())
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
    let ways = ways(observed, interface, subnet);
    if ways.elsewhere().next().is_some() {
        return;
    }
    let (path, here) = (path(observed, subnet), of_network(observed, routers));
    let covered = covering(&here, Some(&path)).is_some() || blueprint.uncovered.contains(&path);
    match (ways.reach_gateway(), covered) {
        (true, true) => {}
        (true, false) => {
            let unread = !matches!(observed.policy_routes, Some(Ok(_)));
            draft.tell(text::direct::no_nat(workload, subnet, &observed.target.region, unread));
        }
        (false, _) => draft.tell(text::direct::no_route(workload, &observed.network_name)),
    }
}
