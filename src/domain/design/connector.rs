//! The connector and the subnet it is on.

use ipnet::Ipv4Net;

use super::{
    Draft, Ground, Ownership, Path,
    creation::{self, AddressAllocator},
    replacement,
};
use crate::domain::{
    cause::{self, Cause},
    demand::{CHANGES_WITHIN, Demand, listed, owned_since, unused_since},
    names::{ConnectorRef, last_segment, relative},
    plan::{ErrorAction, Note},
    policy::{Mode, Prune, pattern},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState},
        operation::ConnectorChange,
        requirement::{Required, Requirer},
    },
    target::subnet_path,
    text,
};

pub(super) fn design<'a>(draft: &mut Draft<'a>, demand: &'a Demand, network: &Ground) -> Vec<Path<'a>> {
    let mut room = AddressAllocator::new(draft, network);
    let mut paths = Vec::new();
    for required in &demand.connectors {
        if let Some(warning) = text::connector::long_name(&required.connector) {
            draft.find(warning);
        }
        // Not read: nothing is known, so nothing is designed; the failed read is in the notes already.
        let path = match listed(draft.observed, &required.connector) {
            None => None,
            Some(Some(connector)) => found(draft, demand, required, connector, &mut room),
            Some(None) => creation::design(draft, required, network, &mut room),
        };
        paths.extend(path);
    }
    paths
}

fn found<'a>(
    draft: &mut Draft<'a>,
    demand: &Demand,
    required: &'a Required,
    connector: &'a Connector,
    room: &mut AddressAllocator,
) -> Option<Path<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let site = match place(draft, required, connector) {
        Ok(site) => site,
        // Another installation may look after it.
        Err(note) if required.frozen.is_some() => {
            draft.notes.findings.extend(note);
            return None;
        }
        Err(note) => {
            draft.notes.blocked_by.extend(note);
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
    let mut path = Path {
        required,
        settings,
        ownership,
        subnet: site.subnet,
        range: site.range,
        next: None,
        new_subnet: None,
        connector: connector.clone(),
        existing: Some(connector),
        leaves: None,
        rules: Vec::new(),
    };
    match connector.state {
        ConnectorState::Ready | ConnectorState::StateUnspecified => grow(&mut path),
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => {
            match unending(draft, &required.connector, connector.state) {
                Some(note) => draft.block(note),
                None => {
                    draft.notes.waiting_on.push(text::connector::waiting(&required.connector, connector.state));
                }
            }
        }
        ConnectorState::Error => match remedy(draft, demand, &path) {
            ErrorAction::Replace => return Some(replacement::design(draft, path, connector, room)),
            remedy => {
                let failure = draft.failure(&required.connector);
                draft.block(text::connector::in_error(&required.connector, &remedy, failure));
            }
        },
    }
    // What somebody else is taking down is not held up: a subnet that a gateway lists cannot be deleted.
    let leaves = matches!(connector.state, ConnectorState::Deleting | ConnectorState::Error);
    if ownership == Ownership::Ours && connector.state == ConnectorState::Deleting {
        return Some(replacement::leaving(draft, path));
    }
    (ownership == Ownership::Ours || !leaves).then_some(path)
}

/// A change that has gone on for too long. Only operations that were read tell: the latest one of the change, which is not
/// done, says since when. Where none is kept of a creation, it began before any that is, unless our subnet is newer.
fn unending(draft: &Draft<'_>, connector: &ConnectorRef, state: ConnectorState) -> Option<Note> {
    let change = match state {
        ConnectorState::Creating => ConnectorChange::Create,
        ConnectorState::Deleting => ConnectorChange::Delete,
        _ => ConnectorChange::Update,
    };
    let Some(Ok(_)) = draft.observed.operations else { return None };
    let operation = cause::latest(draft.observed, connector, change);
    let since = match operation {
        Some(operation) if operation.done => None,
        Some(operation) => operation.begun,
        None if change == ConnectorChange::Create => owned_since(draft.policy, draft.observed, connector),
        None => None,
    }?;
    let long = draft.now.duration_since(since) >= CHANGES_WITHIN;
    long.then(|| text::connector::changing_for_long(connector, state, since, operation.is_some()))
}

fn remedy(draft: &Draft<'_>, demand: &Demand, path: &Path<'_>) -> ErrorAction {
    let connector = &path.required.connector;
    let cause = draft.cause(connector);
    let by = path.required.by.iter();
    // A mark may be older than its newest user.
    let is_marked = || unused_since(draft.policy, draft.observed, connector).is_some();
    // Where what is unused is pruned, the mark comes with its rule, which may not exist yet.
    let is_pruned = path.settings.connector.prune == Prune::SevenDays;
    let unreferenced = || by.clone().all(|by| *by == Requirer::Stamp);
    let unused = || demand.idle.contains(connector) || unreferenced() && (is_pruned || is_marked());
    let further: Vec<String> =
        by.clone().filter_map(|by| if let Requirer::Further(user) = by { Some(user.clone()) } else { None }).collect();
    match (path.ownership, path.required.hold_reason()) {
        (Ownership::Adopted | Ownership::Foreign, _) => ErrorAction::Foreign,
        (Ownership::Ours, Some(frozen)) => ErrorAction::Frozen(frozen.to_owned()),
        (Ownership::Ours, None) if cause == Cause::Unread => ErrorAction::Unread,
        (Ownership::Ours, None) if !cause.permits_another_range() => ErrorAction::Cause,
        (Ownership::Ours, None) if !path.settings.connector.repair => ErrorAction::Off,
        (Ownership::Ours, None) if path.settings.mode < Mode::Enforce => ErrorAction::Mode,
        (Ownership::Ours, None) if unused() => ErrorAction::Unused,
        (Ownership::Ours, None) if !further.is_empty() => ErrorAction::Used(further),
        (Ownership::Ours, None) if !draft.observed.sees_every_user() => ErrorAction::Unseen,
        (Ownership::Ours, None) => ErrorAction::Replace,
    }
}

struct Placed {
    ours: bool,
    subnet: Option<(String, Option<Ipv4Net>)>,
    range: Option<Ipv4Net>,
}

/// Where an existing connector is; `Err(None)` = the subnets could not be read, so that nothing is known.
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
fn grow(path: &mut Path<'_>) {
    let section = &path.settings.connector;
    let (Some(min), Some(max)) = (path.connector.min_instances, path.connector.max_instances) else { return };
    let wanted = (min.max(section.min_instances), max.max(section.max_instances));
    if path.ownership == Ownership::Ours && wanted.0 < wanted.1 && path.required.hold_reason().is_none() {
        (path.connector.min_instances, path.connector.max_instances) = (Some(wanted.0), Some(wanted.1));
    }
}
