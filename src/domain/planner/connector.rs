//! The connector and the subnet it stands on.

use ipnet::Ipv4Net;

use super::{
    creation::{self, Room},
    draft::Draft,
    network, replacement,
    standing::{Ownership, Standing},
};
use crate::domain::{
    cause::{self, Cause},
    demand::{CHANGES_WITHIN, Desired, listed, owned_since, unused_since},
    names::{ConnectorRef, last_segment, relative},
    plan::{Change, Note, Object, Remedy},
    policy::{Mode, Policy, pattern},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState},
        operation::ConnectorChange,
        requirement::{Required, Requirer},
    },
    target::subnet_path,
    text,
};

pub(super) fn plan<'a>(draft: &mut Draft<'a>, desired: &'a Desired, network: &network::Standing) -> Vec<Standing<'a>> {
    elsewhere(draft, desired);
    let mut room = Room::new(draft, network);
    let mut standings = Vec::new();
    for required in &desired.connectors {
        if let Some(warning) = text::connector::long_name(&required.connector) {
            draft.findings.push(warning);
        }
        // Not read: nothing is known, so nothing is planned; the failed read is in the notes already.
        let standing = match listed(draft.observed, &required.connector) {
            None => None,
            Some(Some(connector)) => found(draft, desired, required, connector, &mut room),
            Some(None) => creation::plan(draft, required, network, &mut room),
        };
        standings.extend(standing);
    }
    standings
}

/// Connectors of other projects: looked at, never made from here.
fn elsewhere(draft: &mut Draft<'_>, desired: &Desired) {
    for required in &desired.elsewhere {
        let connector = &required.connector;
        match draft.observed.elsewhere.get(connector) {
            Some(Ok(Some(found))) => match found.state {
                ConnectorState::Ready => {}
                ConnectorState::Creating | ConnectorState::Updating => {
                    draft.waiting_on.push(text::connector::elsewhere_changing(connector, found.state));
                }
                state => draft.blocked_by.push(text::connector::elsewhere_not_ready(connector, state)),
            },
            Some(Ok(None)) if draft.policy.covers(connector) => match draft.budget.hindered.get(connector) {
                Some(why) => draft.blocked_by.push(text::connector::elsewhere_hindered(connector, &required.by, why)),
                None => draft.waiting_on.push(text::connector::elsewhere_asked(connector, &required.by)),
            },
            Some(Ok(None)) => draft.blocked_by.push(text::connector::elsewhere_missing(connector, &required.by)),
            Some(Err(_)) | None => {}
        }
    }
}

fn found<'a>(
    draft: &mut Draft<'a>,
    desired: &Desired,
    required: &'a Required,
    connector: &'a Connector,
    room: &mut Room,
) -> Option<Standing<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let site = match place(draft, required, connector) {
        Ok(site) => site,
        // Another installation may look after it.
        Err(note) if required.frozen.is_some() => {
            draft.findings.extend(note);
            return None;
        }
        Err(note) => {
            draft.blocked_by.extend(note);
            return None;
        }
    };
    let ownership = match site.ours {
        true => Ownership::Ours,
        false if settings.firewall.adopt.iter().any(|glob| pattern::names(glob, &required.connector)) => {
            Ownership::Adopted
        }
        false => Ownership::Foreign,
    };
    let standing = Standing {
        required,
        settings,
        ownership,
        subnet: site.subnet,
        range: site.range,
        made_by: None,
        next: None,
        leaves: None,
    };
    match connector.state {
        ConnectorState::Ready | ConnectorState::StateUnspecified => {
            grow(draft, required, connector, settings, ownership);
        }
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => {
            match unending(draft, &required.connector, connector.state) {
                Some(note) => draft.blocked_by.push(note),
                None => draft.waiting_on.push(text::connector::waiting(&required.connector, connector.state)),
            }
        }
        ConnectorState::Error => match remedy(draft, desired, &standing) {
            Remedy::Replace => return Some(replacement::plan(draft, standing, connector, room)),
            remedy => {
                let failure = draft.failure(&required.connector);
                draft.blocked_by.push(text::connector::in_error(&required.connector, &remedy, failure));
            }
        },
    }
    // What somebody else is taking down is not held up: a subnet that a gateway lists cannot be deleted.
    let leaves = matches!(connector.state, ConnectorState::Deleting | ConnectorState::Error);
    if ownership == Ownership::Ours && connector.state == ConnectorState::Deleting {
        return Some(replacement::leaving(draft, standing));
    }
    (ownership == Ownership::Ours || !leaves).then_some(standing)
}

