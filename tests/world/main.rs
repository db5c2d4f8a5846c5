//! The whole program against the simulated cloud, in process.

mod cases;
mod lab;
mod oracle;
mod story;
