//! The connector and the subnet it stands on.

use ipnet::Ipv4Net;

use super::{Change, Draft, Note, Object, StepId, network};
use crate::domain::{
    desired::{Desired, Required, Requirer, listed, stamped, subnet_path},
    names::{ConnectorRef, last_segment, relative},
    policy::{Ensure, Policy, pattern},
    rules::Site,
    space::{self, Taken},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState, ConnectorSubnet},
        subnet::Subnet,
    },
    text,
    wanted::Egress,
};

/// A required connector as it stands, or will stand after this plan: what NAT and firewall build on.
pub(super) struct Standing<'a> {
    pub required: &'a Required,
    pub settings: &'a Policy,
    pub ownership: Ownership,
    /// The subnet's relative name and range; `None` = it is hidden (CIDR form).
    pub subnet: Option<(String, Option<Ipv4Net>)>,
    /// The range, in either form.
    pub range: Option<Ipv4Net>,
    /// The step that makes the subnet, if this plan makes it.
    pub made_by: Option<StepId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    Ours,
    Adopted,
    Foreign,
}

pub(super) fn plan<'a>(draft: &mut Draft<'a>, desired: &'a Desired, network: &network::Standing) -> Vec<Standing<'a>> {
    elsewhere(draft, desired);
    let mut taken = taken(draft, network);
    let mut standings = Vec::new();
    let mut new_today = new_today(draft);
    for required in &desired.connectors {
        if let Some(warning) = text::connector::long_name(&required.connector) {
            draft.findings.push(warning);
        }
        // Not read: nothing is known, so nothing is planned; the failed read is in the notes already.
        let standing = match listed(draft.observed, &required.connector) {
            None => None,
            Some(Some(connector)) => found(draft, required, connector),
            Some(None) => missing(draft, required, network, taken.as_mut(), &mut new_today),
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
            Some(Ok(Some(found))) if found.state == ConnectorState::Ready => {}
            Some(Ok(Some(found))) => {
                draft.blocked_by.push(text::connector::elsewhere_not_ready(connector, found.state))
            }
            Some(Ok(None)) => draft.blocked_by.push(text::connector::elsewhere_missing(connector, &required.by)),
            Some(Err(_)) | None => {}
        }
    }
}

fn found<'a>(draft: &mut Draft<'a>, required: &'a Required, connector: &'a Connector) -> Option<Standing<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let site = match place(draft, required, connector) {
        Ok(site) => site,
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
    match connector.state {
        ConnectorState::Ready | ConnectorState::StateUnspecified => {
            grow(draft, required, connector, settings, ownership)
        }
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => {
            draft.waiting_on.push(text::connector::waiting(&required.connector, connector.state));
        }
        ConnectorState::Error => {
            let cause = draft.budget.refused.get(&required.connector).map(String::as_str);
            draft.blocked_by.push(text::connector::in_error(&required.connector, site.ours, cause));
        }
    }
    Some(Standing { required, settings, ownership, subnet: site.subnet, range: site.range, made_by: None })
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
    if ownership != Ownership::Ours || wanted == (min, max) || wanted.0 >= wanted.1 || required.frozen.is_some() {
        return;
    }
    let after = Connector { min_instances: Some(wanted.0), max_instances: Some(wanted.1), ..connector.clone() };
    let change = Change::Repair { before: Object::Connector(connector.clone()), after: Object::Connector(after) };
    draft.push(change, Vec::new(), text::connector::grow(wanted.0, wanted.1), settings.mode);
}

fn missing<'a>(
    draft: &mut Draft<'a>,
    required: &'a Required,
    network: &network::Standing,
    taken: Option<&mut Taken>,
    new_today: &mut u32,
) -> Option<Standing<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let standing_subnet = own_subnet(draft, &required.connector);
    if let Some(note) = refusal(draft, required, settings, *new_today, standing_subnet.is_some()) {
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
            let subnet = new_subnet(draft, required, settings, taken?)?;
            let step = draft.push(
                Change::Create(Object::Subnet(subnet.clone())),
                waits_for,
                text::connector::create_subnet(&required.connector, &subnet.ip_cidr_range),
                settings.mode,
            );
            (subnet, Some(step))
        }
    };
    *new_today += 1;
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
fn own_subnet(draft: &Draft<'_>, connector: &ConnectorRef) -> Option<Subnet> {
    stamped(draft.policy, draft.observed)
        .into_iter()
        .filter(|(named, ..)| named == connector)
        .max_by_key(|(_, stamp, _)| stamp.attempt.unwrap_or(1))
        .map(|(_, _, subnet)| subnet.clone())
}

fn new_subnet(draft: &mut Draft<'_>, required: &Required, settings: &Policy, taken: &mut Taken) -> Option<Subnet> {
    let observed = draft.observed;
    let connector = &required.connector;
    let site = Site { connector, network: &observed.network_name, range: None };
    let name = format!("egress-{}", site.base());
    let Some(range) = taken.first_free(&settings.connector.subnet_pools) else {
        let pools = &settings.connector.subnet_pools;
        draft.blocked_by.push(text::connector::no_space(connector, pools, space::capacity(pools)));
        return None;
    };
    if observed.subnets.iter().flatten().any(|subnet| subnet.name == name) {
        draft.blocked_by.push(text::name_taken("subnet", &name));
        return None;
    }
    taken.add(range);
    let path = subnet_path(&observed.network_name, &observed.target, &name);
    let mut stamp = Stamp::new(&draft.policy.owner, path, Some(connector.to_string()));
    stamp.egress =
        Some(if required.egress == Egress::AllTraffic { "all-traffic" } else { "private-ranges-only" }.to_owned());
    stamp.attempt = Some(1);
    Some(Subnet {
        name,
        description: stamp.to_string(),
        network: observed.network_name.to_string(),
        ip_cidr_range: range.to_string(),
        private_ip_google_access: true,
        ..Subnet::default()
    })
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

/// `None` = some read that tells what is taken failed or was not made: no range is cut.
fn taken(draft: &Draft<'_>, network: &network::Standing) -> Option<Taken> {
    let observed = draft.observed;
    let (Ok(subnets), Ok(routes), Some(Ok(space))) = (&observed.subnets, &observed.routes, &observed.address_space)
    else {
        return None;
    };
    let auto_mode = matches!(network, network::Standing::Stands { auto_mode: true, .. });
    Some(Taken::new(&observed.network_name.to_string(), subnets, space, routes, auto_mode))
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
