//! The whole program against the simulated cloud, in process.

mod lab;
mod story;
