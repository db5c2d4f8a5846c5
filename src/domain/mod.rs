//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.
//!
//! An entry becomes a [`event::Disposition`]; what was seen ([`state`]) and the [`policy`] give what is [`desired`]; the
//! difference is a [`plan`]; what was done is a [`report`]. Whether it is installed right is the [`doctor`]'s. Every sentence
//! that a person reads stands in [`text`].

pub mod cause;
pub mod denial;
pub mod desired;
pub mod doctor;
pub mod entry;
pub mod event;
pub mod explain;
pub mod fields;
pub mod google_apis;
mod locate;
pub mod merge;
pub mod method;
pub mod names;
pub mod owned;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod proof;
pub mod reach;
pub mod reasons;
pub mod refused;
pub mod report;
pub mod rules;
pub mod scope;
pub mod signal;
pub mod sink;
pub mod space;
pub mod stamp;
pub mod state;
pub mod target;
pub mod text;
pub mod wanted;
pub mod ways;

/// What a document leaves out.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
