use ipnet::Ipv4Net;
use jiff::Timestamp;

use super::{cause, list, note};
use crate::domain::{
    codes::Code,
    names::{ConnectorName, ConnectorRef, NameError, NetworkRef, ProjectId},
    plan::{ErrorAction, Note},
    policy::{ConnectorSection, Ensure, Mode},
    state::{connector::ConnectorState, read::ReadFailure, requirement::Requirer, workload::Workload},
    target::Target,
};

/// Why a connector is left as it is.
pub const UNREAD_WORKLOADS: &str = "not every workload could be read, and one of them may have opted out";

fn object(connector: &ConnectorRef) -> String {
    format!("connector/{}", connector.name)
}

/// `job a, job b and 3 more`.
pub fn users(by: &[Requirer]) -> String {
    const MAX_SHOWN: usize = 2;
    let mut names: Vec<_> = by
        .iter()
        .map(|by| match by {
            Requirer::Workload(name) | Requirer::Further(name) => name.clone(),
            Requirer::Declared => "the policy".to_owned(),
            Requirer::Wanted(Some(name)) => format!("the deploy of {}", super::workload(name)),
            Requirer::Wanted(None) => "the command line (--connector)".to_owned(),
            Requirer::Stamp => "its own subnet".to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(MAX_SHOWN);
    names.truncate(MAX_SHOWN);
    match more {
        0 => names.join(" and "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

pub fn create(by: &[Requirer], subnet: &str, size: &ConnectorSection) -> String {
    let ConnectorSection { min_instances: min, max_instances: max, machine_type, .. } = size;
    format!("needed by {}; on subnet {subnet}, with {min} to {max} {}", users(by), machine_type.as_str())
}

pub fn create_subnet(connector: &ConnectorRef, range: &str, attempt: u32) -> String {
    let why = if attempt == 1 { "needs a /28 of its own" } else { "is in ERROR and must be recreated on another /28" };
    format!("connector {} {why}; {range} is the first free one of the pools", connector.name)
}

pub fn replace(connector: &ConnectorRef, subnet: &str, cause: Option<&ReadFailure>) -> String {
    let cause = cause.map_or_else(String::new, |cause| format!(" (Google said: {})", cause.message));
    format!(
        "connector {} is in ERROR and must be deleted and recreated{cause}; after the deletion it is recreated on {subnet}",
        connector.name
    )
}

/// Why a connector in ERROR is not deleted yet.
pub fn rules_first(connector: &ConnectorRef, range: Ipv4Net) -> String {
    format!(
        "connector {} is in ERROR and is replaced once its firewall rules are in place for its new range {range}",
        connector.name
    )
}

pub fn in_error_again(connector: &ConnectorRef, attempt: u32, failure: Option<&ReadFailure>) -> Note {
    note(
        Code::ConnectorError,
        object(connector),
        format!(
            "connector {} is in state ERROR again, on attempt {attempt}, and is not replaced once more; fix the cause, then run `{}`. {}",
            connector.name,
            cause::delete(connector),
            said(failure)
        ),
    )
}

pub fn not_proven_ours(connector: &ConnectorRef) -> Note {
    note(
        Code::NotProvenOurs,
        object(connector),
        format!(
            "connector {} is on a subnet of ours, but its infra rule with our stamp was not found, so the connector is not deleted; the rule is created first where the policy's mode permits it",
            connector.name
        ),
    )
}

pub fn grow(min: u32, max: u32) -> String {
    format!("the policy asks for {min} to {max} instances; a connector can grow and never shrink")
}

fn creating(connector: &ConnectorRef) -> Note {
    note(
        Code::ConnectorCreating,
        object(connector),
        format!(
            "connector {} is being created; this takes a few minutes, and its completion triggers the next run; then repeat a refused deploy",
            connector.name
        ),
    )
}

/// A change that Google does not end: `since` is when its operation began, or, where none is kept, when its subnet was made.
pub fn changing_for_long(
    connector: &ConnectorRef,
    state: ConnectorState,
    since: Timestamp,
    by_operation: bool,
) -> Note {
    let (code, word) = match state {
        ConnectorState::Creating => (Code::CreatingLong, "being created"),
        ConnectorState::Deleting => (Code::ConnectorDeleting, "being deleted"),
        _ => (Code::ConnectorUpdating, "being updated"),
    };
    let since = match by_operation {
        true => format!("has been {word} since {since}, when its operation began"),
        false => format!("is {word}, although its subnet has existed since {since} and Google has no operation for it"),
    };
    note(
        code,
        object(connector),
        format!(
            "connector {} {since}; that takes minutes, so it will most likely not end by itself; run `{}` (Google may refuse it while an operation runs), or ask Google's support",
            connector.name,
            cause::delete(connector)
        ),
    )
}

pub fn waiting(connector: &ConnectorRef, state: ConnectorState) -> Note {
    match state {
        ConnectorState::Creating => creating(connector),
        ConnectorState::Deleting => note(
            Code::ConnectorDeleting,
            object(connector),
            format!("connector {} is being deleted; it can be recreated when the deletion is done", connector.name),
        ),
        state => note(
            Code::ConnectorUpdating,
            object(connector),
            format!("connector {} is {}; we look again when that is done", connector.name, state.word()),
        ),
    }
}

/// A connector in ERROR: `failure` is what Google said when it could not make it.
pub fn in_error(connector: &ConnectorRef, remedy: &ErrorAction, failure: Option<&ReadFailure>) -> Note {
    let advice = failure.and_then(|failure| cause::advice(connector, failure));
    let delete = cause::delete(connector);
    let todo = match remedy {
        ErrorAction::Foreign => "it is not ours: its owner must delete it".to_owned(),
        ErrorAction::Off => format!("run `{delete}`, or set `connector.repair: true`"),
        ErrorAction::Mode => format!("run `{delete}`, or set `mode: enforce`, which `connector.repair` needs"),
        ErrorAction::Frozen(why) => format!("it is left alone: {why}"),
        ErrorAction::PolicyBlocks(key) => {
            format!(
                "it is not replaced, because `{key}` would prevent its recreation; run `{delete}`, or change that setting"
            )
        }
        ErrorAction::Cause => format!("fix the cause first (another range would not help), then run `{delete}`"),
        ErrorAction::Unread => "it is not replaced while the operation that tells the cause cannot be read".to_owned(),
        ErrorAction::Unused => format!(
            "it is not replaced, because nothing uses it; run `{delete}`, or leave that to `connector.prune: 7d`"
        ),
        ErrorAction::Used(by) => format!(
            "it is not replaced, because {} would be cut off while it is missing; fix the cause, then run `{delete}` when that is acceptable",
            list(by)
        ),
        ErrorAction::Unseen => {
            "it is not replaced, because some kinds of workloads that may use it could not be read".to_owned()
        }
        ErrorAction::Replace => "it is replaced".to_owned(),
    };
    let (code, why) = match advice {
        Some((code, why)) => (code, format!("its creation failed: {why}. It")),
        None => (Code::ConnectorError, "it".to_owned()),
    };
    note(
        code,
        object(connector),
        format!(
            "connector {} is in state ERROR; {why} must be deleted and created again; {todo}{}",
            connector.name,
            match (remedy, failure) {
                (ErrorAction::Unread, None) => String::new(),
                _ => format!(". {}", said(failure)),
            }
        ),
    )
}

fn said(failure: Option<&ReadFailure>) -> String {
    failure.map_or_else(
        || "The cause is unknown: Google records it only in the failed operation, which no longer exists".to_owned(),
        |failure| format!("Google said: {}", failure.message),
    )
}

pub fn other_network(connector: &ConnectorRef, found: &str, expected: &NetworkRef) -> Note {
    note(
        Code::OtherNetwork,
        object(connector),
        format!(
            "connector {name} is in {found}, not in {expected}, the network of its project and region; nothing is written for it. If all connectors of the region are there, name that network in an override that matches `regions: [{region}]`; else move its users, or exempt it here (`exemptions: [{{connector: {name}, reason: …, until: …}}]`) and run a second installation with another `owner` and that network",
            name = connector.name,
            region = connector.region
        ),
    )
}

pub fn elsewhere_missing(connector: &ConnectorRef, by: &[Requirer]) -> Note {
    note(
        Code::ConnectorElsewhere,
        connector.to_string(),
        format!(
            "{connector}, needed by {}, does not exist; add its project to `scope.projects`, or create it there",
            users(by)
        ),
    )
}

pub fn elsewhere_asked(connector: &ConnectorRef, by: &[Requirer]) -> Note {
    note(
        Code::ConnectorElsewhere,
        connector.to_string(),
        format!(
            "{connector}, needed by {}, does not exist; a run in its own project has been requested to create it",
            users(by)
        ),
    )
}

pub fn elsewhere_hindered(connector: &ConnectorRef, by: &[Requirer], why: &str) -> Note {
    note(
        Code::ConnectorElsewhere,
        connector.to_string(),
        format!("{connector}, needed by {}, is not made in its own project: {why}", users(by)),
    )
}

pub fn elsewhere_changing(connector: &ConnectorRef, state: ConnectorState) -> Note {
    note(
        Code::ConnectorElsewhere,
        connector.to_string(),
        format!("{connector} is {}; Google takes some minutes", state.word()),
    )
}

pub fn elsewhere_not_ready(connector: &ConnectorRef, state: ConnectorState) -> Note {
    note(
        Code::ConnectorElsewhere,
        connector.to_string(),
        format!("{connector} is {}; it belongs to another project, whose team must fix it", state.word()),
    )
}

pub fn bad_reference(workload: &Workload, error: &NameError) -> Note {
    note(
        Code::BadReference,
        workload.to_string(),
        format!("{workload} references an invalid connector: {error}; redeploy it with a valid name"),
    )
}

pub fn unknown_project(workload: &Workload, number: &ProjectId) -> Note {
    note(
        Code::BadReference,
        workload.to_string(),
        format!(
            "{workload} references a connector of project {number}, which does not exist; redeploy it with a valid name"
        ),
    )
}

pub fn direct_vpc(workload: &Workload) -> Note {
    note(
        Code::DirectVpc,
        workload.to_string(),
        format!(
            "{workload} uses Direct VPC egress and needs no connector; firewall rules for its network tags are managed by its owner"
        ),
    )
}

pub fn name_not_allowed(connector: &ConnectorRef, names: &[String]) -> Note {
    note(
        Code::NameNotAllowed,
        object(connector),
        format!(
            "connector {} is missing and may not be made: `connector.names` allows {}; extend the list, or correct the deploy",
            connector.name,
            list(names)
        ),
    )
}

pub fn not_ensured(connector: &ConnectorRef, ensure: Ensure) -> Note {
    let word = if ensure == Ensure::Never { "never" } else { "declared" };
    note(
        Code::NotEnsured,
        object(connector),
        format!(
            "connector {} is missing and is not made under `connector.ensure: {word}`; create it, or declare it in the policy",
            connector.name
        ),
    )
}

pub fn frozen(connector: &ConnectorRef, why: &str) -> Note {
    note(Code::Frozen, object(connector), format!("connector {} is missing and left alone: {why}", connector.name))
}

pub fn refused_before(connector: &ConnectorRef, failure: &ReadFailure) -> Note {
    let (code, why) = cause::advice(connector, failure)
        .unwrap_or_else(|| (Code::CreationRefused, "fix the cause that Google names".to_owned()));
    note(
        code,
        object(connector),
        format!(
            "Google did not create connector {}: {why}; later sweeps try again, at intervals that grow up to 24 hours. Google said: {}",
            connector.name, failure.message
        ),
    )
}

pub fn deleted(connector: &ConnectorRef) -> Note {
    note(
        Code::ConnectorDeleted,
        object(connector),
        format!(
            "connector {} was deleted while workloads still name it, and `connector.recreate: false` leaves it so; redeploy them without it, or allow it",
            connector.name
        ),
    )
}

pub fn daily_limit(connector: &ConnectorRef, limit: u32) -> Note {
    note(
        Code::DailyLimit,
        object(connector),
        format!(
            "connector {} waits: {limit} connectors were created here in 24 hours, the most that `connector.new_per_day` allows",
            connector.name
        ),
    )
}

/// `holders` = what takes the pools.
pub fn no_space(connector: &ConnectorRef, pools: &[Ipv4Net], capacity: u64, holders: &[String]) -> Note {
    let held = match holders.is_empty() {
        true => String::new(),
        false => format!("; in use by {}", super::few(holders)),
    };
    let pools = list(pools.iter().map(Ipv4Net::to_string));
    note(
        Code::PoolExhausted,
        object(connector),
        format!(
            "no /28 is free for connector {} in {pools}, which has room for {capacity} in all{held}; add a range to `connector.subnet_pools`",
            connector.name
        ),
    )
}

/// gcloud's documentation asks for fewer than 21 characters, hyphens counting twice; the API takes more.
pub fn long_name(connector: &ConnectorRef) -> Option<Note> {
    let weighted = connector.name.weighted_length();
    (weighted >= 21).then(|| {
        note(Code::LongName, object(connector), format!("the name {} counts {weighted} characters with hyphens doubled; gcloud's documentation asks for fewer than 21", connector.name))
    })
}

/// A deploy that was refused because its connector does not exist.
pub fn held_wish(
    connector: &ConnectorRef,
    workload: &str,
    at: Timestamp,
    until: Timestamp,
    barred: Option<Mode>,
) -> Note {
    let (name, who) = (&connector.name, super::workload(workload));
    let what = format!("the deploy of {who} was refused at {at:.0} because connector {name} does not exist");
    let text = match barred {
        Some(mode) => format!(
            "{what}; under `mode: {}` it was not created, and it is not created later because of that deploy: deploy {who} again, or add the connector to `connector.declared`",
            mode.word()
        ),
        None => format!(
            "{what}, and it does not exist yet; later runs try again until {until:.0}, or until {who} is deployed or deleted; when the connector is ready, deploy {who} again"
        ),
    };
    note(Code::HeldWish, object(connector), text)
}

/// Connectors that nothing asks for, each with the other projects that Google says are connected to it.
pub fn unreferenced(at: &Target, connectors: &[(ConnectorName, Vec<String>)], is_complete: bool) -> Note {
    let named = connectors.iter().map(|(name, projects)| match projects.as_slice() {
        [] => name.to_string(),
        projects => format!("{name} (connected: {})", list(projects)),
    });
    let count = match connectors.len() {
        1 => "1 connector is".to_owned(),
        count => format!("{count} connectors are"),
    };
    let unread = if is_complete { "" } else { ", though not every workload could be read" };
    let text = format!(
        "{count} used by no workload that {} shows{unread}: {}; without a user no firewall rules are written, even if `firewall.adopt` names the connector",
        at.project,
        list(named)
    );
    note(Code::Unreferenced, format!("region/{}", at.region), text)
}
