//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.

pub mod entry;
pub mod event;
pub mod fields;
mod locate;
pub mod method;
pub mod names;
pub mod reasons;
pub mod scope;
pub mod signal;
pub mod target;
pub mod wanted;
