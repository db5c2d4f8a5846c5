//! Conventions that Google's APIs share: errors, names, links, tables of fields, permissions.

pub mod cidr;
pub mod errors;
pub mod fields;
pub mod filter;
pub mod fingerprint;
pub mod glob;
pub mod links;
pub mod names;
pub mod permissions;
pub mod service;
