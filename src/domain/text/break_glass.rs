//! What is said when a person takes our denies down, and puts them back.

use jiff::Timestamp;

use super::{list, note, note_by};
use crate::domain::{
    codes::Code,
    firewall::proof::Proof,
    names::{ConnectorRef, ProjectId},
    plan::Note,
    policy::Rearm,
    stamp::Release,
    state::{
        firewall::{Direction, Firewall},
        read::ReadFailure,
    },
};

pub fn release(release: &Release, rearm: Rearm) -> String {
    format!("released by {}; {}", release.by(), end(release, rearm, "rearm"))
}

pub fn keep_down(release: &Release, rearm: Rearm) -> String {
    format!("it was disabled already; {}", self::release(release, rearm))
}

/// What becomes of a deny that is down: under `manual` nothing ends by itself.
fn end(release: &Release, rearm: Rearm, command: &str) -> String {
    match (release.ends(), rearm) {
        (Some(end), Rearm::AtOnce) => format!("it is put back at {end}, or earlier by `{command}`"),
        (Some(end), Rearm::Manual) => {
            format!("it stays disabled until `{command}`, and is reported as blocked daily from {end} on")
        }
        (None, _) => format!("it stays disabled until `{command}`"),
    }
}

/// One of our commands about one connector.
pub(super) fn about(command: &str, connector: &ConnectorRef) -> String {
    let ConnectorRef { project, region, name } = connector;
    format!("egress-reconciler {command} --project {project} --region {region} --connector {name}")
}

/// The mark of a release, as a difference shows it.
pub fn mark(release: &Release) -> String {
    let end = release.ends().map_or_else(String::new, |end| format!(", meant to last until {end}"));
    format!("{}{end}", release.by())
}

/// Who released a deny, where no audit entry was heard: whoever may update a rule may write its stamp.
pub fn claimed(release: &Release) -> String {
    format!("unknown (the stamp claims {})", release.by())
}

pub fn clear_mark() -> String {
    "it is in force again, so the mark of its release goes".to_owned()
}

/// A deny that is down by `release`, for now.
pub fn released(deny: &Firewall, connector: &ConnectorRef, release: &Release, by: &str, rearm: Rearm) -> Note {
    down(
        Code::Released,
        deny,
        connector,
        (by, release.at),
        &format!("; {}", end(release, rearm, &about("rearm", connector))),
    )
}

/// A deny that a release of now would keep down for a shorter time than an earlier one does.
pub fn kept(deny: &Firewall, connector: &ConnectorRef, own: &Release, by: &str, rearm: Rearm, asked: &Release) -> Note {
    let until = asked.ends().map_or_else(String::new, |end| format!(", until {end},"));
    let rearm_first = about("rearm", connector);
    let shorter = format!(
        "the release that is asked for now{until} is shorter and changes nothing; to shorten the earlier one, run `{rearm_first}`, then this command again"
    );
    let note = released(deny, connector, own, by, rearm);
    Note { text: format!("{}; {shorter}", note.text), ..note }
}

/// A deny whose release is over, and that waits for the command `rearm`. The days change the text, so that it is reported
/// daily.
pub fn release_over(deny: &Firewall, connector: &ConnectorRef, release: &Release, by: &str, now: Timestamp) -> Note {
    let ended = release.ends().filter(|end| *end <= now);
    let since = ended.map_or_else(
        || format!("; its stamp has no valid time, so the release counts as over on {}", now.strftime("%F")),
        |end| match now.duration_since(end).as_hours() / 24 {
            0 => format!("; the release was meant to last until {end}"),
            1 => format!("; the release was meant to last until {end}, 1 day ago"),
            days => format!("; the release was meant to last until {end}, {days} days ago"),
        },
    );
    let to_do = about("rearm", connector);
    let to_do = format!("it stays disabled until you run `{to_do}` or set `firewall.rearm: at-once`");
    down(Code::Disarmed, deny, connector, (by, release.at.filter(|_| ended.is_some())), &format!("{since}; {to_do}"))
}

fn down(code: Code, deny: &Firewall, connector: &ConnectorRef, (by, at): (&str, Option<Timestamp>), end: &str) -> Note {
    let at = at.map_or_else(String::new, |at| format!(" at {at}"));
    let (name, connector) = (&deny.name, &connector.name);
    let stops = match deny.direction {
        Direction::Egress => format!("it stops no egress of connector {connector}"),
        Direction::Ingress => format!("it stops nothing that connector {connector} sends to other instances"),
    };
    note_by(code, format!("firewall/{name}"), by, format!("{name} was released by {by}{at}: {stops}{end}"))
}

/// What `release` has found out of a connector whose deny is down.
pub fn proof(connector: &ConnectorRef, proof: &Proof) -> String {
    let name = &connector.name;
    match proof {
        Proof::Open => format!("egress of connector {name} is open: no rule read after the release blocks it"),
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
    format!("{rule} may stop some of its packets, and it is not known which")
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
        Code::NotReleased,
        format!("firewall/{deny}"),
        format!(
            "{deny} could not be disabled and may still be in force; to disable it by hand: `gcloud compute firewall-rules update {deny} --disabled --project {project}`"
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
    note(Code::NotRearmed, format!("firewall/{deny}"), format!("{deny} stays down: {why}"))
}

/// Why, where nothing says more.
pub const UNJUDGED: &str =
    "the rules and policies around it could not be evaluated; run `egress-reconciler plan` to see what is in its way";

pub fn connector_gone(deny: &str, connector: &ConnectorRef) -> Note {
    note(
        Code::NotRearmed,
        format!("firewall/{deny}"),
        format!(
            "{deny} stays disabled: connector {} does not exist, so there is nothing to stop; run `{}` again if it is recreated",
            connector.name,
            about("rearm", connector)
        ),
    )
}

pub fn not_asked(deny: &str) -> Note {
    note(
        Code::NotRearmed,
        format!("firewall/{deny}"),
        format!("{deny} stays disabled: the policy no longer asks for it"),
    )
}
