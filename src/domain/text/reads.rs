use jiff::Timestamp;

use super::note;
use crate::domain::{
    permissions,
    plan::{Note, StepId},
    state::observed::{FailureKind, ReadFailure},
};

/// The code of a read that is worth another try.
pub const FAILED: &str = "read-failed";

/// A read that only a person can mend; transient ones are tried again instead, and an absent network is told by name.
pub fn blocked(failure: &ReadFailure) -> Option<Note> {
    let ReadFailure { call, kind, message } = failure;
    match kind {
        FailureKind::Denied { permission } => {
            let known = permission.as_deref().and_then(permissions::find);
            let what =
                permission.as_ref().map_or_else(|| "the permission for it".to_owned(), |name| format!("`{name}`"));
            let how = match (known, project_in(message)) {
                (Some(known), Some(project)) => format!(": run `{}`", known.mend(project)),
                _ => String::new(),
            };
            Some(note(
                "denied",
                call,
                format!(
                    "{call} was denied; grant {what} to the service account of this service{how}. Google said: {message}"
                ),
            ))
        }
        FailureKind::ApiDisabled => {
            let api = call.split('.').next().unwrap_or(call);
            Some(note(
                "api-disabled",
                call,
                format!(
                    "{call} failed because its API is off; run `gcloud services enable {api}.googleapis.com`. Google said: {message}"
                ),
            ))
        }
        FailureKind::Quota => Some(note(
            "quota",
            call,
            format!(
                "{call} was refused because a quota is used up; remove what is not needed, or ask Google for more. Google said: {message}"
            ),
        )),
        FailureKind::Invalid => Some(note(
            "refused",
            call,
            format!("{call} was refused, so nothing that needs it is planned. Google said: {message}"),
        )),
        FailureKind::Transient | FailureKind::Absent => None,
    }
}

/// The project of the resource that Google's sentence names.
fn project_in(message: &str) -> Option<&str> {
    let rest = &message[message.find("projects/")? + "projects/".len()..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.:".contains(c))).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|project| !project.is_empty())
}

/// A write that only a person can make possible; of other refusals the step itself tells.
pub fn write_blocked(step: &StepId, failure: &ReadFailure) -> Option<Note> {
    let by_person = matches!(failure.kind, FailureKind::Denied { .. } | FailureKind::ApiDisabled | FailureKind::Quota);
    blocked(failure).filter(|_| by_person).map(|note| Note { object: step.0.clone(), ..note })
}

/// A write that was refused before, and is not tried again yet.
pub fn resting(note: &Note, until: Timestamp) -> Note {
    let text = format!(
        "{}; it is tried again after {until:.0}, or when the policy or an API of the project changes",
        note.text.trim_end_matches('.')
    );
    Note { text, ..note.clone() }
}

/// A write that failed, though nobody needs to do anything about it yet. `error` names the call and has Google's words.
pub fn write_failed(error: &str, transient: bool) -> String {
    match transient {
        true => format!("{error}; it is tried again when the event comes again"),
        false => format!("{error}; the next sweep tries it again, and `egress-reconciler plan` shows what is wanted"),
    }
}

/// A read that is worth another try: the delivery is answered 429, so that it comes again.
pub fn transient(failure: &ReadFailure) -> Note {
    note(
        FAILED,
        &failure.call,
        format!(
            "{} failed for now, so nothing that needs it is planned; the event will be delivered again. {}",
            failure.call, failure.message
        ),
    )
}

/// A run that ended without a report.
pub fn died() -> Note {
    note(
        "run-died",
        "run",
        "the run ended before its report; its log says why, and the event will be delivered again".to_owned(),
    )
}
