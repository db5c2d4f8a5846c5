//! Behavior that several services share.

pub mod address_space;
pub mod flat;
pub mod locations;
pub mod lro;
