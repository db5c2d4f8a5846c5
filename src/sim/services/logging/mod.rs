//! Cloud Logging.

pub mod log_metrics;
pub mod requests;
pub mod sinks;
