//! Google's services, one folder each: how a service answers, and beside it one file for each kind of its resources.
//!
//! Adding a kind of resource:
//!
//! 1. its file beside those of its service: the row ([`Kind`](crate::sim::store::kind::Kind)), the table of its fields, and
//!    its rules where Google checks or fills in more than the table says;
//! 2. the `mod` line of that file;
//! 3. its row in [`KINDS`], below: without it the compiler reports the row as unused;
//! 4. if its service is new, that service's row in [`Service::ALL`](crate::sim::api::service::Service).
//!
//! URLs, validation, reads, lists, world files and the audit log follow from the row. A service whose resources change
//! without an operation needs no code of its own ([`shared::flat`]).
//!
//! A service simulates what our client calls and what the commands that we print call, and no more.

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
pub mod sqladmin;
pub mod vpcaccess;

use crate::sim::store::kind::Kinds;

/// Every kind of resource.
pub const KINDS: Kinds = Kinds(&[
    &compute::networks::KIND,
    &compute::subnetworks::KIND,
    &compute::routers::KIND,
    &compute::firewalls::KIND,
    &compute::routes::KIND,
    &compute::instances::KIND,
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
    &run::executions::KIND,
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
    &monitoring::time_series::KIND,
    &functions::KIND,
    &sqladmin::KIND,
    &appengine::APP,
    &appengine::SERVICE,
    &appengine::KIND,
]);
