//! Against what Google ships: a tool that is missing is a failure. Run by `.ci/run`, or with
//! `IMAGE_ROOT=FOLDER cargo test --features real-clients --test real`, after `.ci/image FOLDER`.
//!
//! No test relies on a client being slower, or faster, than the simulated operations: it moves the simulated clock, or
//! waits, bounded, for what it asserts. `SIM_TIMES=0`, or `SIM_TIMES=3`, before that command multiplies how long operations,
//! settling and lag take; the tests hold with either.

mod audit;
mod doctor;
mod emulator;
mod evidence;
mod gcloud;
mod google;
mod image;
mod install;
mod installed;
#[path = "../world/lab.rs"]
#[allow(dead_code, reason = "reports need a part of it")]
mod lab;
mod pages;
mod printed;
mod python;
mod reports;
mod rust;
mod script;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
