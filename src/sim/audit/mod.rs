//! Cloud Audit Logs.

pub mod change;
pub mod entries;
pub mod log;
