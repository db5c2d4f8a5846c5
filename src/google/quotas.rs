//! Google's quotas of calls per minute, as data, and the one that a call counts against.
//!
//! The figures are the defaults that Google's documents give; those of a project may be others, and a refusal names them
//! (`quota_limit_value`). A quota for which no document has a figure is `None`: its calls are held after a refusal, and
//! paced from the first refusal on that names the limit. So it is with Serverless VPC Access, Resource Manager,
//! Monitoring, Organization Policy, Pub/Sub's administrator operations, Network Connectivity, Cloud SQL and App Engine,
//! and with Compute Engine's heavy-weight reads and most of its regional metrics.
//!
//! - Compute Engine: <https://cloud.google.com/compute/docs/api-rate-limits>. Its editions until 2025 have 1,500 a minute
//!   for the four global metrics below; since then the page names the metrics and leaves the figures to the console.
//!   The figure for lists in a region stands in <https://cloud.google.com/network-connectivity/docs/router/quotas>.
//! - Cloud Run: <https://cloud.google.com/run/quotas>. The console of a new project may show less.
//! - Service Usage: <https://cloud.google.com/service-usage/docs/quotas>.
//! - Logging: <https://cloud.google.com/logging/quotas#api-limits>.
//! - Cloud Functions: <https://cloud.google.com/functions/quotas-1st-gen>: 5,000 reads in 100 s.
//!
//! **Who is charged** (<https://cloud.google.com/docs/quotas/quota-project>): for resource-based APIs the project that
//! has the resource, for client-based ones the project of the service account. Which an API is, Google does not list.
//! Pub/Sub is client-based by its own document (<https://cloud.google.com/pubsub/quotas#quota_usage_attribution>), and the
//! refusals of Resource Manager, Logging and Service Usage name the caller's project. The others are taken for
//! resource-based, as their quotas are those "per project and region".

use super::method::Api;

/// A quota of calls per minute.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Quota {
    /// Google's name of what is counted, such as `compute.googleapis.com/list_requests`.
    pub metric: &'static str,
    /// The default; `None` = no document has a figure.
    pub per_minute: Option<u32>,
    pub scope: Scope,
}

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Those for the resources of one project.
    Project,
    /// Those for the resources of one project in one region.
    Region,
    /// All of ours.
    Caller,
}

macro_rules! quotas {
    ($($name:ident $metric:literal $per_minute:expr, $scope:ident;)*) => {
        $(static $name: Quota = Quota { metric: $metric, per_minute: $per_minute, scope: Scope::$scope };)*
    };
}

quotas! {
    QUERIES "compute.googleapis.com/default" Some(1_500), Project;
    READS "compute.googleapis.com/read_requests" Some(1_500), Project;
    LISTS "compute.googleapis.com/list_requests" Some(1_500), Project;
    OPERATIONS "compute.googleapis.com/operation_read_requests" Some(1_500), Project;
    HEAVY "compute.googleapis.com/heavy_weight_read_requests" None, Project;
    REGION_QUERIES "compute.googleapis.com/default_per_region" None, Region;
    REGION_READS "compute.googleapis.com/read_requests_per_region" None, Region;
    REGION_LISTS "compute.googleapis.com/list_requests_per_region" Some(1_500), Region;
    REGION_OPERATIONS "compute.googleapis.com/operation_read_requests_per_region" None, Region;
    REGION_HEAVY "compute.googleapis.com/heavy_weight_read_requests_per_region" None, Region;
    RUN_READS "run.googleapis.com/read_regional" Some(3_000), Region;
    RUN_WRITES "run.googleapis.com/write_regional" Some(180), Region;
    ACCESS_READS "vpcaccess.googleapis.com/read_requests" None, Project;
    ACCESS_WRITES "vpcaccess.googleapis.com/write_requests" None, Project;
    USAGE_READS "serviceusage.googleapis.com/default_requests" Some(240), Caller;
    MANAGER_READS "cloudresourcemanager.googleapis.com/read_requests" None, Caller;
    LOGGING_READS "logging.googleapis.com/read_requests" Some(60), Caller;
    LOGGING_CONTROL "logging.googleapis.com/control_requests" None, Caller;
    PUBSUB "pubsub.googleapis.com/administrator" None, Caller;
    MONITORING "monitoring.googleapis.com/query_requests" None, Project;
    ORG_POLICY "orgpolicy.googleapis.com/default_requests" None, Project;
    CONNECTIVITY "networkconnectivity.googleapis.com/default_requests" None, Project;
    SQL "sqladmin.googleapis.com/default_requests" None, Project;
    APP_ENGINE "appengine.googleapis.com/default_requests" None, Project;
    FUNCTIONS "cloudfunctions.googleapis.com/read_requests" Some(3_000), Project;
}

