#![forbid(unsafe_code)]

pub mod domain;
pub mod google;
pub mod sim;
