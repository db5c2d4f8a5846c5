//! The policy: what a platform team allows us to see, to want and to write.
//!
//! One YAML file. Every key but `version`, `owner`, `mode`, `scope.projects`, `network.name` and `connector.subnet_pools`
//! has a default; unknown keys are errors that name the nearest known one. A file is read three times: as it is written, with
//! places (`tree`); in the shape of the schema (`shape`, `leaf`); and as a whole that holds together (`check`, `warn`). Every
//! fault of all three is told in one run.

mod check;
mod document;
mod fault;
mod leaf;
pub mod pattern;
mod range;
mod read;
mod regions;
mod sections;
mod settings;
mod shape;
mod tree;
mod warn;

#[cfg(test)]
mod tests;

pub use self::{
    document::*,
    fault::{Fault, Place, PolicyError, Severity},
    read::{Examined, examine, example, read, schema},
    sections::*,
    settings::{Met, Setting, differences, flow},
};
