//! Pure decisions: no I/O, no clock (`now` is always an argument), nothing of the other rooms.
//!
//! An entry becomes an [`audit::classify::Disposition`]; what was seen ([`state`]) and the [`policy`] give the [`demand`];
//! from these the [`planner`] makes a [`plan`]; what was done is a [`report`]. [`doctor`] checks the installation. Every
//! sentence for people is in [`text`]. The modules lie on floors, from names up to [`planner`] and [`explain`]:
//! `tests/layers.rs` lists them, and no module uses one above it.

pub mod address_space;
pub mod audit;
pub mod cause;
pub mod codes;
pub mod demand;
pub mod denial;
pub mod design;
pub mod doctor;
pub mod explain;
pub mod fields;
pub mod firewall;
pub mod merge;
pub mod names;
pub mod object_id;
pub mod ownership;
pub mod permissions;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod policy_diff;
pub mod ports;
pub mod report;
pub mod reviewed;
pub mod stamp;
pub mod state;
pub mod summary;
pub mod target;
pub mod text;
pub mod ways;
