//! The way out: results go to stdout, all else to stderr.

use std::{
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
};

use serde::Serialize;

use super::table::Look;
use crate::domain::state::read::ReadFailure;

/// Prints to stdout. A reader that has seen enough and left is no error.
pub fn out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Prints a line to stderr, if anybody still reads there.
pub fn error(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

pub fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    out(&format!("{text}\n"))
}

/// How text for a person looks on this stdout: wrapped and coloured on a terminal alone, and there by what its reader asks for
/// (<https://no-color.org>, `TERM=dumb`, `COLUMNS`). `flags`: those that lead to the cloud which was asked.
pub fn look(flags: &str) -> Look<'_> {
    look_of(&io::stdout()).with(flags)
}

/// The same of what is shown beside the result.
pub fn look_of_stderr(flags: &str) -> Look<'_> {
    look_of(&io::stderr()).with(flags)
}

fn look_of(stream: &(impl IsTerminal + AsFd)) -> Look<'static> {
    if !stream.is_terminal() {
        return Look::PLAIN;
    }
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let columns = said("COLUMNS").and_then(|columns| columns.parse().ok());
    let columns = columns.or_else(|| terminal_size::terminal_size_of(stream).map(|(width, _)| width.0));
    let is_plain = said("NO_COLOR").is_some() || said("TERM").is_none_or(|terminal| terminal == "dumb");
    Look::terminal(columns.unwrap_or_default(), !is_plain)
}

/// Says of each read that failed that its part is missing; whether there was one.
pub fn unread<'a>(failures: impl IntoIterator<Item = &'a ReadFailure>) -> bool {
    let mut any = false;
    for failure in failures {
        any = true;
        let why = super::table::plain(&failure.message);
        error(&format!("error: {} failed, so what it tells is missing here: {why}", failure.call));
    }
    any
}