impl Quota {
    /// The quota that a method counts against, by Google's `id` of it. `in_region` = its path names a region.
    pub fn of(api: Api, id: &str, in_region: bool) -> &'static Self {
        let (resource, verb) = id.rsplit_once('.').unwrap_or(("", id));
        match api {
            Api::Compute => Self::of_compute(resource, verb, in_region),
            Api::Run if reads(verb) => &RUN_READS,
            Api::Run => &RUN_WRITES,
            Api::VpcAccess if reads(verb) => &ACCESS_READS,
            Api::VpcAccess => &ACCESS_WRITES,
            Api::ServiceUsage => &USAGE_READS,
            Api::ResourceManager => &MANAGER_READS,
            Api::Logging if resource.ends_with("entries") => &LOGGING_READS,
            Api::Logging => &LOGGING_CONTROL,
            Api::PubSub => &PUBSUB,
            Api::Monitoring => &MONITORING,
            Api::OrgPolicy => &ORG_POLICY,
            Api::NetworkConnectivity => &CONNECTIVITY,
            Api::SqlAdmin => &SQL,
            Api::AppEngine => &APP_ENGINE,
            Api::Functions => &FUNCTIONS,
        }
    }

    fn of_compute(resource: &str, verb: &str, in_region: bool) -> &'static Self {
        let [global, regional] = match verb {
            "aggregatedList" | "wait" | "getEffectiveFirewalls" => [&HEAVY, &REGION_HEAVY],
            "get" if resource.ends_with("Operations") => [&OPERATIONS, &REGION_OPERATIONS],
            verb if verb.starts_with("list") => [&LISTS, &REGION_LISTS],
            verb if reads(verb) => [&READS, &REGION_READS],
            _ => [&QUERIES, &REGION_QUERIES],
        };
        if in_region { regional } else { global }
    }

    /// The host of the API, such as `compute.googleapis.com`.
    pub fn api(&self) -> &'static str {
        self.metric.split('/').next().unwrap_or(self.metric)
    }
}

