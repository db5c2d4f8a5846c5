//! Secret Manager.

pub mod payloads;
pub mod secrets;
