//! `policy`: is the file right, and what may it contain?

mod check;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{
    exit::{Exit, Failure},
    print,
};
use crate::domain::{
    audit::log_filter,
    policy::{self, Enforcement, Ensure, EnsureNat, Mode, NetworkName, Policy as Rules},
};

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

/// What a policy says, on a few lines.
fn summary(rules: &Rules) -> String {
    let regions = rules.scope.regions.list().map_or_else(|| "all that Cloud Run has".to_owned(), listed);
    let mut lines = vec![
        ("owner", rules.owner.clone()),
        ("mode", format!("{}: {}", rules.mode.word(), may(rules.mode))),
        ("projects", listed(&rules.scope.projects)),
        ("regions", regions),
        ("network", network(rules)),
        ("connectors", connectors(rules)),
        ("NAT", nat(rules).to_owned()),
        ("firewall", enforcement(rules.firewall.enforcement).to_owned()),
        (
            "at most",
            format!("{} changes a run, {} an hour", rules.budget.changes_per_run, rules.budget.changes_per_hour),
        ),
        ("reports", rules.reports.topic.clone().unwrap_or_else(|| "to stdout".to_owned())),
    ];
    if !rules.overrides.is_empty() {
        lines.push(("overrides", format!("{}; the first that matches counts", rules.overrides.len())));
    }
    lines.into_iter().map(|(name, text)| format!("  {name:<11}{text}\n")).collect()
}

fn may(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "reads nothing and writes nothing",
        Mode::Report => "reads and reports, writes nothing",
        Mode::Create => "creates missing resources, and adds to lists in its own",
        Mode::Enforce => "creates missing resources, and repairs, replaces or deletes its own",
    }
}

fn network(rules: &Rules) -> String {
    let name = match &rules.network.name {
        NetworkName::Own(name) => format!("{name} of each project"),
        NetworkName::Of(network) => network.to_string(),
    };
    format!("{name}, {}", if rules.network.create { "created if it does not exist" } else { "which must exist" })
}

fn connectors(rules: &Rules) -> String {
    let section = &rules.connector;
    let which = match section.ensure {
        Ensure::Referenced => "those that workloads name or the policy declares",
        Ensure::Declared => "those that the policy declares",
        Ensure::Never => return "none is created".to_owned(),
    };
    let logs = if section.subnet_flow_logs { ", on subnets with VPC flow logs" } else { "" };
    let pools = listed(&section.subnet_pools);
    format!("{which}, {} a day for each target at most, from {pools}{logs}", section.new_per_day)
}

fn nat(rules: &Rules) -> &'static str {
    match rules.nat.ensure {
        EnsureNat::WhenNeeded => "for connectors that a workload sends all its traffic through",
        EnsureNat::Always => "for every connector",
        EnsureNat::Never => "none is created",
    }
}

fn enforcement(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::AllowOnly => "allow rules only, which block nothing",
        Enforcement::Observe => "egress that the policy does not allow is logged and not blocked",
        Enforcement::Enforce => "egress that the policy does not allow is blocked",
    }
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
