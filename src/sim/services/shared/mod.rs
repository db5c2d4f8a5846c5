//! What several services do alike.

pub mod flat;
pub mod locations;
pub mod lro;
