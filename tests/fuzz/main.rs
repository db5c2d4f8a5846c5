//! Targets for chance: whatever comes in, nothing panics, and what is accepted keeps its promises.
//!
//! `cargo test` tries a few hundred of each, `.ci/run` sets `PROPTEST_CASES` for more. What was found once stands in
//! `proptest-regressions` and is tried first.

mod corpus;
mod deliveries;
mod mutation;
mod names;
mod policies;
