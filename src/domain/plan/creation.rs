//! Making a connector that is missing: whether it may be, on which subnet, and in which form.

use ipnet::Ipv4Net;

use super::{
    Change, Draft, Note, Object, StepId,
    connector::{Ownership, Standing},
    network,
};
use crate::domain::{
    desired::{Required, Requirer},
    names::ConnectorRef,
    owned::{stamped, subnet_path},
    policy::{Ensure, Policy, pattern},
    rules::Site,
    space::{self, Taken},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorSubnet},
        subnet::Subnet,
    },
    text,
};

/// What making connectors uses up, over the whole plan.
pub(super) struct Room {
    /// `None` = some read that tells what is taken failed or was not made: no range is cut.
    taken: Option<Taken>,
    /// Connectors made in the last 24 hours.
    new_today: u32,
}

impl Room {
    pub fn new(draft: &Draft<'_>, network: &network::Standing) -> Self {
        Self { taken: taken(draft, network), new_today: new_today(draft) }
    }
}

pub(super) fn plan<'a>(
    draft: &mut Draft<'a>,
    required: &'a Required,
    network: &network::Standing,
    room: &mut Room,
) -> Option<Standing<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let standing_subnet = own_subnet(draft, &required.connector);
    if let Some(note) = refusal(draft, required, settings, room.new_today, standing_subnet.is_some()) {
        draft.blocked_by.push(note);
        return None;
    }
    let waits_for = match network {
        network::Standing::Missing => return None,
        network::Standing::Planned(step) => vec![step.clone()],
        network::Standing::Stands { .. } => Vec::new(),
    };
    let (subnet, made_by) = match standing_subnet {
        Some(subnet) => (subnet, None),
        None => {
            let (subnet, step) = new_subnet(draft, required, 1, room, waits_for)?;
            (subnet, Some(step))
        }
    };
    room.new_today += 1;
    let document = new_connector(draft, &required.connector, &subnet, settings);
    let reason = text::connector::create(&required.by, &subnet.name);
    draft.push(Change::Create(Object::Connector(document)), made_by.iter().cloned().collect(), reason, settings.mode);
    let path = subnet_path(&draft.observed.network_name, &draft.observed.target, &subnet.name);
    let range = subnet.cidr();
    Some(Standing { required, settings, ownership: Ownership::Ours, subnet: Some((path, range)), range, made_by })
}

/// Why a missing connector is not made; `None` = it may be.
fn refusal(draft: &Draft<'_>, required: &Required, settings: &Policy, new_today: u32, again: bool) -> Option<Note> {
    let connector = &required.connector;
    let section = &settings.connector;
    let declared = required.by.contains(&Requirer::Declared);
    let wanted = required.by.iter().any(|by| matches!(by, Requirer::Wanted(_)));
    let referenced = required.by.iter().any(|by| matches!(by, Requirer::Workload(_)));
    if section.ensure == Ensure::Never || section.ensure == Ensure::Declared && !declared {
        return Some(text::connector::not_ensured(connector, section.ensure));
    }
    if !declared && !section.names.iter().any(|glob| pattern::names(glob, connector)) {
        return Some(text::connector::name_not_allowed(connector, &section.names));
    }
    if let Some(frozen) = &required.frozen {
        return Some(text::connector::frozen(connector, frozen));
    }
    if let Some(cause) = draft.budget.refused.get(connector) {
        return Some(text::connector::refused_before(connector, cause));
    }
    // A live workload names it, so it stood once: somebody deleted it.
    if referenced && !declared && !wanted && !section.recreate {
        return Some(text::connector::deleted(connector));
    }
    (!again && new_today >= section.new_per_day).then(|| text::connector::daily_limit(connector, section.new_per_day))
}

/// Our subnet that stands for this connector; of several attempts the highest.
pub(super) fn own_subnet(draft: &Draft<'_>, connector: &ConnectorRef) -> Option<Subnet> {
    stamped(draft.policy, draft.observed)
        .into_iter()
        .filter(|(named, ..)| named == connector)
        .max_by_key(|(_, stamp, _)| stamp.attempt.unwrap_or(1))
        .map(|(_, _, subnet)| subnet.clone())
}

