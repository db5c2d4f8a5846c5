//! Cloud Monitoring.

pub mod alert_policies;
pub mod dashboards;
