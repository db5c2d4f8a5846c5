//! What the service asks of IAM, and what each permission is for: the shipped roles, as data.
//! <https://cloud.google.com/iam/docs/permissions-reference>

use self::{Place::*, Role::*};

/// One permission of a shipped role.
#[derive(Debug, PartialEq, Eq)]
pub struct Permission {
    pub name: &'static str,
    pub role: Role,
    pub place: Place,
    /// Without it the service cannot …
    pub what: &'static str,
}

/// The shipped roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Needed to look, under every mode.
    Look,
    /// In the same role: needed to write.
    Write,
    /// Only with `network.create`.
    Network,
    /// Only to delete what the policy no longer asks for.
    Deletions,
}

/// In which project it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// That of workloads and connectors.
    Connectors,
    /// That of the network: the same, or a Shared VPC host.
    Networks,
    Both,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Look, Self::Write, Self::Network, Self::Deletions];

    /// The custom role's id in each project.
    pub fn id(self) -> &'static str {
        match self {
            Self::Look | Self::Write => "egressReconciler",
            Self::Network => "egressReconcilerNetwork",
            Self::Deletions => "egressReconcilerDeletions",
        }
    }

    /// The command that gives it to the service's account.
    pub fn bind(self, project: &str) -> String {
        format!(
            "gcloud projects add-iam-policy-binding {project} --member=serviceAccount:SERVICE_ACCOUNT --role=projects/{project}/roles/{}",
            self.id()
        )
    }

    /// The file under `deploy/roles` that defines it.
    pub fn file(self) -> &'static str {
        match self {
            Self::Look | Self::Write => "egress-reconciler.yaml",
            Self::Network => "egress-reconciler-network.yaml",
            Self::Deletions => "egress-reconciler-deletions.yaml",
        }
    }
}

const fn ask(name: &'static str, role: Role, place: Place, what: &'static str) -> Permission {
    Permission { name, role, place, what }
}

pub static PERMISSIONS: &[Permission] = &[
    ask("run.jobs.list", Look, Connectors, "see which jobs use a connector"),
    ask("run.services.list", Look, Connectors, "see which services use a connector"),
    ask("run.workerpools.list", Look, Connectors, "see which worker pools use a connector"),
    ask("run.revisions.get", Look, Connectors, "see whether a revision that serves beside the newest uses a connector"),
    ask("run.instances.list", Look, Connectors, "see which instances use a connector"),
    ask("run.executions.list", Look, Connectors, "see which executions under way use a connector"),
    ask(
        "cloudfunctions.functions.list",
        Look,
        Connectors,
        "see which functions of the first generation use a connector",
    ),
    ask("appengine.applications.get", Look, Connectors, "see where App Engine runs"),
    ask("appengine.services.list", Look, Connectors, "see App Engine's services"),
    ask("appengine.versions.list", Look, Connectors, "see which App Engine versions use a connector"),
    ask("run.locations.list", Look, Connectors, "find the regions of `scope.regions: all`"),
    ask("vpcaccess.connectors.list", Look, Both, "see the connectors"),
    ask("vpcaccess.connectors.get", Look, Connectors, "see a connector that another project uses"),
    ask("vpcaccess.operations.list", Look, Connectors, "tell why a connector failed, and since when one is changing"),
    ask(
        "monitoring.timeSeries.list",
        Look,
        Connectors,
        "see whether a connector without users sends traffic, before it is removed",
    ),
    ask("compute.projects.get", Look, Connectors, "tell which project a number names"),
    ask("compute.networks.get", Look, Networks, "see the network"),
    ask("compute.subnetworks.list", Look, Networks, "see the subnets"),
    ask("compute.subnetworks.get", Look, Networks, "see how many addresses are free on a subnet of Direct VPC egress"),
    ask("compute.routers.list", Look, Networks, "see the NAT gateways"),
    ask("compute.firewalls.list", Look, Networks, "see the firewall rules"),
    ask("compute.networks.getRegionEffectiveFirewalls", Look, Networks, "see the effective firewall policies"),
    ask("compute.routes.list", Look, Networks, "see the routes"),
    ask("compute.globalAddresses.list", Look, Networks, "see the ranges that Private Service Access reserves"),
    ask("compute.networks.listPeeringRoutes", Look, Networks, "see which ranges peered networks use"),
    ask(
        "compute.routers.get",
        Look,
        Networks,
        "see learnt routes, the addresses NAT sends from, and our router right before it is changed",
    ),
    ask(
        "compute.addresses.list",
        Look,
        Networks,
        "see whether the static addresses of `nat.static_ips` exist and are free",
    ),
    ask(
        "networkconnectivity.policyBasedRoutes.list",
        Look,
        Networks,
        "see the policy-based routes, which go before all others",
    ),
    ask("compute.globalOperations.get", Write, Networks, "see the result of a write to a firewall rule or network"),
    ask("compute.regionOperations.get", Write, Networks, "see the result of a write to a subnet or router"),
    ask(
        "compute.regionOperations.list",
        Write,
        Networks,
        "tell whether another principal changed a router at the same time",
    ),
    ask("compute.subnetworks.create", Write, Networks, "create a connector's subnet"),
    ask("vpcaccess.connectors.create", Write, Connectors, "create a connector"),
    ask("vpcaccess.connectors.update", Write, Connectors, "let a connector grow"),
    ask("compute.routers.create", Write, Networks, "create Cloud NAT"),
    ask("compute.routers.update", Write, Networks, "put a subnet on our Cloud NAT's list"),
    ask("compute.subnetworks.use", Write, Networks, "put a subnet on our Cloud NAT's list"),
    ask("compute.addresses.use", Write, Networks, "give Cloud NAT its static addresses"),
    ask("compute.firewalls.create", Write, Networks, "create firewall rules"),
    ask("compute.firewalls.update", Write, Networks, "repair firewall rules"),
    ask("compute.networks.updatePolicy", Write, Networks, "write subnets, routers or firewall rules at all"),
    ask("compute.networks.create", Network, Networks, "create the network"),
    ask("compute.firewalls.delete", Deletions, Networks, "delete firewall rules of ours"),
    ask("compute.subnetworks.delete", Deletions, Networks, "delete subnets of ours"),
    ask("vpcaccess.connectors.delete", Deletions, Connectors, "replace or take away connectors of ours"),
];

/// The permission by its name, if a shipped role has it.
pub fn find(name: &str) -> Option<&'static Permission> {
    PERMISSIONS.iter().find(|permission| permission.name == name)
}

impl Permission {
    /// The command that mends its absence: the role as it is shipped, in the project that lacks it. The optional roles are most
    /// likely not there at all.
    pub fn fix(&self, project: &str) -> String {
        let (id, file) = (self.role.id(), self.role.file());
        match self.role {
            Role::Look | Role::Write => {
                format!("gcloud iam roles update {id} --project={project} --file=deploy/roles/{file}")
            }
            Role::Network | Role::Deletions => format!(
                "gcloud iam roles create {id} --project={project} --file=deploy/roles/{file} --quiet; {}",
                self.role.bind(project)
            ),
        }
    }

    /// Whether it is asked for in a project that holds connectors, the network, or both.
    pub fn is_for(&self, connectors: bool, network: bool) -> bool {
        match self.place {
            Connectors => connectors,
            Networks => network,
            Both => connectors || network,
        }
    }
}
