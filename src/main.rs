#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    egress_reconciler::cli::run(std::env::args_os())
}
