//! Identity and Access Management.

pub mod policy;
pub mod roles;
pub mod service_accounts;
