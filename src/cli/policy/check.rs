//! `policy check`: all that is wrong with a file, or all that it allows.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::super::{
    exit::{Exit, Failure},
    print,
    session::policy_path,
};
use crate::{
    app::{self, StartError},
    domain::{
        firewall::google_apis,
        policy::{Examined, Fault, Severity, examine},
        text,
    },
};

/// A policy file, `-` being stdin.
pub struct Source {
    /// How messages name it.
    pub name: String,
    pub text: String,
}

impl Source {
    pub fn read(path: &Path) -> Result<Self, StartError> {
        let name = if app::is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() };
        match app::policy_text(path) {
            Ok(text) => Ok(Self { name, text }),
            Err(source) => Err(StartError::NoPolicy { path: name.into(), source }),
        }
    }

    /// What `policy check` says of it, in the order of the file.
    pub fn examine(&self, now: Timestamp) -> Examined {
        let mut examined = examine(&self.text, day(now));
        if let Some(policy) = &examined.policy {
            let stopped = google_apis::stopped_by(policy, now).into_iter();
            let warnings: Vec<_> = stopped
                .map(|(key, section)| {
                    let key = format!("{key}.internet");
                    let (place, text) = (examined.place_of(&key), text::google_apis::warning(section.google_apis));
                    Fault { place, severity: Severity::Warning, key, text }
                })
                .collect();
            examined.faults.extend(warnings);
            examined.faults.sort();
        }
        examined
    }

    /// Says on stderr all that is wrong with it.
    pub fn refuse(&self, faults: &[Fault]) -> Exit {
        faults.iter().for_each(|fault| print::error(&fault.in_file(&self.name)));
        let count = |severity: Severity| faults.iter().filter(|fault| fault.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let warnings = if warnings == 0 { String::new() } else { format!(" and {}", counted(warnings, "warning")) };
        print::error(&format!("error: {} has {}{warnings}", self.name, counted(errors, "error")));
        Exit::Error
    }
}

pub fn check(file: Option<PathBuf>) -> Result<Exit, Failure> {
    let source = Source::read(&policy_path(file)?)?;
    let now = Timestamp::now();
    let examined = source.examine(now);
    let Some(policy) = &examined.policy else { return Ok(source.refuse(&examined.faults)) };
    let warnings: String = examined.faults.iter().map(|fault| fault.in_file(&source.name) + "\n").collect();
    print::out(&format!("ok: {}\n{}{warnings}", source.name, text::policy::summary(policy, now)))?;
    Ok(Exit::Done)
}

/// The day in UTC.
fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
