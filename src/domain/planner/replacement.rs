//! Replacing a connector of ours that is in ERROR: nothing but deletion ends that state.
//!
//! First a subnet for the next attempt, so that its stamp remembers how many there were, and rules that cover its range;
//! then, once a later look finds these in sync, the deletion; the missing connector is then made on the highest attempt.

use super::{
    creation::{self, Room},
    draft::Draft,
    moving,
    standing::Standing,
};
use crate::domain::{
    names::last_segment,
    ownership::infra_rule,
    plan::{Change, Object, Remedy, Verb, Why, Withheld},
    state::{connector::Connector, subnet::Subnet},
    target::subnet_path,
    text,
};

/// A second replacement would most likely fail like the first.
const LAST_ATTEMPT: u32 = 2;

pub(super) fn plan<'a>(
    draft: &mut Draft<'a>,
    standing: Standing<'a>,
    connector: &'a Connector,
    room: &mut Room,
) -> Standing<'a> {
    let required = standing.required;
    let Some(newest) = creation::own_subnet(draft, &required.connector) else { return standing };
    let attempt = creation::attempt(&newest);
    let on_newest = standing.subnet.as_ref().is_some_and(|(path, _)| last_segment(path) == newest.name);
    let cause = draft.failure(&required.connector);
    // What is deleted must be made again.
    if let Some(key) = creation::irreplaceable(required, standing.settings, room, on_newest) {
        draft.blocked_by.push(text::connector::in_error(&required.connector, &Remedy::Barred(key), cause));
        return standing;
    }
    match on_newest {
        true if attempt >= LAST_ATTEMPT => {
            draft.blocked_by.push(text::connector::in_error_again(&required.connector, attempt, cause));
            standing
        }
        true => match creation::new_subnet(draft, required, attempt + 1, room, Vec::new()) {
            Some((subnet, step)) => Standing { made_by: Some(step), ..moved(draft, standing, &subnet) },
            None => standing,
        },
        false if infra_rule(draft.policy, draft.observed, &required.connector).is_none() => {
            draft.findings.push(text::connector::not_proven_ours(&required.connector));
            moved(draft, standing, &newest)
        }
        false => Standing { leaves: Some(connector), ..moved(draft, standing, &newest) },
    }
}

/// One that is being deleted and has a subnet for its next attempt: its rules go on covering both ranges.
pub(super) fn leaving<'a>(draft: &Draft<'_>, standing: Standing<'a>) -> Standing<'a> {
    let newest = creation::own_subnet(draft, &standing.required.connector);
    let on = standing.subnet.as_ref().map(|(path, _)| last_segment(path).to_owned());
    match newest.filter(|newest| on.as_ref() != Some(&newest.name)) {
        Some(newest) => moved(draft, standing, &newest),
        None => standing,
    }
}

/// NAT and firewall are made ready for where the connector will be, and still serve where it is: it may send from there.
fn moved<'a>(draft: &Draft<'_>, standing: Standing<'a>, subnet: &Subnet) -> Standing<'a> {
    let path = subnet_path(&draft.observed.network_name, &draft.observed.target, &subnet.name);
    Standing { subnet: Some((path, subnet.cidr())), next: subnet.cidr(), ..standing }
}

/// Deletes what is to be made again, once the rules have been planned: not before the last look found them all in place for
/// the new range, the deny included.
pub(super) fn delete(draft: &mut Draft<'_>, standings: &[Standing<'_>]) {
    for standing in standings {
        let (Some(connector), Some(next)) = (standing.leaves, standing.next) else { continue };
        let required = standing.required;
        let object = Object::Connector(connector.clone());
        if moving::is_pending(draft, &required.connector) || !moving::is_covered(draft, standing, next) {
            let text = text::connector::rules_first(&required.connector, next);
            draft.withheld.push(Withheld { step: object.id(), verb: Verb::Delete, why: Why::AllowsFirst, text });
            continue;
        }
        let cause = draft.failure(&required.connector);
        let subnet = standing.subnet.as_ref().map_or("", |(path, _)| last_segment(path));
        let reason = text::connector::replace(&required.connector, subnet, cause);
        draft.push(Change::Delete(object), Vec::new(), reason, standing.settings.mode);
    }
}
