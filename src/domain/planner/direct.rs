//! Direct VPC egress on a subnet that is a connector's alone.

use super::draft::Draft;
use crate::domain::text;

pub(super) fn plan(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let mut workloads: Vec<_> = observed.workloads().filter(|workload| workload.connector.is_none()).collect();
    workloads.sort();
    for workload in workloads {
        for (subnet, connector) in observed.on_connector_subnets(workload) {
            let network = &observed.network_name;
            draft.findings.push(text::direct::on_connector_subnet(
                workload,
                subnet,
                &connector,
                &observed.target,
                network,
            ));
        }
    }
}
