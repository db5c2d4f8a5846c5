//! What a command ends with. **Contract**: usage 64; of several results 1 counts before 3, 3 before 2, 2 before 0.

use std::process::ExitCode;

use crate::domain::report::{Outcome, Report};

/// Why a command could not do its work: one message for a person.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

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
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Changes => 2,
            Self::Blocked => 3,
            Self::Error => 1,
            Self::Usage => 64,
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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
