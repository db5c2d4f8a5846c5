//! The whole program against the simulated cloud, in process.

mod case_file;
mod cases;
mod elsewhere;
mod emergency;
mod explain;
mod keys;
mod lab;
mod oracle;
mod overload;
mod rounds;
mod story;
