//! Attacks on the doors, as tables: what is sent, what is answered, what it costs in calls to Google, and what the log says.

mod bodies;
mod connections;
mod google;
mod logs;
mod replays;
mod scope;
mod secrets;
mod service;
mod signer;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod wanted;
