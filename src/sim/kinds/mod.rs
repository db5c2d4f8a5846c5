//! The kinds there are, one file each.

use super::kind::Kind;

pub mod addresses;
pub mod connectors;
pub mod firewalls;
pub mod jobs;
mod nats;
pub mod networks;
pub mod policies;
pub mod routers;
pub mod routes;
pub mod services;
pub mod subnetworks;
pub mod worker_pools;
mod workload;

pub static ALL: [&Kind; 14] = [
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
];
