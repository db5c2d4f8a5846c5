//! `policy`: is the file right, and what may it contain?

mod check;
mod diff;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{
    args::Format,
    exit::{Exit, Failure},
    print,
};
use crate::domain::{audit::log_filter, policy};

/// Check a policy file, or print one to start from
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Say all that a policy file allows, or list all its errors
    #[command(after_help = "Exit status: 0 the policy can be used, warnings or not; 1 it has errors.")]
    Check {
        /// The policy file; `-` reads standard input
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// The policy file, where FILE is not given
        #[arg(long, env = "EGRESS_POLICY", value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Show what a new policy opens and closes for each connector, by the firewall rules that the two ask for
    #[command(
        after_help = "Compared is what the scopes of both have in common; rules of others are not read.\n\nExit status: 0, different or not; 1 a policy has errors."
    )]
    Diff {
        /// The policy before; `-` reads standard input
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// The policy after
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// How to print it
        #[arg(long, env = "EGRESS_FORMAT", value_name = "FORMAT", default_value = "table")]
        format: Format,
    },
    /// Print a policy to start from, in mode report: it reads and reports, and writes nothing
    Example,
    /// Print the JSON Schema of the policy file
    Schema,
    /// Print which audit entries the service acts on, for a log sink or for Eventarc
    SinkFilter {
        /// The filter of a log sink, or a JSON array of Eventarc triggers
        #[arg(long, env = "EGRESS_SINK_FORMAT", value_name = "FORMAT", default_value = "filter")]
        format: SinkFormat,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SinkFormat {
    Filter,
    Triggers,
}

impl Policy {
    pub fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Check { file, policy } => return check::check(file.or(policy)),
            Self::Diff { old, new, format } => return diff::diff(&old, &new, format),
            Self::Example => print::out(policy::example())?,
            Self::Schema => print::json(&policy::schema())?,
            Self::SinkFilter { format: SinkFormat::Filter } => print::out(&log_filter::filter())?,
            Self::SinkFilter { format: SinkFormat::Triggers } => print::json(&log_filter::triggers())?,
        }
        Ok(Exit::Done)
    }
}
