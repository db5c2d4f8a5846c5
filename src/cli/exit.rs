//! What a command ends with. **Contract**: of several results 1 counts before 3, 3 before 2, 2 before 0.

use std::process::ExitCode;

use crate::domain::report::{Outcome, Report};

/// Why a command could not do its work: one message for a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A command line whose flags do not go together: the status is that of wrong usage.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// In the order of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Done,
    /// There is something to do, or it is not done yet.
    Changes,
    /// A person must act.
    Blocked,
    Error,
    /// The command line itself is wrong.
    Usage,
    /// Somebody pressed Ctrl-C: as a shell tells of a program that SIGINT ended.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 2,
            Self::Blocked => 3,
            Self::Error => 1,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }

    pub fn of(report: &Report) -> Self {
        match report.outcome {
            // Only a report that could not be published is transient and did not fail.
            _ if report.transient => Self::Error,
            Outcome::InSync | Outcome::Changed => Self::Done,
            Outcome::Drift | Outcome::Waiting => Self::Changes,
            Outcome::Blocked => Self::Blocked,
            Outcome::Failed | Outcome::Rejected => Self::Error,
        }
    }

    /// The worst of all.
    pub fn of_all<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        reports.into_iter().map(Self::of).max().unwrap_or(Self::Done)
    }
}

/// Exit statuses by what happened, one column for each group of commands; an empty cell cannot happen.
pub struct Row {
    pub what: &'static str,
    /// `plan`, and `apply` and `sweep` with `--dry-run`.
    pub looks: &'static str,
    /// `apply`, `sweep`.
    pub writes: &'static str,
    /// `release`, `rearm`.
    pub orders: &'static str,
    /// `explain`, `export`, `init`, `doctor`, `policy`.
    pub tells: &'static str,
}

const fn row(
    what: &'static str,
    looks: &'static str,
    writes: &'static str,
    orders: &'static str,
    tells: &'static str,
) -> Row {
    Row { what, looks, writes, orders, tells }
}

/// Every command and outcome.
pub const TABLE: [Row; 15] = [
    row("nothing to change, or everything was done", "0", "0", "0", "0"),
    row("changes to make", "2; 0 from version 0.3 on, unless `--detailed-exitcode` is set", "", "", ""),
    row("changes that the mode, the budget or their order holds back", "the same", "2", "1", ""),
    row("Google is still at work (for `apply`, when `--timeout` ends)", "the same", "2", "", ""),
    row("a person must act", "3", "3", "1", ""),
    row("a deny rule is not as ordered", "", "", "1", ""),
    row("a check of `doctor` failed, or `policy check` found an error", "", "", "", "1"),
    row("a part could not be read, so the answer is not whole", "1", "1", "1", "1; `doctor`: if nothing could be read"),
    row("a call failed, no credentials, no such project, a bad policy", "1", "1", "1", "1"),
    row("the mode is off, so nothing was read", "0", "0", "", "`explain`, `export`: 1"),
    row("STALE: the saved plan is not what would be done now", "1", "1", "", ""),
    row("the question was not answered with yes", "", "1", "1", ""),
    row(
        "no terminal to ask on, and no `--yes`",
        "",
        "as with `--yes`, with a warning; 64 from version 0.3 on",
        "the same",
        "",
    ),
    row("wrong usage", "64", "64", "64", "64"),
    row("Ctrl-C; what writes first finishes what it began, and shows it", "130", "130", "130", "130"),
];

/// The table as a page.
pub fn page() -> String {
    let head = "| | `plan`, `apply --dry-run`, `sweep --dry-run` | `apply`, `sweep` | `release`, `rearm` | `explain`, `export`, `init`, `doctor`, `policy` |\n|---|---|---|---|---|\n";
    let rows = TABLE.iter().map(|Row { what, looks, writes, orders, tells }| {
        format!("| {what} | {looks} | {writes} | {orders} | {tells} |\n")
    });
    format!("{head}{}", rows.collect::<String>())
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        if failure.is::<WrongUsage>() { Self::Usage } else { Self::Error }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
