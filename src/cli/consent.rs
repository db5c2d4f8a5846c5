//! The question before something is written.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use super::{
    exit::{Exit, Failure},
    print,
};

#[derive(Debug, Clone, Copy, Args)]
pub struct ConsentArgs {
    /// Do not ask before changes are made
    #[arg(long, short, env = "EGRESS_YES")]
    yes: bool,
    /// Show what would be done, and change nothing
    #[arg(long, env = "EGRESS_DRY_RUN", conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not show progress
    #[arg(long, short, env = "EGRESS_QUIET")]
    pub quiet: bool,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    Given,
    /// The command ends here, with nothing changed.
    Refused(Exit),
}

impl ConsentArgs {
    /// Whether somebody has to be shown what will be done, and asked.
    pub fn asks(self) -> bool {
        !self.yes
    }

    /// A command that asks needs somebody who answers: nothing is looked at where nobody does.
    pub fn possible(self, command: &str) -> Consent {
        if self.yes || self.dry_run || io::stdin().is_terminal() {
            return Consent::Given;
        }
        print::error(&format!(
            "error: `{command}` asks before it changes anything, and standard input is no terminal; add --yes to change without a question, or --dry-run to change nothing"
        ));
        Consent::Refused(Exit::Usage)
    }
}

/// Asks; only a whole `yes` is one.
///
/// # Errors
/// The terminal is gone.
pub fn ask(what: &str) -> Result<Consent, Failure> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "\n{what}\nOnly \"yes\" is accepted: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" {
        return Ok(Consent::Given);
    }
    writeln!(stderr, "Nothing was changed.")?;
    Ok(Consent::Refused(Exit::Error))
}
