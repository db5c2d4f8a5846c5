//! What is wrong with a policy file, or looks wrong, and where.

use std::fmt;

/// A line and a column, both counted from 1; the order is that of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy is read, and may not do what its author expects.
    Warning,
}

/// The order is that of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    pub place: Place,
    pub severity: Severity,
    /// Such as `firewall.internet[0].to[1]`; empty = the file as a whole.
    pub key: String,
    /// What was found, and what was expected.
    pub text: String,
}

impl Fault {
    /// One line, as compilers write it, so that editors jump to the place.
    pub fn in_file(&self, file: &str) -> String {
        format!("{file}:{self}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.place.line, self.place.column)?;
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

/// Why a policy is refused: every error of the file, in the order of the file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", lines(.0, ToString::to_string))]
pub struct PolicyError(pub Vec<Fault>);

impl PolicyError {
    /// One line for each error, which begins with the file's name.
    pub fn in_file(&self, file: &str) -> String {
        lines(&self.0, |fault| fault.in_file(file))
    }
}

fn lines(faults: &[Fault], line: impl Fn(&Fault) -> String) -> String {
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A fault by its key alone, before its place is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub key: String,
    /// Further keys whose values it is about.
    pub about: Vec<String>,
    pub severity: Severity,
    pub text: String,
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Findings(pub Vec<Finding>);

impl Findings {
    /// An error unless `holds`.
    pub fn check(&mut self, holds: bool, key: impl Into<String>, text: impl FnOnce() -> String) {
        self.check_with(holds, key, [], text);
    }

    /// An error unless `holds`, which the values of other keys decide too.
    pub fn check_with<'a>(
        &mut self,
        holds: bool,
        key: impl Into<String>,
        about: impl IntoIterator<Item = &'a str>,
        text: impl FnOnce() -> String,
    ) {
        if !holds {
            self.add(Severity::Error, key, about, text());
        }
    }

    pub fn warn<'a>(&mut self, key: impl Into<String>, about: impl IntoIterator<Item = &'a str>, text: String) {
        self.add(Severity::Warning, key, about, text);
    }

    fn add<'a>(
        &mut self,
        severity: Severity,
        key: impl Into<String>,
        about: impl IntoIterator<Item = &'a str>,
        text: String,
    ) {
        let about = about.into_iter().map(str::to_owned).collect();
        self.0.push(Finding { key: key.into(), about, severity, text });
    }
}
