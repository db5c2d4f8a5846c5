//! The whole program against the simulated cloud, in process.

mod break_glass;
mod case_file;
mod cases;
mod clinic;
mod cuts;
mod doctor;
mod elsewhere;
mod examples;
mod explain;
mod export;
mod instances;
mod keys;
mod lab;
mod lifetimes;
mod lost;
mod oracle;
mod overload;
mod pace;
mod preset;
mod privilege;
mod races;
mod refused;
mod release;
mod rounds;
mod shared;
mod snapshot;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod teams;
mod unreferenced;
mod wishes;
