//! The methods whose audit entries can mean that an egress path changed: one table, from which entries are classified
//! and the log sink's filter is written.
//!
//! <https://cloud.google.com/run/docs/audit-logging>,
//! <https://cloud.google.com/functions/1stgendocs/monitoring/audit-logging>,
//! <https://cloud.google.com/appengine/docs/admin-api/audit-logging>, <https://cloud.google.com/vpc/docs/audit-logging>,
//! <https://cloud.google.com/compute/docs/logging/audit-logging>,
//! <https://cloud.google.com/service-usage/docs/audit-logging>,
//! <https://cloud.google.com/resource-manager/docs/audit-logging>,
//! <https://cloud.google.com/resource-manager/docs/organization-policy/audit-logging>,
//! <https://cloud.google.com/iam/docs/audit-logging>

use super::entry::LogKind;

/// A Google API that writes audit entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Run,
    Functions,
    AppEngine,
    VpcAccess,
    Compute,
    ServiceUsage,
    ResourceManager,
    OrgPolicy,
    Iam,
}

/// What place a method's entries name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A region of a project.
    Region,
    /// The region of a project's app where the entry has it, or all of the project.
    App,
    /// The network in the entry, or all of the project where the entry has none.
    Network,
    Project,
    /// As for a network; in the log of a folder or an organization, every project.
    Below,
}

/// Methods of one collection that are treated alike.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub service: Service,
    /// What the normalised method starts with, up to and with the last dot.
    pub collection: &'static str,
    pub verbs: &'static [&'static str],
    pub logs: &'static [LogKind],
    pub names: Names,
    /// Whether the change is one of rights alone: it counts only where something was refused before.
    pub grants: bool,
    /// Whether the entry of an operation's start counts: only where it is unknown which methods write two entries.
    pub from_start: bool,
}

const ADMIN: &[LogKind] = &[LogKind::Activity];
/// A deploy is two entries: the call, and seconds later the outcome, as a system event.
const ADMIN_AND_OUTCOME: &[LogKind] = &[LogKind::Activity, LogKind::SystemEvent];
const POLICY_VERBS: &[&str] = &[
    "insert",
    "patch",
    "delete",
    "addRule",
    "patchRule",
    "removeRule",
    "addAssociation",
    "patchAssociation",
    "removeAssociation",
    "cloneRules",
];

/// Roles for principals, and organization policies by version 1 of their API.
const RIGHTS: &[&str] = &["SetIamPolicy", "SetOrgPolicy", "ClearOrgPolicy"];

/// Every method that counts.
pub static METHODS: &[Row] = &[
    workload("Jobs.", &["CreateJob", "UpdateJob", "ReplaceJob", "DeleteJob"]),
    workload("Services.", &["CreateService", "UpdateService", "ReplaceService", "DeleteService"]),
    workload("WorkerPools.", &["CreateWorkerPool", "UpdateWorkerPool", "ReplaceWorkerPool", "DeleteWorkerPool"]),
    workload("Instances.", &["CreateInstance", "UpdateInstance", "ReplaceInstance", "DeleteInstance", "StartInstance"]),
    row(
        Service::Functions,
        "CloudFunctionsService.",
        &["CreateFunction", "UpdateFunction", "DeleteFunction"],
        Names::Region,
    ),
    row(Service::AppEngine, "Versions.", &["CreateVersion", "UpdateVersion", "DeleteVersion"], Names::App),
    row(Service::AppEngine, "Services.", &["UpdateService", "DeleteService"], Names::App),
    row(Service::VpcAccess, "", &["CreateConnector", "UpdateConnector", "DeleteConnector"], Names::Region),
    compute(
        "subnetworks.",
        &["insert", "patch", "delete", "expandIpCidrRange", "setPrivateIpGoogleAccess"],
        Names::Region,
    ),
    compute("routers.", &["insert", "patch", "update", "delete"], Names::Region),
    compute("addresses.", &["insert", "delete", "move"], Names::Region),
    compute("firewalls.", &["insert", "patch", "update", "delete"], Names::Network),
    compute(
        "networks.",
        &["insert", "patch", "delete", "addPeering", "updatePeering", "removePeering", "switchToCustomMode"],
        Names::Network,
    ),
    compute("routes.", &["insert", "delete"], Names::Network),
    compute("globalAddresses.", &["insert", "delete", "move"], Names::Network),
    compute("firewallPolicies.", POLICY_VERBS, Names::Below),
    compute("networkFirewallPolicies.", POLICY_VERBS, Names::Network),
    compute("regionNetworkFirewallPolicies.", POLICY_VERBS, Names::Network),
    row(Service::ServiceUsage, "", &["EnableService", "DisableService", "BatchEnableServices"], Names::Project),
    grants(Service::Compute, "subnetworks.", &["setIamPolicy"], Names::Project),
    grants(Service::ResourceManager, "", RIGHTS, Names::Below),
    grants(Service::ResourceManager, "Projects.", RIGHTS, Names::Below),
    grants(Service::ResourceManager, "Folders.", RIGHTS, Names::Below),
    grants(Service::ResourceManager, "Organizations.", RIGHTS, Names::Below),
    grants(
        Service::OrgPolicy,
        "",
        &[
            "CreatePolicy",
            "UpdatePolicy",
            "DeletePolicy",
            "CreateCustomConstraint",
            "UpdateCustomConstraint",
            "DeleteCustomConstraint",
        ],
        Names::Below,
    ),
    grants(Service::Iam, "", &["CreateRole", "UpdateRole", "UndeleteRole"], Names::Below),
];

