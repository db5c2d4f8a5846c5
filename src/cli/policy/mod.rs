//! `policy`: is the file right, and what may it contain?

mod check;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{
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
            Self::Example => print::out(policy::example())?,
            Self::Schema => print::json(&policy::schema())?,
            Self::SinkFilter { format: SinkFormat::Filter } => print::out(&log_filter::filter())?,
            Self::SinkFilter { format: SinkFormat::Triggers } => print::json(&log_filter::triggers())?,
        }
        Ok(Exit::Done)
    }
}