/// A change that has gone on for too long. Only operations that were read tell: the latest one of the change says since when.
/// Where none is kept, the change began before any that is, unless our subnet for the connector is newer.
fn unending(draft: &Draft<'_>, connector: &ConnectorRef, state: ConnectorState) -> Option<Note> {
    let change = match state {
        ConnectorState::Creating => ConnectorChange::Create,
        ConnectorState::Deleting => ConnectorChange::Delete,
        _ => ConnectorChange::Update,
    };
    let Some(Ok(_)) = draft.observed.operations else { return None };
    let operation = cause::latest(draft.observed, connector, change);
    let subnet = || owned_since(draft.policy, draft.observed, connector);
    let since = operation.map_or_else(subnet, |operation| operation.begun)?;
    let long = draft.now.duration_since(since) >= CHANGES_WITHIN;
    long.then(|| text::connector::changing_for_long(connector, state, since, operation.is_some()))
}

fn remedy(draft: &Draft<'_>, desired: &Desired, standing: &Standing<'_>) -> Remedy {
    let connector = &standing.required.connector;
    let cause = draft.cause(connector);
    let unused = || desired.idle.contains(connector) || unused_since(draft.policy, draft.observed, connector).is_some();
    let by = standing.required.by.iter();
    let further: Vec<String> =
        by.filter_map(|by| if let Requirer::Further(user) = by { Some(user.clone()) } else { None }).collect();
    match (standing.ownership, standing.required.untouchable()) {
        (Ownership::Adopted | Ownership::Foreign, _) => Remedy::Foreign,
        (Ownership::Ours, Some(frozen)) => Remedy::Frozen(frozen.to_owned()),
        (Ownership::Ours, None) if cause == Cause::Unread => Remedy::Unread,
        (Ownership::Ours, None) if !cause.permits_another_range() => Remedy::Cause,
        (Ownership::Ours, None) if !standing.settings.connector.repair => Remedy::Off,
        (Ownership::Ours, None) if standing.settings.mode < Mode::Enforce => Remedy::Mode,
        (Ownership::Ours, None) if unused() => Remedy::Unused,
        (Ownership::Ours, None) if !further.is_empty() => Remedy::Used(further),
        (Ownership::Ours, None) if !draft.observed.sees_every_user() => Remedy::Unseen,
        (Ownership::Ours, None) => Remedy::Replace,
    }
}

struct Placed {
    ours: bool,
    subnet: Option<(String, Option<Ipv4Net>)>,
    range: Option<Ipv4Net>,
}

/// Where a standing connector stands; `Err(None)` = the subnets could not be read, so that nothing is known.
fn place(draft: &Draft<'_>, required: &Required, connector: &Connector) -> Result<Placed, Option<Note>> {
    let observed = draft.observed;
    let network = &observed.network_name;
    let Some(form) = &connector.subnet else {
        let same = connector.network == network.name.as_str() && network.project == required.connector.project;
        if !same {
            return Err(Some(text::connector::other_network(&required.connector, &connector.network, network)));
        }
        return Ok(Placed { ours: false, subnet: None, range: connector.ip_cidr_range.parse().ok() });
    };
    let Ok(subnets) = &observed.subnets else { return Err(None) };
    let project = if form.project_id.is_empty() { required.connector.project.as_str() } else { &form.project_id };
    let subnet = subnets
        .iter()
        .filter(|_| project == network.project.as_str())
        .find(|subnet| subnet.name == form.name && relative(&subnet.network) == network.to_string());
    let Some(subnet) = subnet else {
        let other = subnets.iter().find(|subnet| project == network.project.as_str() && subnet.name == form.name);
        let found = other.map_or_else(
            || format!("the network of subnet {project}/{}", form.name),
            |subnet| last_segment(&subnet.network).to_owned(),
        );
        return Err(Some(text::connector::other_network(&required.connector, &found, network)));
    };
    let path = subnet_path(network, &observed.target, &subnet.name);
    let stamp = Stamp::ours(&subnet.description, &draft.policy.owner, &path);
    Ok(Placed {
        ours: stamp.is_some_and(|stamp| stamp.is_for(&required.connector)),
        subnet: Some((path, subnet.cidr())),
        range: subnet.cidr(),
    })
}

/// A connector of ours grows with the policy; none is ever shrunk, Google does not take it.
fn grow(draft: &mut Draft<'_>, required: &Required, connector: &Connector, settings: &Policy, ownership: Ownership) {
    let (Some(min), Some(max)) = (connector.min_instances, connector.max_instances) else { return };
    let wanted = (min.max(settings.connector.min_instances), max.max(settings.connector.max_instances));
    if ownership != Ownership::Ours || wanted == (min, max) || wanted.0 >= wanted.1 || required.untouchable().is_some()
    {
        return;
    }
    let after = Connector { min_instances: Some(wanted.0), max_instances: Some(wanted.1), ..connector.clone() };
    let change = Change::Repair { before: Object::Connector(connector.clone()), after: Object::Connector(after) };
    draft.push(change, Vec::new(), text::connector::grow(wanted.0, wanted.1), settings.mode);
}
