//! Network, subnets and connectors: what is missing is created, and a connector of ours grows with the policy.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::domain::{
    demand::Demand,
    design::{Blueprint, Ground, Path, attempt},
    names::{ConnectorRef, last_segment},
    plan::{Change, Note, Object, ObjectId},
    state::{connector::ConnectorState, observed::Observed},
    text,
};

pub(super) fn plan(draft: &mut Draft<'_>, blueprint: &Blueprint<'_>) {
    let network = network(draft, &blueprint.network);
    for path in &blueprint.paths {
        subnet(draft, path, network.as_ref());
        connector(draft, path);
    }
}

fn network(draft: &mut Draft<'_>, ground: &Ground) -> Option<ObjectId> {
    let Ground::New(network) = ground else { return None };
    let mode = draft.policy.for_target(&draft.observed.target).mode;
    let reason = text::network::create(&draft.observed.network_name);
    Some(draft.push(Change::Create(Object::Network((**network).clone())), Vec::new(), reason, mode))
}

fn subnet(draft: &mut Draft<'_>, path: &Path<'_>, network: Option<&ObjectId>) {
    let Some(subnet) = &path.new_subnet else { return };
    let reason = text::connector::create_subnet(&path.required.connector, &subnet.ip_cidr_range, attempt(subnet));
    let change = Change::Create(Object::Subnet(subnet.clone()));
    draft.push(change, network.cloned().into_iter().collect(), reason, path.settings.mode);
}

fn connector(draft: &mut Draft<'_>, path: &Path<'_>) {
    let (wanted, mode) = (Object::Connector(path.connector.clone()), path.settings.mode);
    let Some(existing) = path.existing else {
        let subnet = path.subnet.as_ref().map_or("", |(subnet, _)| last_segment(subnet));
        let reason = text::connector::create(&path.required.by, subnet, &path.settings.connector);
        draft.push(Change::Create(wanted), path.subnet_step().into_iter().collect(), reason, mode);
        return;
    };
    let size = (path.connector.min_instances, path.connector.max_instances);
    if let (Some(min), Some(max)) = size
        && path.next.is_none()
        && size != (existing.min_instances, existing.max_instances)
    {
        let change = Change::Repair { before: Object::Connector(existing.clone()), after: wanted };
        draft.push(change, Vec::new(), text::connector::grow(min, max), mode);
    }
}

/// Connectors of other projects: looked at, never made from here.
pub(super) fn elsewhere(draft: &mut Draft<'_>, demand: &Demand) {
    for required in &demand.elsewhere {
        let connector = &required.connector;
        match draft.observed.elsewhere.get(connector) {
            Some(Ok(Some(found))) => match found.state {
                ConnectorState::Ready => {}
                ConnectorState::Creating | ConnectorState::Updating => {
                    draft.waiting_on.push(text::connector::elsewhere_changing(connector, found.state));
                }
                state => draft.blocked_by.push(text::connector::elsewhere_not_ready(connector, state)),
            },
            Some(Ok(None)) if draft.policy.covers(connector) => {
                match draft.context.history.blocked_elsewhere.get(connector) {
                    Some(why) => {
                        draft.blocked_by.push(text::connector::elsewhere_hindered(connector, &required.by, why))
                    }
                    None => draft.waiting_on.push(text::connector::elsewhere_asked(connector, &required.by)),
                }
            }
            Some(Ok(None)) => draft.blocked_by.push(text::connector::elsewhere_missing(connector, &required.by)),
            Some(Err(_)) | None => {}
        }
    }
}

/// The connectors that exist and that nothing here asks for, as one note: a plan says nothing else of them. They may be used
/// from projects that this look does not show.
pub fn unreferenced(observed: &Observed, demand: &Demand) -> Option<Note> {
    let planned: BTreeSet<&ConnectorRef> =
        demand.connectors.iter().map(|required| &required.connector).chain(&demand.unused).collect();
    let listed = observed.connectors.iter().flatten();
    let named = listed.filter_map(|found| Some((ConnectorRef::try_from(found.name.clone()).ok()?, found)));
    let mut others: Vec<_> = named
        .filter(|(connector, _)| !planned.contains(connector))
        .map(|(connector, found)| {
            let own = connector.project.as_str();
            let projects = found.connected_projects.iter().filter(|project| *project != own).cloned().collect();
            (connector.name, projects)
        })
        .collect();
    others.sort();
    let is_complete = observed.reads_every_user();
    (!others.is_empty()).then(|| text::connector::unreferenced(&observed.target, &others, is_complete))
}
