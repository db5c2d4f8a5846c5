//! What several services do alike.

pub mod address_space;
pub mod flat;
pub mod locations;
pub mod lro;
