//! The question before something is written.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    thread,
};

use clap::Args;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

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
    #[arg(long, env = "EGRESS_DRY_RUN")]
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
    /// Whether somebody is shown what will be done, and asked: on a terminal, unless they said yes already.
    pub fn asks(self) -> bool {
        !self.yes && io::stdin().is_terminal()
    }

    /// Says what will become of scripts that do not say yes: one release before.
    pub fn warn(self, command: &str) {
        if !self.yes && !self.dry_run && !self.asks() {
            print::error(&format!(
                "warning: standard input is no terminal, so nothing is asked; from version 0.3 on, `{command}` then needs --yes"
            ));
        }
    }
}

/// Asks; only a whole `yes` is one. Ctrl-C is a no, and ends the command as a shell tells of it.
///
/// # Errors
/// The terminal is gone.
pub async fn ask(what: &str) -> Result<Consent, Failure> {
    // Heard from before the question is shown: whoever sees it may press the key at once.
    let mut interrupts = interrupts()?;
    let mut stderr = io::stderr();
    write!(stderr, "\n{what}\nOnly \"yes\" is accepted: ")?;
    stderr.flush()?;
    let exit = tokio::select! {
        answer = read_line() => match answer?.trim() {
            "yes" => return Ok(Consent::Given),
            _ => Exit::Error,
        },
        _ = interrupts.recv() => {
            // The terminal has shown the key on the line of the question.
            writeln!(stderr)?;
            Exit::Interrupted
        }
    };
    writeln!(stderr, "Nothing was changed.")?;
    Ok(Consent::Refused(exit))
}

/// Every Ctrl-C from now on; from the first call on, none of them ends the process by itself.
///
/// # Errors
/// The system does not let us listen.
pub fn interrupts() -> io::Result<Signal> {
    signal(SignalKind::interrupt())
}

/// A thread of its own, which ends with the process: a line that nobody finishes must not hold the runtime back.
async fn read_line() -> io::Result<String> {
    let (answer, read) = oneshot::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // Nobody waits for it any more after Ctrl-C.
        let _ = answer.send(io::stdin().lock().read_line(&mut line).map(|_| line));
    });
    read.await.unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))
}
