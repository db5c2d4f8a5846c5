//! The gcloud command that shows what a hop says.

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    names::ConnectorRef,
    state::workload::{Workload, WorkloadKind},
    target::subnet_path,
};

impl Scene<'_> {
    /// The first hop.
    pub(super) fn workload(&self, workload: &Workload, state: HopState, text: String) -> Hop {
        let target = &self.observed.target;
        let (collection, command) = match workload.kind {
            WorkloadKind::Job => ("jobs", "run jobs describe"),
            WorkloadKind::Service => ("services", "run services describe"),
            WorkloadKind::WorkerPool => ("workerPools", "beta run worker-pools describe"),
            // gcloud has no command for it.
            WorkloadKind::Instance => ("instances", ""),
            WorkloadKind::Function => ("functions", "functions describe --no-gen2"),
            WorkloadKind::Execution => ("jobs", "run jobs executions list"),
            // Its name tells the service and the version.
            WorkloadKind::Version | WorkloadKind::Project => ("versions", "app versions list"),
        };
        let (name, region) = (&workload.name, &target.region);
        let command = match workload.kind {
            WorkloadKind::Instance => format!(
                "curl -H \"Authorization: Bearer $(gcloud auth print-access-token)\" https://run.googleapis.com/v2/{target}/instances/{name}"
            ),
            WorkloadKind::Version | WorkloadKind::Project => match name.split_once('/') {
                Some((service, version)) => {
                    format!("gcloud app versions describe {version} --service={service} --project={}", target.project)
                }
                None => format!("gcloud {command} --project={}", target.project),
            },
            _ if let Some(revision) = &workload.revision => {
                let of = if workload.kind == WorkloadKind::WorkerPool { "beta run worker-pools" } else { "run" };
                format!("gcloud {of} revisions describe {revision} --region={region} --project={}", target.project)
            }
            WorkloadKind::Execution => {
                format!("gcloud {command} --job={name} --region={region} --project={}", target.project)
            }
            _ => format!("gcloud {command} {name} --region={region} --project={}", target.project),
        };
        Hop::new(HopKind::Workload, name, state, text)
            .resource(format!("{target}/{collection}/{name}"))
            .evidence(command)
    }

    pub(super) fn connector_evidence(&self, connector: &ConnectorRef) -> String {
        let ConnectorRef { project, region, name } = connector;
        format!("gcloud compute networks vpc-access connectors describe {name} --region={region} --project={project}")
    }

    /// A subnet of the policy's network; all of them where it has no name.
    pub(super) fn subnet_evidence(&self, name: &str) -> String {
        let (network, region) = (&self.observed.network_name, &self.observed.target.region);
        match name.is_empty() {
            true => format!(
                "gcloud compute networks subnets list --network={} --regions={region} --project={}",
                network.name, network.project
            ),
            false => {
                format!(
                    "gcloud compute networks subnets describe {name} --region={region} --project={}",
                    network.project
                )
            }
        }
    }

    pub(super) fn subnet_resource(&self, name: &str) -> Option<String> {
        (!name.is_empty()).then(|| subnet_path(&self.observed.network_name, &self.observed.target, name))
    }

    pub(super) fn routes_evidence(&self) -> String {
        format!("gcloud compute routes list --project={}", self.observed.network_name.project)
    }

    pub(super) fn routers_evidence(&self) -> String {
        let (network, region) = (&self.observed.network_name, &self.observed.target.region);
        format!("gcloud compute routers list --regions={region} --project={}", network.project)
    }

    pub(super) fn router_evidence(&self, router: &str) -> String {
        let (network, region) = (&self.observed.network_name, &self.observed.target.region);
        format!("gcloud compute routers get-status {router} --region={region} --project={}", network.project)
    }

    pub(super) fn router_resource(&self, router: &str) -> String {
        let (network, region) = (&self.observed.network_name, &self.observed.target.region);
        format!("projects/{}/regions/{region}/routers/{router}", network.project)
    }

    pub(super) fn firewall_evidence(&self) -> String {
        let (network, region) = (&self.observed.network_name, &self.observed.target.region);
        format!(
            "gcloud compute network-firewall-policies get-effective-firewalls --network={} --region={region} --project={}",
            network.name, network.project
        )
    }
}
