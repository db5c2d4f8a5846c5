//! What stands in the cloud, in Google's own shapes. What is and what should be share one type.
//!
//! The structs name the fields that decisions need; `other` carries the rest, so that what Google adds survives
//! a write. An absent field and its empty value mean the same.

pub mod address;
pub mod connector;
pub mod effective;
pub mod egress;
pub mod firewall;
pub mod interface;
pub mod knative;
pub mod network;
pub mod observed;
pub mod operation;
pub mod others;
mod plain;
pub mod policy_route;
pub mod read;
pub mod refused_deploy;
pub mod requirement;
pub mod route;
pub mod router;
pub mod router_status;
pub mod subnet;
pub mod traffic;
pub mod utilization;
pub mod workload;

/// Fields of a document that no decision reads.
pub type Other = serde_json::Map<String, serde_json::Value>;

fn is_false(value: &bool) -> bool {
    !value
}
