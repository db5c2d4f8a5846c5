//! The command line: one file per command.
//!
//! `plan`, `apply` and `sweep` go the way of the service, through the same queue and the same engine, without its doors
//! (`session`); what they find is drawn by [`table`], which reads and prints nothing itself.

mod apply;
mod args;
mod completions;
mod consent;
mod demo;
mod doctor;
mod door;
pub mod exit;
mod explain;
mod export;
mod hints;
mod init;
mod order;
mod plan;
mod policy;
mod principal;
mod print;
mod progress;
mod rearm;
mod release;
mod serve;
mod session;
mod simulate;
mod sweep;
pub mod table;
#[cfg(test)]
mod tests;
mod wish;

use std::{ffi::OsString, process::ExitCode, sync::LazyLock};

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, builder::Resettable};

use self::exit::{Exit, Failure};

/// The version, and the commit it was built from where the build names one in `EGRESS_COMMIT`.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let commit = option_env!("EGRESS_COMMIT").filter(|commit| !commit.is_empty());
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    format!("{}{commit}", env!("CARGO_PKG_VERSION"))
});

const EXAMPLES: &str = "\
Examples:
  egress-reconciler policy example > policy.yaml
  egress-reconciler plan --policy policy.yaml --project demo-project --region europe-west2
  egress-reconciler apply --policy policy.yaml --project demo-project
  egress-reconciler plan --policy policy.yaml --project demo-project --cloud simulated
  egress-reconciler release --policy policy.yaml --connector vpc-conn
  egress-reconciler serve --policy policy.yaml --cloud simulated

Every flag can be given as the environment variable shown beside it; an empty one counts as unset.
Exit status: 0 in sync, 2 changes, 3 blocked, 1 error, 64 wrong usage, 130 Ctrl-C; deploy/exit-codes.md has them all.";

/// Manages VPC egress for Cloud Run on Google Cloud: connectors, subnets, Cloud NAT and restrictive firewall rules
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Init(init::Init),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Sweep(sweep::Sweep),
    Explain(explain::Explain),
    Export(export::Export),
    Release(release::Release),
    Rearm(rearm::Rearm),
    Demo(demo::Demo),
    Doctor(Box<doctor::Doctor>),
    Simulate(simulate::Simulate),
    #[command(subcommand)]
    Policy(policy::Policy),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// Runs one command and says what the process ends with.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Where the words cannot be written, the status still tells.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    match execute(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            print::error(&format!("error: {failure}"));
            Exit::from(&failure).into()
        }
    }
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = without_empty_variables(Cli::command()).version(VERSION.as_str());
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// An empty variable counts as none; help names each variable and never shows what it holds.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg.hide_env_values(true) })
        .mut_subcommands(without_empty_variables)
}

fn execute(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(command) => command.run().await,
            Command::Init(command) => command.run().await,
            Command::Plan(command) => command.run().await,
            Command::Apply(command) => command.run().await,
            Command::Sweep(command) => command.run().await,
            Command::Explain(command) => command.run().await,
            Command::Export(command) => command.run().await,
            Command::Release(command) => command.run().await,
            Command::Rearm(command) => command.run().await,
            Command::Demo(command) => command.run().await,
            Command::Doctor(command) => command.run().await,
            Command::Simulate(command) => command.run().await,
            Command::Policy(command) => command.run(),
            Command::Completions(command) => command.run(),
            Command::Man(command) => command.run(),
        }
    })
}
