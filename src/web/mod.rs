//! The HTTP door.

pub mod delivery;
