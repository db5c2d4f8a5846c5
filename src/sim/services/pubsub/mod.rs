//! Pub/Sub.

pub mod delivery;
pub mod publisher;
pub mod subscriptions;
pub mod topics;
