//! The kinds there are, one file each.

pub mod appengine;
pub mod artifactregistry;
pub mod compute;
pub mod functions;
pub mod iam;
pub mod logging;
pub mod monitoring;
pub mod networkconnectivity;
pub mod orgpolicy;
pub mod projects;
pub mod pubsub;
pub mod run;
pub mod scheduler;
pub mod secretmanager;
pub mod shared;
pub mod vpcaccess;

use crate::sim::store::kind::Kind;

pub static ALL: [&Kind; 35] = [
    &compute::networks::KIND,
    &compute::subnetworks::KIND,
    &compute::routers::KIND,
    &compute::firewalls::KIND,
    &compute::routes::KIND,
    &compute::addresses::GLOBAL,
    &compute::addresses::REGIONAL,
    &compute::firewall_policies::HIERARCHICAL,
    &compute::firewall_policies::GLOBAL,
    &compute::firewall_policies::REGIONAL,
    &vpcaccess::connectors::KIND,
    &run::jobs::KIND,
    &run::services::KIND,
    &run::worker_pools::KIND,
    &run::revisions::KIND,
    &run::instances::KIND,
    &pubsub::topics::KIND,
    &pubsub::subscriptions::KIND,
    &logging::sinks::KIND,
    &orgpolicy::KIND,
    &networkconnectivity::internal_ranges::KIND,
    &networkconnectivity::policy_routes::KIND,
    &logging::log_metrics::KIND,
    &iam::service_accounts::KIND,
    &iam::roles::KIND,
    &artifactregistry::KIND,
    &secretmanager::secrets::KIND,
    &secretmanager::secrets::VERSIONS,
    &scheduler::KIND,
    &monitoring::alert_policies::KIND,
    &monitoring::dashboards::KIND,
    &functions::KIND,
    &appengine::APP,
    &appengine::SERVICE,
    &appengine::KIND,
];