const fn row(service: Service, collection: &'static str, verbs: &'static [&'static str], names: Names) -> Row {
    Row { service, collection, verbs, logs: ADMIN, names, grants: false, from_start: false }
}

const fn grants(service: Service, collection: &'static str, verbs: &'static [&'static str], names: Names) -> Row {
    Row { grants: true, ..row(service, collection, verbs, names) }
}

const fn compute(collection: &'static str, verbs: &'static [&'static str], names: Names) -> Row {
    row(Service::Compute, collection, verbs, names)
}

const fn workload(collection: &'static str, verbs: &'static [&'static str]) -> Row {
    let row = row(Service::Run, collection, verbs, Names::Region);
    Row { logs: ADMIN_AND_OUTCOME, from_start: true, ..row }
}

impl Service {
    pub const ALL: [Service; 9] = [
        Self::Run,
        Self::Functions,
        Self::AppEngine,
        Self::VpcAccess,
        Self::Compute,
        Self::ServiceUsage,
        Self::ResourceManager,
        Self::OrgPolicy,
        Self::Iam,
    ];

    /// `protoPayload.serviceName` of its entries.
    pub fn host(self) -> &'static str {
        match self {
            Self::Run => "run.googleapis.com",
            Self::Functions => "cloudfunctions.googleapis.com",
            Self::AppEngine => "appengine.googleapis.com",
            Self::VpcAccess => "vpcaccess.googleapis.com",
            Self::Compute => "compute.googleapis.com",
            Self::ServiceUsage => "serviceusage.googleapis.com",
            Self::ResourceManager => "cloudresourcemanager.googleapis.com",
            Self::OrgPolicy => "orgpolicy.googleapis.com",
            Self::Iam => "iam.googleapis.com",
        }
    }

    /// What stands before the normalised method; `*` is one version.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["google.cloud.run.*.", "/"],
            // Functions of the second generation are services of Cloud Run, whose entries come too.
            Self::Functions => &["google.cloud.functions.*."],
            Self::AppEngine => &["google.appengine.*."],
            Self::VpcAccess => &["google.cloud.vpcaccess.*.VpcAccessService."],
            Self::Compute => &["v1.compute.", "beta.compute.", "alpha.compute.", "compute."],
            Self::ServiceUsage => &["google.api.serviceusage.*.ServiceUsage."],
            // Version 1 writes the bare verb.
            Self::ResourceManager => &["google.cloud.resourcemanager.*.", ""],
            Self::OrgPolicy => &["google.cloud.orgpolicy.*.OrgPolicy."],
            Self::Iam => &["google.iam.admin.*."],
        }
    }

    /// The prefixes with each version that Google is known to write in place of `*`. Entries of other versions count
    /// too; only who must name a method whole needs these.
    pub fn full_prefixes(self) -> impl Iterator<Item = String> {
        let versions: &[&str] = match self {
            Self::Run => &["v1", "v2"],
            Self::Functions => &["v1"],
            Self::AppEngine => &["v1", "v1beta"],
            Self::VpcAccess => &["v1", "v1beta1", "v1alpha1"],
            Self::ServiceUsage => &["v1", "v1beta1"],
            Self::ResourceManager => &["v1", "v3"],
            Self::OrgPolicy => &["v2"],
            Self::Iam => &["v1"],
            Self::Compute => &[],
        };
        self.prefixes().iter().flat_map(move |prefix| match prefix.contains('*') {
            true => versions.iter().map(|version| prefix.replace('*', version)).collect(),
            false => vec![(*prefix).to_owned()],
        })
    }

    /// Whether its entries can tell of a deploy that names a connector.
    pub fn deploys(self) -> bool {
        matches!(self, Self::Run | Self::Functions | Self::AppEngine)
    }

    pub fn of(host: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.host() == host)
    }

    /// The method without API version: `Jobs.CreateJob`, `CreateConnector`, `firewalls.insert`.
    pub fn normalise(self, method: &str) -> Option<&str> {
        self.prefixes().iter().find_map(|prefix| strip(method, prefix))
    }
}

