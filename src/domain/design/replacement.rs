//! A connector of ours in ERROR, which has to be deleted and created again: on which subnet.
//!
//! First a subnet for the next attempt, so that its stamp remembers how many there were, and rules that cover its range;
//! then, once a later look finds these in sync, the deletion; the missing connector is then created on the highest attempt.

use super::{
    Draft, Path,
    creation::{self, AddressAllocator},
};
use crate::domain::{
    names::last_segment,
    ownership::infra_rule,
    plan::ErrorAction,
    state::{connector::Connector, subnet::Subnet},
    target::subnet_path,
    text,
};

/// A second replacement would most likely fail like the first.
const LAST_ATTEMPT: u32 = 2;

pub(super) fn design<'a>(
    draft: &mut Draft<'a>,
    path: Path<'a>,
    connector: &'a Connector,
    room: &mut AddressAllocator,
) -> Path<'a> {
    let required = path.required;
    let Some(newest) = creation::own_subnet(draft, &required.connector) else { return path };
    let attempt = creation::attempt(&newest);
    let on_newest = path.subnet.as_ref().is_some_and(|(path, _)| last_segment(path) == newest.name);
    let cause = draft.failure(&required.connector);
    // What is deleted must be made again.
    if let Some(key) = creation::irreplaceable(required, path.settings, room, on_newest) {
        draft.block(text::connector::in_error(&required.connector, &ErrorAction::PolicyBlocks(key), cause));
        return path;
    }
    match on_newest {
        true if attempt >= LAST_ATTEMPT => {
            draft.block(text::connector::in_error_again(&required.connector, attempt, cause));
            path
        }
        true => match creation::new_subnet(draft, required, attempt + 1, room) {
            Some(subnet) => Path { new_subnet: Some(subnet.clone()), ..moved(draft, path, &subnet) },
            None => path,
        },
        false if infra_rule(draft.policy, draft.observed, &required.connector).is_none() => {
            draft.find(text::connector::not_proven_ours(&required.connector));
            moved(draft, path, &newest)
        }
        false => Path { leaves: Some(connector), ..moved(draft, path, &newest) },
    }
}

/// One that is being deleted and has a subnet for its next attempt: its rules go on covering both ranges.
pub(super) fn leaving<'a>(draft: &Draft<'_>, path: Path<'a>) -> Path<'a> {
    let newest = creation::own_subnet(draft, &path.required.connector);
    let on = path.subnet.as_ref().map(|(path, _)| last_segment(path).to_owned());
    match newest.filter(|newest| on.as_ref() != Some(&newest.name)) {
        Some(newest) => moved(draft, path, &newest),
        None => path,
    }
}

/// NAT and firewall are made ready for where the connector will be, and still serve where it is: it may send from there.
fn moved<'a>(draft: &Draft<'_>, path: Path<'a>, subnet: &Subnet) -> Path<'a> {
    let name = subnet_path(&draft.observed.network_name, &draft.observed.target, &subnet.name);
    let connector = creation::new_connector(draft, &path.required.connector, subnet, path.settings);
    Path { subnet: Some((name, subnet.cidr())), next: subnet.cidr(), connector, ..path }
}
