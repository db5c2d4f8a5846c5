//! Cloud Monitoring.

pub mod alert_policies;
pub mod dashboards;
pub mod time_series;