/// The row of a normalised method.
pub fn find(service: Service, method: &str) -> Option<&'static Row> {
    METHODS.iter().find(|row| {
        row.service == service && method.strip_prefix(row.collection).is_some_and(|verb| row.verbs.contains(&verb))
    })
}

fn strip<'a>(method: &'a str, prefix: &str) -> Option<&'a str> {
    let Some((before, after)) = prefix.split_once('*') else { return method.strip_prefix(prefix) };
    let rest = method.strip_prefix(before)?;
    rest.get(rest.find('.')?..)?.strip_prefix(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_every_family() {
        use Names::*;
        let cases: &[(&str, &str, Option<Names>)] = &[
            ("run", "google.cloud.run.v1.Jobs.ReplaceJob", Some(Region)),
            ("run", "google.cloud.run.v2.Jobs.CreateJob", Some(Region)),
            ("run", "google.cloud.run.v2.WorkerPools.DeleteWorkerPool", Some(Region)),
            ("run", "/Services.UpdateService", Some(Region)),
            ("run", "/Jobs.RunJob", None),
            ("run", "google.cloud.run.v1.Services.SetIamPolicy", None),
            ("run", "google.cloud.run.Jobs.CreateJob", None),
            ("run", "Jobs.CreateJob", None),
            ("vpcaccess", "google.cloud.vpcaccess.v1.VpcAccessService.CreateConnector", Some(Region)),
            ("vpcaccess", "google.cloud.vpcaccess.v1alpha1.VpcAccessService.DeleteConnector", Some(Region)),
            ("vpcaccess", "google.cloud.vpcaccess.v1beta1.VpcAccessService.ListConnectors", None),
            ("compute", "v1.compute.firewalls.insert", Some(Network)),
            ("compute", "beta.compute.routers.patch", Some(Region)),
            ("compute", "alpha.compute.regionNetworkFirewallPolicies.addRule", Some(Network)),
            ("compute", "compute.routes.delete", Some(Network)),
            ("compute", "v1.compute.globalAddresses.insert", Some(Network)),
            ("compute", "v1.compute.addresses.delete", Some(Region)),
            ("compute", "v1.compute.firewalls.insert.more", None),
            ("compute", "v1.compute.instances.insert", None),
            ("compute", "google.cloud.run.v2.Jobs.CreateJob", None),
            ("serviceusage", "google.api.serviceusage.v1beta1.ServiceUsage.DisableService", Some(Project)),
            ("cloudresourcemanager", "SetIamPolicy", Some(Below)),
            ("cloudresourcemanager", "google.cloud.resourcemanager.v3.Projects.SetIamPolicy", Some(Below)),
            ("cloudresourcemanager", "SetOrgPolicy", Some(Below)),
            ("cloudresourcemanager", "UpdateProject", None),
            ("orgpolicy", "google.cloud.orgpolicy.v2.OrgPolicy.UpdatePolicy", Some(Below)),
            ("orgpolicy", "google.cloud.orgpolicy.v2.OrgPolicy.GetPolicy", None),
            ("iam", "google.iam.admin.v1.UpdateRole", Some(Below)),
            ("iam", "google.iam.admin.v1.CreateServiceAccountKey", None),
            ("compute", "v1.compute.subnetworks.setIamPolicy", Some(Project)),
            ("compute", "v1.compute.firewallPolicies.addRule", Some(Below)),
            ("cloudfunctions", "google.cloud.functions.v1.CloudFunctionsService.UpdateFunction", Some(Region)),
            ("cloudfunctions", "google.cloud.functions.v1.CloudFunctionsService.CallFunction", None),
            ("cloudfunctions", "google.cloud.functions.v2.FunctionService.CreateFunction", None),
            ("appengine", "google.appengine.v1.Versions.CreateVersion", Some(App)),
            ("appengine", "google.appengine.v1beta.Services.UpdateService", Some(App)),
            ("appengine", "google.appengine.v1.Instances.DeleteInstance", None),
            ("storage", "storage.buckets.create", None),
        ];
        for (api, method, expected) in cases {
            let service = Service::of(&format!("{api}.googleapis.com"));
            let row = service.and_then(|service| find(service, service.normalise(method)?));
            assert_eq!(row.map(|row| row.names), *expected, "{method}");
        }
    }
}
