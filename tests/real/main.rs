//! Against what Google ships: a tool that is missing is a failure. Run by `.ci/run`, or with
//! `cargo test --features real-clients --test real`.

mod audit;
mod doctor;
mod emulator;
mod gcloud;
mod google;
mod install;
mod installed;
mod python;
mod rust;
mod script;
