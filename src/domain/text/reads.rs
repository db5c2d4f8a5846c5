use jiff::Timestamp;

use super::{
    cause::{self, org_policy, region_note},
    note,
};
use crate::domain::{
    cause::{Cause, project_in},
    codes::Code,
    denial::Denial,
    names::{ConnectorRef, ProjectId},
    permissions::{self, Permission},
    plan::{Kind, Note, ObjectId},
    state::read::{FailureKind, ReadFailure},
    target::Target,
};

/// The code of a read that is worth another try.
pub const FAILED: Code = Code::ReadFailed;

/// What a write was decided without: told with the write, and not asked again when nothing is left to write.
pub fn is_of_decision(note: &Note) -> bool {
    note.code.is_unread()
}

/// A read that only a person can make possible; transient ones are tried again instead, and an absent network is reported
/// by name. `at` is where the call went, for what Google does not say itself.
pub fn blocked(failure: &ReadFailure, at: &Target) -> Option<Note> {
    let ReadFailure { call, kind, message, .. } = failure;
    let (code, why) = match kind {
        FailureKind::Denied { permission } => match beyond_permissions(message, at.project.as_str()) {
            Some((why, fix)) => (Code::Denied, format!("{call} was denied: {why}; {fix}")),
            None => (Code::Denied, denied(call, permission.as_deref(), message)),
        },
        FailureKind::ApiDisabled => (Code::ApiDisabled, api_disabled(failure, at)),
        FailureKind::Quota => (Code::Quota, format!("{call} was refused: {}", cause::used_up(call, message, at))),
        FailureKind::OrgPolicy { constraint } => {
            let project = project_in(message).unwrap_or(at.project.as_str());
            (Code::OrgPolicy, format!("{call} was refused: {}", org_policy(constraint.as_deref(), project)))
        }
        FailureKind::RegionClosed => return Some(region_note(failure, at)),
        FailureKind::Invalid | FailureKind::AddressConflict => {
            (Code::Refused, format!("{call} was refused, so nothing that needs it is planned"))
        }
        FailureKind::NotAsked | FailureKind::Transient | FailureKind::Absent => return None,
    };
    Some(note(code, call, format!("{why}. Google said: {message}")))
}

/// What prevents it where no permission of the call is missing, and what to do.
pub(in crate::domain) fn beyond_permissions(message: &str, at: &str) -> Option<(String, String)> {
    Some(match Denial::of(message) {
        Denial::Permission => return None,
        Denial::Perimeter { violation } => {
            let ask = "ask the administrator of the service perimeter to let this account in";
            let fix = match violation {
                Some(id) => format!(
                    "see which perimeter with `gcloud logging read 'protoPayload.metadata.vpcServiceControlsUniqueId=\"{id}\"' --project={at}`, and {ask}"
                ),
                None => ask.to_owned(),
            };
            ("VPC Service Controls forbids it, and no role is missing".to_owned(), fix)
        }
        Denial::Billing { project } => {
            let project = project.unwrap_or(at);
            let page = format!("https://console.cloud.google.com/billing/linkedaccount?project={project}");
            (format!("billing is disabled in {project}"), format!("link a billing account on {page}"))
        }
        Denial::QuotaProject { project } => (
            format!("the account may not use {project} as its quota project"),
            format!(
                "run `gcloud projects add-iam-policy-binding {project} --member=MEMBER --role=roles/serviceusage.serviceUsageConsumer`, or unset the quota project"
            ),
        ),
    })
}

/// The permission of a shipped role that a call was denied for.
pub(in crate::domain) fn lacking(failure: &ReadFailure) -> Option<&'static Permission> {
    let FailureKind::Denied { permission: Some(name) } = &failure.kind else { return None };
    permissions::find(name).filter(|_| beyond_permissions(&failure.message, "").is_none())
}

fn denied(call: &str, permission: Option<&str>, message: &str) -> String {
    let what = permission.map_or_else(|| "the permission for it".to_owned(), |name| format!("`{name}`"));
    let how = match (permission.and_then(permissions::find), project_in(message)) {
        (Some(known), Some(project)) => format!(": run `{}`", known.fix(project)),
        _ => String::new(),
    };
    let or = if permission.is_none() && message.contains("may not exist") {
        "; Google returns the same error if the resource does not exist"
    } else {
        ""
    };
    format!("{call} was denied; grant {what} to the service account of this service{how}{or}")
}

