//! `policy diff`: what a new policy opens and closes.

use std::path::Path;

use jiff::Timestamp;

use super::{
    super::{
        args::Format,
        exit::{Exit, Failure},
        print,
    },
    check::Source,
};
use crate::domain::{policy_diff::PolicyDiff, text::policy_diff as text};

pub fn diff(old: &Path, new: &Path, format: Format) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let (old, new) = (Source::read(old)?, Source::read(new)?);
    let examined = [&old, &new].map(|source| (source, source.examine(now)));
    for (source, examined) in &examined {
        if examined.policy.is_none() {
            return Ok(source.refuse(&examined.faults));
        }
    }
    let [(_, old), (_, new)] = examined;
    let (Some(old), Some(new)) = (old.policy, new.policy) else { return Ok(Exit::Error) };
    let diff = PolicyDiff::of(&old, &new, now);
    match format {
        Format::Json => print::json(&text::json_of(&diff))?,
        Format::Table => print::out(&text::lines(&diff, &old, &new))?,
    }
    Ok(Exit::Done)
}