/// Plans a subnet of the connector's own, on the first range that is free; `None` = it cannot be made, and why is told.
pub(super) fn new_subnet(
    draft: &mut Draft<'_>,
    required: &Required,
    attempt: u32,
    room: &mut Room,
    waits_for: Vec<StepId>,
) -> Option<(Subnet, StepId)> {
    let connector = &required.connector;
    let settings = draft.policy.for_connector(connector);
    let pools = &settings.connector.subnet_pools;
    let taken = room.taken.as_mut()?;
    let Some(range) = taken.first_free(pools) else {
        draft.blocked_by.push(text::connector::no_space(connector, pools, space::capacity(pools)));
        return None;
    };
    let subnet = subnet(draft, required, attempt, range);
    if draft.observed.subnets.iter().flatten().any(|other| other.name == subnet.name) {
        draft.blocked_by.push(text::name_taken("subnet", &subnet.name));
        return None;
    }
    taken.add(range);
    let reason = text::connector::create_subnet(connector, &subnet.ip_cidr_range, attempt);
    let step = draft.push(Change::Create(Object::Subnet(subnet.clone())), waits_for, reason, settings.mode);
    Some((subnet, step))
}

fn subnet(draft: &Draft<'_>, required: &Required, attempt: u32, range: Ipv4Net) -> Subnet {
    let observed = draft.observed;
    let connector = &required.connector;
    let base = Site { connector, network: &observed.network_name, range: None }.base();
    let name = if attempt == 1 { format!("egress-{base}") } else { format!("egress-{base}-{attempt}") };
    let path = subnet_path(&observed.network_name, &observed.target, &name);
    let mut stamp = Stamp::new(&draft.policy.owner, path, Some(connector.to_string()));
    stamp.egress = Some(required.egress.as_str().to_owned());
    stamp.attempt = Some(attempt);
    Subnet {
        name,
        description: stamp.to_string(),
        network: observed.network_name.to_string(),
        ip_cidr_range: range.to_string(),
        private_ip_google_access: true,
        ..Subnet::default()
    }
}

fn new_connector(draft: &Draft<'_>, connector: &ConnectorRef, subnet: &Subnet, settings: &Policy) -> Connector {
    let network = &draft.observed.network_name;
    let shared = network.project != connector.project;
    Connector {
        name: connector.to_string(),
        subnet: Some(ConnectorSubnet {
            name: subnet.name.clone(),
            project_id: if shared { network.project.to_string() } else { String::new() },
        }),
        machine_type: settings.connector.machine_type.as_str().to_owned(),
        min_instances: Some(settings.connector.min_instances),
        max_instances: Some(settings.connector.max_instances),
        ..Connector::default()
    }
}

fn taken(draft: &Draft<'_>, network: &network::Standing) -> Option<Taken> {
    let observed = draft.observed;
    let (Ok(subnets), Ok(routes), Some(Ok(space))) = (&observed.subnets, &observed.routes, &observed.address_space)
    else {
        return None;
    };
    let auto_mode = matches!(network, network::Standing::Stands { auto_mode: true, .. });
    let mut taken = Taken::new(&observed.network_name.to_string(), subnets, space, routes, auto_mode);
    for range in &draft.budget.taken {
        taken.add(*range);
    }
    Some(taken)
}

/// Connectors made in the last 24 hours, read off our subnets' creation times.
fn new_today(draft: &Draft<'_>) -> u32 {
    let day = jiff::SignedDuration::from_hours(24);
    let fresh = stamped(draft.policy, draft.observed)
        .into_iter()
        .filter(|(.., subnet)| subnet.created().is_some_and(|at| draft.now.duration_since(at) < day))
        .count();
    u32::try_from(fresh).unwrap_or(u32::MAX).saturating_add(draft.budget.recreated)
}
