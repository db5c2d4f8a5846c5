//! What is said when a person takes our denies down, and puts them back.

use super::{list, note, note_by};
use crate::domain::{
    firewall::proof::Proof,
    names::{ConnectorRef, ProjectId},
    plan::Note,
    stamp::Release,
    state::{
        firewall::{Direction, Firewall},
        read::ReadFailure,
    },
};

pub fn release(by: &str) -> String {
    format!("released by {by}; it stops nothing until `egress-reconciler rearm` puts it back")
}

pub fn keep_down(by: &str) -> String {
    format!("it was disabled already; released by {by}, it stays so until `egress-reconciler rearm` puts it back")
}

pub fn clear_mark() -> String {
    "it is in force again, so the mark of its release goes".to_owned()
}

/// A deny that is down by `release`.
pub fn released(deny: &Firewall, connector: &ConnectorRef, release: &Release) -> Note {
    let by = release.by();
    let since = release.at.map_or_else(String::new, |at| format!(" at {at}"));
    let (name, connector) = (&deny.name, &connector.name);
    let stops = match deny.direction {
        Direction::Egress => format!("it stops no egress of connector {connector}"),
        Direction::Ingress => format!("it stops nothing that connector {connector} sends to other instances"),
    };
    note_by(
        "disarmed",
        format!("firewall/{name}"),
        by,
        format!(
            "{name} was released by {by}{since}: {stops}; run `egress-reconciler rearm` when the emergency is over, nothing else puts it back"
        ),
    )
}

/// What `release` has found out of a connector whose deny is down.
pub fn proof(connector: &ConnectorRef, proof: &Proof) -> String {
    let name = &connector.name;
    match proof {
        Proof::Open => format!("egress of connector {name} is open: by all rules read afterwards, nothing stops it"),
        Proof::Closed(rules) => {
            format!("egress of connector {name} is still closed for what these rules match: {}", list(rules))
        }
        Proof::NotProven(why) => format!("not proven that egress of connector {name} is open: {why}"),
    }
}

pub fn no_such_connector(connector: &ConnectorRef) -> String {
    format!("{connector} does not exist")
}

pub fn decides_in_part(rule: &str) -> String {
    format!("{rule} may stop some of its packets, and which cannot be told")
}

pub fn unread(failure: &ReadFailure) -> String {
    format!("{} failed: {}", failure.call, failure.message)
}

/// Seconds.
pub fn proof_took_long(limit: u64) -> String {
    format!("the rules could not be read again within {limit} seconds; run `egress-reconciler explain` to see the path")
}

/// How to do without this program what it could not do.
pub fn not_released(deny: &str, project: &ProjectId) -> Note {
    note(
        "not-released",
        format!("firewall/{deny}"),
        format!(
            "{deny} could not be taken down and may still stand; by hand: `gcloud compute firewall-rules update {deny} --disabled --project {project}`"
        ),
    )
}

pub fn allows_missing(deny: &str, connector: &ConnectorRef, missing: &[String]) -> Note {
    let (is, them) = if missing.len() == 1 { ("is", "it") } else { ("are", "them") };
    let name = &connector.name;
    not_rearmed(
        deny,
        &format!(
            "{} {is} not in sync, and without {them} it would stop what connector {name} may reach; run `egress-reconciler apply --project {} --region {}` first, under a mode that writes",
            list(missing),
            connector.project,
            connector.region
        ),
    )
}

pub fn not_rearmed(deny: &str, why: &str) -> Note {
    note("not-rearmed", format!("firewall/{deny}"), format!("{deny} stays down: {why}"))
}

/// Why, where nothing says more.
pub const UNJUDGED: &str =
    "what stands around it could not be judged; run `egress-reconciler plan` to see what is in its way";

pub fn connector_gone(deny: &str, connector: &ConnectorRef) -> Note {
    note(
        "not-rearmed",
        format!("firewall/{deny}"),
        format!(
            "{deny} stays down: connector {} does not stand, so there is nothing to stop; run `egress-reconciler rearm` again if it is made anew",
            connector.name
        ),
    )
}

pub fn not_asked(deny: &str) -> Note {
    note(
        "not-rearmed",
        format!("firewall/{deny}"),
        format!("{deny} stays down: the policy asks for no such deny any more"),
    )
}
