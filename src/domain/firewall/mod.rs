//! Firewall rules: the set that a policy asks for, and what rules and firewall policies let out.

pub mod google_apis;
pub mod proof;
pub mod reach;
pub mod rule_set;
