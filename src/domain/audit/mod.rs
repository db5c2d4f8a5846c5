//! What an audit log entry says: whether it counts, where to look, and what a refused deploy wanted.

pub mod classify;
pub mod entry;
mod locate;
pub mod log_filter;
pub mod method;
pub mod reasons;
pub mod scope;
pub mod signal;
pub mod wanted;
