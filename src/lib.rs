//! egress-reconciler keeps the egress path of Cloud Run: connector, subnet, Cloud NAT and a scoped firewall.
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod domain;
pub mod google;
pub mod reconcile;
pub mod sim;
pub mod web;
