//! Replacing a connector of ours that is in ERROR: nothing but deletion ends that state.
//!
//! First a subnet for the next attempt, so that its stamp remembers how many there were; then, once a later look finds
//! it and the connector's infra rule, the deletion; the missing connector is then made on the highest attempt.

use super::{
    Change, Draft, Object,
    connector::{Remedy, Standing},
    creation::{self, Room},
};
use crate::domain::{
    names::last_segment,
    owned::{infra_rule, subnet_path},
    rules::Site,
    state::{connector::Connector, subnet::Subnet},
    text,
};

/// A second replacement would most likely fail like the first.
const LAST_ATTEMPT: u32 = 2;

pub(super) fn plan<'a>(
    draft: &mut Draft<'a>,
    standing: Standing<'a>,
    connector: &Connector,
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
        false => {
            let reason = text::connector::replace(&required.connector, &newest.name, cause);
            let change = Change::Delete(Object::Connector(connector.clone()));
            draft.push(change, Vec::new(), reason, standing.settings.mode);
            moved(draft, standing, &newest)
        }
    }
}

/// NAT and firewall are made ready for where the connector will stand. Only rules of a Shared VPC name its range: they follow
/// when it has left, since it may still serve, and would lose its allows to the new range before its deny, or the deny first.
fn moved<'a>(draft: &Draft<'_>, standing: Standing<'a>, subnet: &Subnet) -> Standing<'a> {
    let network = &draft.observed.network_name;
    let path = subnet_path(network, &draft.observed.target, &subnet.name);
    let site = Site { connector: &standing.required.connector, network, range: None };
    let range = if site.is_shared() { standing.range } else { subnet.cidr() };
    Standing { subnet: Some((path, subnet.cidr())), range, ..standing }
}
