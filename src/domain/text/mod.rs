//! Every sentence that a person reads in a plan or a report: what, why, and what to do. One file a family.

pub mod break_glass;
pub mod cause;
pub mod connector;
pub mod direct;
pub mod explain;
pub mod firewall;
pub mod google_apis;
pub mod limits;
pub mod nat;
pub mod network;
pub mod policy;
pub mod policy_diff;
pub mod policy_init;
pub mod prune;
pub mod reads;
pub mod routes;
pub mod shell;

/// `projects/P/locations/R/jobs/nightly-export` or `namespaces/P/jobs/nightly-export` as `job nightly-export`.
fn workload(resource: &str) -> String {
    match resource.rsplit('/').collect::<Vec<_>>().as_slice() {
        [name, "jobs", ..] => format!("job {name}"),
        [name, "services", ..] => format!("service {name}"),
        [name, "workerPools" | "workerpools", ..] => format!("worker pool {name}"),
        _ => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests;

use super::plan::Note;
use crate::domain::codes::Code;

fn note(code: Code, object: impl Into<String>, text: String) -> Note {
    Note { code, object: object.into(), by: None, text }
}

fn note_by(code: Code, object: impl Into<String>, by: &str, text: String) -> Note {
    Note { by: Some(by.to_owned()), ..note(code, object, text) }
}

/// A name that we need belongs to an object without our stamp.
pub fn name_taken(kind: &str, name: &str) -> Note {
    note(
        Code::NameTaken,
        format!("{kind}/{name}"),
        format!(
            "the {kind} {name} already exists and is not managed by egress-reconciler; rename or delete it, or leave its connector out of the policy"
        ),
    )
}

/// The first four, and how many more there are.
pub(in crate::domain) fn few(items: &[String]) -> String {
    const NAMED: usize = 4;
    let named = list(items.iter().take(NAMED));
    match items.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    items.into_iter().map(|item| item.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}
