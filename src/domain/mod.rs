//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.

pub mod names;
pub mod target;
