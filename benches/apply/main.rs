//! How fast the work is done: `apply` beside a script of gcloud commands, and an event's repair beside Cloud Custodian's, each
//! pair on the same simulated Google in the same run.
//!
//! ```sh
//! cargo bench --bench apply
//! ```
//!
//! Prints one JSON line for each figure, then a table. A figure that misses its target fails nothing, since timings
//! depend on the machine; work that is not done does. `gcloud` is needed. Cloud Custodian is installed from PyPI into
//! `target/custodian`; where that fails, its figures are left out, and a line says so.

mod cloud;
mod custodian;
mod events;
#[path = "../support/figures.rs"]
mod figures;
mod script;

use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (latency, calls) = runtime.block_on(events::measure())?;
    figures::print(&[latency, calls], "Cloud Custodian");
    figures::print(&script::measure()?, "gcloud");
    Ok(())
}
