//! The kinds there are, one file each.

use super::kind::Kind;

pub mod addresses;
pub mod alert_policies;
pub mod connectors;
pub mod dashboards;
pub mod firewalls;
pub mod functions;
pub mod instances;
pub mod internal_ranges;
pub mod jobs;
pub mod log_metrics;
mod nats;
pub mod networks;
pub mod org_policies;
pub mod policies;
pub mod repositories;
pub mod revisions;
pub mod roles;
pub mod routers;
pub mod routes;
pub mod scheduler_jobs;
pub mod secrets;
pub mod service_accounts;
pub mod services;
pub mod sinks;
pub mod subnetworks;
pub mod subscriptions;
pub mod topics;
pub mod versions;
pub mod worker_pools;
mod workload;

pub static ALL: [&Kind; 34] = [
    &networks::KIND,
    &subnetworks::KIND,
    &routers::KIND,
    &firewalls::KIND,
    &routes::KIND,
    &addresses::GLOBAL,
    &addresses::REGIONAL,
    &policies::HIERARCHICAL,
    &policies::GLOBAL,
    &policies::REGIONAL,
    &connectors::KIND,
    &jobs::KIND,
    &services::KIND,
    &worker_pools::KIND,
    &revisions::KIND,
    &instances::KIND,
    &topics::KIND,
    &subscriptions::KIND,
    &sinks::KIND,
    &org_policies::KIND,
    &internal_ranges::KIND,
    &log_metrics::KIND,
    &service_accounts::KIND,
    &roles::KIND,
    &repositories::KIND,
    &secrets::KIND,
    &secrets::VERSIONS,
    &scheduler_jobs::KIND,
    &alert_policies::KIND,
    &dashboards::KIND,
    &functions::KIND,
    &versions::APP,
    &versions::SERVICE,
    &versions::KIND,
];
