//! The gcloud command that shows what a hop says.

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    names::ConnectorRef,
    state::workload::{Workload, WorkloadKind},
    target::{Target, subnet_path},
};

impl Scene<'_> {
    /// The first hop.
    pub(super) fn workload(&self, workload: &Workload, state: HopState, text: String) -> Hop {
        let (resource, command) = shown(workload, &self.observed.target);
        Hop::new(HopKind::Workload, &workload.name, state, text).resource(resource).evidence(command)
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

/// The relative name of a workload, and the command that shows its network.
fn shown(workload: &Workload, target: &Target) -> (String, String) {
    let Target { project, region } = target;
    let name = &workload.name;
    let here = |command: String| format!("gcloud {command} --region={region} --project={project}");
    let of_revision = |collection: &str, group: &str, revision: &str| {
        let resource = format!("{target}/{collection}/{name}/revisions/{revision}");
        (resource, here(format!("{group} revisions describe {revision}")))
    };
    let own = |collection: &str, command: &str| {
        (format!("{target}/{collection}/{name}"), here(format!("{command} describe {name}")))
    };
    match (workload.kind, &workload.revision) {
        (WorkloadKind::Service, Some(revision)) => of_revision("services", "run", revision),
        (WorkloadKind::WorkerPool, Some(revision)) => of_revision("workerPools", "beta run worker-pools", revision),
        (WorkloadKind::Job, _) => own("jobs", "run jobs"),
        (WorkloadKind::Service, None) => own("services", "run services"),
        (WorkloadKind::WorkerPool, None) => own("workerPools", "beta run worker-pools"),
        // One of several, whose names say nothing of the job.
        (WorkloadKind::Execution, _) => {
            (format!("{target}/jobs/{name}"), here(format!("run jobs executions list --job={name}")))
        }
        // gcloud has no command for it.
        (WorkloadKind::Instance, _) => {
            let resource = format!("{target}/instances/{name}");
            let token = "Authorization: Bearer $(gcloud auth print-access-token)";
            let command = format!("curl -H \"{token}\" https://run.googleapis.com/v2/{resource}");
            (resource, command)
        }
        (WorkloadKind::Function, _) => {
            (format!("{target}/functions/{name}"), here(format!("functions describe {name} --no-gen2")))
        }
        (WorkloadKind::Version, _) => {
            let (service, version) = name.split_once('/').unwrap_or(("default", name));
            let command = format!("gcloud app versions describe {version} --service={service} --project={project}");
            (format!("apps/{project}/services/{service}/versions/{version}"), command)
        }
        (WorkloadKind::Project, _) => (format!("projects/{name}"), format!("gcloud projects describe {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_resource_and_its_command() {
        let target: Target = Target {
            project: "demo-project".to_owned().try_into().unwrap(),
            region: "europe-west2".to_owned().try_into().unwrap(),
        };
        let place = "--region=europe-west2 --project=demo-project";
        let cases = [
            (WorkloadKind::Job, "a", None, "jobs/a", "run jobs describe a"),
            (WorkloadKind::Service, "a", None, "services/a", "run services describe a"),
            (WorkloadKind::Service, "a", Some("a-1"), "services/a/revisions/a-1", "run revisions describe a-1"),
            (WorkloadKind::WorkerPool, "a", None, "workerPools/a", "beta run worker-pools describe a"),
            (
                WorkloadKind::WorkerPool,
                "a",
                Some("a-1"),
                "workerPools/a/revisions/a-1",
                "beta run worker-pools revisions describe a-1",
            ),
            (WorkloadKind::Execution, "a", None, "jobs/a", "run jobs executions list --job=a"),
            (WorkloadKind::Function, "a", None, "functions/a", "functions describe a --no-gen2"),
        ];
        for (kind, name, revision, resource, command) in cases {
            let workload = Workload {
                revision: revision.map(str::to_owned),
                ..Workload::by_connector(kind, name, "conn", "ALL_TRAFFIC")
            };
            let expected = (format!("{target}/{resource}"), format!("gcloud {command} {place}"));
            assert_eq!(shown(&workload, &target), expected, "{kind:?}");
        }
        let version = Workload::by_connector(WorkloadKind::Version, "web/v1", "conn", "");
        let (resource, command) = shown(&version, &target);
        assert_eq!(resource, "apps/demo-project/services/web/versions/v1");
        assert_eq!(command, "gcloud app versions describe v1 --service=web --project=demo-project");
    }
}
