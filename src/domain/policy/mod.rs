//! The policy: what a platform team allows us to see, to want and to write.
//!
//! One YAML file. Every key but `version`, `owner`, `mode`, `scope.projects`, `network.name` and `connector.subnet_pools`
//! has a default; unknown keys are errors that name the nearest known one.

mod check;
mod document;
pub mod pattern;
mod range;
mod read;
mod sections;

#[cfg(test)]
mod tests;

pub use self::{
    document::*,
    read::{PolicyError, example, read, schema},
    sections::*,
};
