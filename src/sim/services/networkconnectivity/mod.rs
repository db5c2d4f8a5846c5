//! Network Connectivity.

pub mod internal_ranges;
pub mod policy_routes;
