//! What is said when a person takes our denies down, and puts them back.

use super::{list, note, note_by};
use crate::domain::{
    names::{ConnectorRef, ProjectId},
    plan::Note,
    stamp::Release,
    state::firewall::{Direction, Firewall},
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
    let open = match deny.direction {
        Direction::Egress => format!("egress of connector {connector} is open"),
        Direction::Ingress => format!("other instances take what connector {connector} sends them"),
    };
    note_by(
        "disarmed",
        format!("firewall/{name}"),
        by,
        format!(
            "{name} was released by {by}{since}: {open}; run `egress-reconciler rearm` when the emergency is over, nothing else puts it back"
        ),
    )
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
