//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.
//!
//! An entry becomes a [`event::Disposition`]; what was seen ([`state`]) and the [`policy`] give what is [`desired`]; the
//! difference is a [`plan`]; what was done is a [`report`]. Whether it is installed right is the [`doctor`]'s. Every sentence
//! that a person reads stands in [`text`].

pub mod address_space;
pub mod audit;
pub mod cause;
pub mod demand;
pub mod denial;
pub mod doctor;
pub mod explain;
pub mod fields;
pub mod firewall;
pub mod merge;
pub mod names;
pub mod ownership;
pub mod permissions;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod ports;
pub mod report;
pub mod requirement;
pub mod stamp;
pub mod state;
pub mod target;
pub mod text;
pub mod ways;

/// What a document leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
