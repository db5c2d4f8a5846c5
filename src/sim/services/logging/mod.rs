//! Cloud Logging.

pub mod log_metrics;
pub mod requests;
pub mod router;
pub mod sinks;
