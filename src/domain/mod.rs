//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.

pub mod desired;
pub mod names;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod reach;
pub mod rules;
pub mod signal;
pub mod space;
pub mod stamp;
pub mod state;
pub mod target;
pub mod text;
