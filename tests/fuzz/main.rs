//! Targets for chance: whatever comes in, nothing panics, and what is accepted keeps its promises.
//!
//! `cargo test` tries a few hundred of each, `.ci/run` sets `PROPTEST_CASES` for more.

mod corpus;
mod deliveries;
mod mutation;
mod names;
mod policies;
#[path = "../support/mod.rs"]
mod support;