/// The API must be enabled in the project that Google names, which need not be the one that was looked at.
fn api_disabled(failure: &ReadFailure, at: &Target) -> String {
    let ReadFailure { call, consumer, .. } = failure;
    let api = call.split('.').next().unwrap_or(call);
    let project = consumer.as_deref().unwrap_or(at.project.as_str());
    format!(
        "{call} failed because its API is not enabled; run `gcloud services enable {api}.googleapis.com --project={project}`"
    )
}

/// A write that only a person can make possible; of other refusals the step itself tells.
pub fn write_blocked(step: &ObjectId, failure: &ReadFailure, at: &Target) -> Option<Note> {
    let by_person = match failure.kind {
        FailureKind::Denied { .. }
        | FailureKind::ApiDisabled
        | FailureKind::Quota
        | FailureKind::OrgPolicy { .. }
        | FailureKind::RegionClosed => true,
        FailureKind::AddressConflict
        | FailureKind::Absent
        | FailureKind::NotAsked
        | FailureKind::Transient
        | FailureKind::Invalid => false,
    };
    let general = blocked(failure, at).filter(|_| by_person)?;
    // Which quota a connector needs is known, and which of Google's agents.
    let connector =
        Some(&step.name).filter(|_| step.kind == Kind::Connector).and_then(|name| name.clone().try_into().ok());
    let own = connector.filter(|_| matches!(Cause::of(failure), Cause::Quota | Cause::Agent)).and_then(|name| {
        let connector = ConnectorRef { project: at.project.clone(), region: at.region.clone(), name };
        let (code, why) = cause::advice(&connector, failure)?;
        let ReadFailure { call, message, .. } = failure;
        Some(note(code, "", format!("{call} was refused: {why}. Google said: {message}")))
    });
    Some(Note { object: step.to_string(), ..own.unwrap_or(general) })
}

/// A write that was refused before, and is not tried again yet.
pub fn resting(note: &Note, until: Timestamp) -> Note {
    let text = format!(
        "{}; it is tried again after {until:.0}, or when the policy or an API of the project changes",
        note.text.trim_end_matches('.')
    );
    Note { text, ..note.clone() }
}

/// A write that failed, though no action is needed yet. `error` names the call and has Google's words.
pub fn write_failed(error: &str, transient: bool) -> String {
    match transient {
        true => format!("{error}; it is tried again when the event comes again"),
        false => format!("{error}; the next sweep tries it again, and `egress-reconciler plan` shows what is wanted"),
    }
}

/// Operations that could not be read: causes stay unknown, nothing else is missing.
pub fn operations_unread(failure: &ReadFailure, at: &Target) -> Option<Note> {
    let known = blocked(failure, at)?;
    let text = format!("why a connector failed, and since when one is changing, is not known: {}", known.text);
    Some(Note { text, ..known })
}

/// A read that is worth another try: the delivery is answered 429, so that it comes again.
pub fn transient(failure: &ReadFailure) -> Note {
    note(
        FAILED,
        &failure.call,
        format!(
            "{} failed temporarily, so nothing that needs it is planned; the event will be delivered again. {}",
            failure.call, failure.message
        ),
    )
}

/// A run that ended without a report.
pub fn died() -> Note {
    note(
        Code::RunDied,
        "run",
        "the run crashed; its log says why, and an event that asked for it is delivered again".to_owned(),
    )
}

/// Why a command cannot do anything at all; `None` = it can.
pub fn out_of_reach(failure: &ReadFailure, project: &ProjectId) -> Option<String> {
    match &failure.kind {
        FailureKind::ApiDisabled => Some(format!(
            "the Compute Engine API is not enabled in {project}: run `gcloud services enable compute.googleapis.com --project={project}`"
        )),
        FailureKind::Absent => Some(format!(
            "project {project} does not exist, or you may not see it: check the policy's `scope.projects`, and run `gcloud projects describe {project}`"
        )),
        FailureKind::Transient => Some(format!(
            "Google cannot be reached: {}; check the network and the proxy variables (`https_proxy`, `no_proxy`), and try again",
            failure.message
        )),
        _ => None,
    }
}

/// `failed`, or `was denied; grant X …: run …` where Google's words say on what.
pub fn why_unread(name: &str, failure: &ReadFailure) -> String {
    if !matches!(failure.kind, FailureKind::Denied { .. }) {
        return "failed".to_owned();
    }
    if let Some((why, _)) = beyond_permissions(&failure.message, "") {
        return format!("was denied: {why}");
    }
    let grant = format!("was denied; grant `{name}` to the service account of this service");
    match permissions::find(name).zip(project_in(&failure.message)) {
        Some((known, project)) => format!("{grant}: run `{}`", known.fix(project)),
        None => grant,
    }
}
