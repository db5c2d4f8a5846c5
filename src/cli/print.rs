//! The way out: results go to stdout, all else to stderr.

use std::io::{self, IsTerminal, Write};

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

/// How tables look on this stdout: colours only where a person sees them and has not asked for none
/// (<https://no-color.org>).
pub fn look() -> Look {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    // Known only of a terminal.
    let columns = comfy_table::Table::new().width();
    Look {
        width: columns.map_or(Look::WIDEST, |columns| columns.min(Look::WIDEST)),
        colour: io::stdout().is_terminal() && !no_colour,
    }
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