fn reads(verb: &str) -> bool {
    verb.starts_with("get") || verb.starts_with("list") || matches!(verb, "testIamPermissions" | "batchGet")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Every method of this folder's files, and the metric of its calls; `_per_region` = its path names a region.
    const METHODS: &[(Api, &str, &str)] = &[
        (Api::Compute, "compute.addresses.list", "list_requests_per_region"),
        (Api::Compute, "compute.firewalls.delete", "default"),
        (Api::Compute, "compute.firewalls.insert", "default"),
        (Api::Compute, "compute.firewalls.list", "list_requests"),
        (Api::Compute, "compute.firewalls.patch", "default"),
        (Api::Compute, "compute.globalAddresses.list", "list_requests"),
        (Api::Compute, "compute.globalOperations.get", "operation_read_requests"),
        (Api::Compute, "compute.globalOperations.wait", "heavy_weight_read_requests"),
        (Api::Compute, "compute.networks.get", "read_requests"),
        (Api::Compute, "compute.networks.insert", "default"),
        (Api::Compute, "compute.networks.listPeeringRoutes", "list_requests"),
        (Api::Compute, "compute.projects.get", "read_requests"),
        (
            Api::Compute,
            "compute.regionNetworkFirewallPolicies.getEffectiveFirewalls",
            "heavy_weight_read_requests_per_region",
        ),
        (Api::Compute, "compute.regionOperations.get", "operation_read_requests_per_region"),
        (Api::Compute, "compute.regionOperations.list", "list_requests_per_region"),
        (Api::Compute, "compute.regionOperations.wait", "heavy_weight_read_requests_per_region"),
        (Api::Compute, "compute.regions.get", "read_requests_per_region"),
        (Api::Compute, "compute.routers.aggregatedList", "heavy_weight_read_requests"),
        (Api::Compute, "compute.routers.delete", "default_per_region"),
        (Api::Compute, "compute.routers.get", "read_requests_per_region"),
        (Api::Compute, "compute.routers.getRouterStatus", "read_requests_per_region"),
        (Api::Compute, "compute.routers.insert", "default_per_region"),
        (Api::Compute, "compute.routers.list", "list_requests_per_region"),
        (Api::Compute, "compute.routers.patch", "default_per_region"),
        (Api::Compute, "compute.routes.list", "list_requests"),
        (Api::Compute, "compute.subnetworks.aggregatedList", "heavy_weight_read_requests"),
        (Api::Compute, "compute.subnetworks.delete", "default_per_region"),
        (Api::Compute, "compute.subnetworks.get", "read_requests_per_region"),
        (Api::Compute, "compute.subnetworks.insert", "default_per_region"),
        (Api::Compute, "compute.subnetworks.list", "list_requests_per_region"),
        (Api::Compute, "compute.subnetworks.setPrivateIpGoogleAccess", "default_per_region"),
        (Api::AppEngine, "appengine.apps.get", "default_requests"),
        (Api::AppEngine, "appengine.apps.services.list", "default_requests"),
        (Api::AppEngine, "appengine.apps.services.versions.list", "default_requests"),
        (Api::Functions, "cloudfunctions.projects.locations.functions.list", "read_requests"),
        (Api::Logging, "logging.entries.list", "read_requests"),
        (Api::Logging, "logging.folders.sinks.get", "control_requests"),
        (Api::Logging, "logging.organizations.sinks.get", "control_requests"),
        (Api::Logging, "logging.projects.sinks.get", "control_requests"),
        (Api::Monitoring, "monitoring.projects.timeSeries.list", "query_requests"),
        (
            Api::NetworkConnectivity,
            "networkconnectivity.projects.locations.global.policyBasedRoutes.list",
            "default_requests",
        ),
        (Api::NetworkConnectivity, "networkconnectivity.projects.locations.internalRanges.list", "default_requests"),
        (Api::OrgPolicy, "orgpolicy.projects.policies.getEffectivePolicy", "default_requests"),
        (Api::PubSub, "pubsub.projects.subscriptions.create", "administrator"),
        (Api::PubSub, "pubsub.projects.subscriptions.delete", "administrator"),
        (Api::PubSub, "pubsub.projects.subscriptions.get", "administrator"),
        (Api::PubSub, "pubsub.projects.subscriptions.pull", "administrator"),
        (Api::PubSub, "pubsub.projects.topics.get", "administrator"),
        (Api::PubSub, "pubsub.projects.topics.getIamPolicy", "administrator"),
        (Api::PubSub, "pubsub.projects.topics.publish", "administrator"),
        (Api::PubSub, "pubsub.projects.topics.testIamPermissions", "administrator"),
        (Api::ResourceManager, "cloudresourcemanager.projects.get", "read_requests"),
        (Api::ResourceManager, "cloudresourcemanager.projects.getAncestry", "read_requests"),
        (Api::ResourceManager, "cloudresourcemanager.projects.getIamPolicy", "read_requests"),
        (Api::ResourceManager, "cloudresourcemanager.projects.testIamPermissions", "read_requests"),
        (Api::Run, "run.namespaces.jobs.list", "read_regional"),
        (Api::Run, "run.namespaces.services.list", "read_regional"),
        (Api::Run, "run.projects.locations.instances.list", "read_regional"),
        (Api::Run, "run.projects.locations.jobs.executions.list", "read_regional"),
        (Api::Run, "run.projects.locations.jobs.list", "read_regional"),
        (Api::Run, "run.projects.locations.list", "read_regional"),
        (Api::Run, "run.projects.locations.services.list", "read_regional"),
        (Api::Run, "run.projects.locations.services.revisions.get", "read_regional"),
        (Api::Run, "run.projects.locations.workerPools.list", "read_regional"),
        (Api::Run, "run.projects.locations.workerPools.revisions.get", "read_regional"),
        (Api::ServiceUsage, "serviceusage.services.batchGet", "default_requests"),
        (Api::SqlAdmin, "sql.instances.get", "default_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.connectors.create", "write_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.connectors.delete", "write_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.connectors.get", "read_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.connectors.list", "read_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.connectors.patch", "write_requests"),
        (Api::VpcAccess, "vpcaccess.projects.locations.operations.list", "read_requests"),
    ];

    #[test]
    fn every_method_counts_against_a_quota() {
        for (api, id, metric) in METHODS {
            let quota = Quota::of(*api, id, metric.ends_with("_per_region"));
            assert_eq!(quota.metric, format!("{}/{metric}", quota.api()), "{id}");
            let service = id.split('.').next().unwrap().replace("sql", "sqladmin");
            assert_eq!(quota.api(), format!("{service}.googleapis.com"), "{id}");
        }
    }

    /// The ids of methods in the sources beside this file.
    #[test]
    fn the_table_has_every_method() {
        let listed: BTreeSet<String> = METHODS.iter().map(|(_, id, _)| (*id).to_owned()).collect();
        let services: BTreeSet<&str> = METHODS.iter().filter_map(|(_, id, _)| id.split('.').next()).collect();
        let is_id = |word: &&str| {
            let (service, rest) = word.split_once('.').unwrap_or(("", ""));
            services.contains(service)
                && !rest.contains("googleapis")
                && rest.contains('.')
                && rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.')
        };
        let mut found = BTreeSet::new();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/google")).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() && !file.ends_with("quotas.rs") {
                let text = fs::read_to_string(&file).unwrap();
                let shipped = text.split("#[cfg(test)]").next().unwrap();
                let lines = shipped.lines().filter(|line| !line.trim_start().starts_with("//"));
                let words = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
                found.extend(words.filter(is_id).map(str::to_owned));
            }
        }
        assert_eq!(found, listed);
    }

    #[test]
    fn quotas_without_a_figure_are_known() {
        let all = METHODS.iter().map(|(api, id, metric)| Quota::of(*api, id, metric.ends_with("_per_region")));
        let paced: BTreeSet<_> = all.filter_map(|quota| Some((quota.metric, quota.per_minute?))).collect();
        let expected = [
            ("cloudfunctions.googleapis.com/read_requests", 3_000),
            ("compute.googleapis.com/default", 1_500),
            ("compute.googleapis.com/list_requests", 1_500),
            ("compute.googleapis.com/list_requests_per_region", 1_500),
            ("compute.googleapis.com/operation_read_requests", 1_500),
            ("compute.googleapis.com/read_requests", 1_500),
            ("logging.googleapis.com/read_requests", 60),
            ("run.googleapis.com/read_regional", 3_000),
            ("serviceusage.googleapis.com/default_requests", 240),
        ];
        assert_eq!(paced.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(Quota::of(Api::Run, "run.projects.locations.jobs.create", true).per_minute, Some(180));
    }
}
