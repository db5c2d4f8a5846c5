//! A connector that is missing: whether it may be created, on which subnet, and in which form.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde_json::json;

use super::{Draft, Ground, Ownership, Path};
use crate::domain::{
    address_space::{self, AllocatedRanges},
    firewall::rule_set::Site,
    names::ConnectorRef,
    ownership::stamped,
    plan::Note,
    policy::{Ensure, Policy, pattern},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorSubnet},
        requirement::{Required, Requirer},
        subnet::Subnet,
    },
    target::subnet_path,
    text,
};

/// What new connectors use up, over the whole design.
pub(super) struct AddressAllocator {
    /// `None` = some read that tells what is taken failed or was not made: no range is cut.
    taken: Option<AllocatedRanges>,
    today: CreationQuota,
}

impl AddressAllocator {
    pub fn new(draft: &Draft<'_>, network: &Ground) -> Self {
        Self { taken: taken(draft, network), today: CreationQuota::new(draft) }
    }
}

/// Connectors made in the last 24 hours: subnets of ours made for each, and how often it was made as far as the history goes. A
/// subnet whose connector is still to be made has its creation counted already.
struct CreationQuota(BTreeMap<ConnectorRef, (u32, u32)>);

impl CreationQuota {
    fn new(draft: &Draft<'_>) -> Self {
        let day = jiff::SignedDuration::from_hours(24);
        let mut counts: BTreeMap<ConnectorRef, (u32, u32)> = BTreeMap::new();
        for (connector, _, subnet) in stamped(draft.policy, draft.observed) {
            if subnet.created().is_some_and(|at| draft.now.duration_since(at) < day) {
                counts.entry(connector).or_default().0 += 1;
            }
        }
        for (connector, made) in &draft.history.created {
            counts.entry(connector.clone()).or_default().1 = *made;
        }
        Self(counts)
    }

    /// Counts one more, on a new subnet or on one that stands; `false` = that would be more than `limit`.
    fn take(&mut self, connector: &ConnectorRef, new_subnet: bool, limit: u32) -> bool {
        let count = |(subnets, made): &(u32, u32)| *subnets.max(made);
        let all: u32 = self.0.values().map(count).sum();
        let own = self.0.entry(connector.clone()).or_default();
        let next = (own.0 + u32::from(new_subnet), own.1 + 1);
        let more = count(&next) - count(own);
        let fits = more == 0 || all + more <= limit;
        if fits {
            *own = next;
        }
        fits
    }
}

pub(super) fn design<'a>(
    draft: &mut Draft<'a>,
    required: &'a Required,
    network: &Ground,
    room: &mut AddressAllocator,
) -> Option<Path<'a>> {
    let settings = draft.policy.for_connector(&required.connector);
    let own_subnet = own_subnet(draft, &required.connector);
    let refusal = refusal(draft, required, settings).or_else(|| {
        let limit = settings.connector.new_per_day;
        let fits = room.today.take(&required.connector, own_subnet.is_none(), limit);
        (!fits).then(|| text::connector::daily_limit(&required.connector, limit))
    });
    if let Some(note) = refusal {
        draft.block(note);
        return None;
    }
    if matches!(network, Ground::Missing) {
        return None;
    }
    let new_subnet = match own_subnet {
        Some(_) => None,
        None => Some(new_subnet(draft, required, 1, room)?),
    };
    let subnet = new_subnet.as_ref().or(own_subnet.as_ref())?;
    let path = subnet_path(&draft.observed.network_name, &draft.observed.target, &subnet.name);
    let range = subnet.cidr();
    Some(Path {
        required,
        settings,
        ownership: Ownership::Ours,
        subnet: Some((path, range)),
        range,
        next: None,
        connector: new_connector(draft, &required.connector, subnet, settings),
        existing: None,
        leaves: None,
        new_subnet,
        rules: Vec::new(),
    })
}

/// Why a missing connector is not made; `None` = it may be.
fn refusal(draft: &Draft<'_>, required: &Required, settings: &Policy) -> Option<Note> {
    let connector = &required.connector;
    let by = |requirer: fn(&Requirer) -> bool| required.by.iter().any(requirer);
    match bar(required, settings) {
        Some(PolicyBlock::Ensure) => return Some(text::connector::not_ensured(connector, settings.connector.ensure)),
        Some(PolicyBlock::Names) => {
            return Some(text::connector::name_not_allowed(connector, &settings.connector.names));
        }
        None => {}
    }
    if let Some(frozen) = &required.frozen {
        return Some(text::connector::frozen(connector, frozen));
    }
    if let Some(cause) = draft.history.refused.get(connector) {
        return Some(text::connector::refused_before(connector, cause));
    }
    // A live workload names it, so it stood once: somebody deleted it, unless we did so to replace it.
    let stood = by(|by| matches!(by, Requirer::Workload(_) | Requirer::Further(_)));
    let asked = by(|by| matches!(by, Requirer::Declared | Requirer::Wanted(_)));
    let replaced = by(|by| *by == Requirer::Stamp) && own_subnet(draft, connector).is_some_and(|own| attempt(&own) > 1);
    (stood && !asked && !replaced && !settings.connector.recreate).then(|| text::connector::deleted(connector))
}

/// Why the policy would not have the connector made, whatever became of an earlier one.
enum PolicyBlock {
    Ensure,
    Names,
}

fn bar(required: &Required, settings: &Policy) -> Option<PolicyBlock> {
    let section = &settings.connector;
    let declared = required.by.contains(&Requirer::Declared);
    let named = || section.names.iter().any(|glob| pattern::names(glob, &required.connector));
    match section.ensure {
        Ensure::Never => Some(PolicyBlock::Ensure),
        Ensure::Declared if !declared => Some(PolicyBlock::Ensure),
        Ensure::Referenced | Ensure::Declared => (!declared && !named()).then_some(PolicyBlock::Names),
    }
}

/// The key of the policy that would not let a connector be made again, were it deleted to be replaced.
pub(super) fn irreplaceable(
    required: &Required,
    settings: &Policy,
    room: &mut AddressAllocator,
    on_newest: bool,
) -> Option<&'static str> {
    match bar(required, settings) {
        Some(PolicyBlock::Ensure) => Some("connector.ensure"),
        Some(PolicyBlock::Names) => Some("connector.names"),
        None => {
            let fits = room.today.take(&required.connector, on_newest, settings.connector.new_per_day);
            (!fits).then_some("connector.new_per_day")
        }
    }
}

/// Which attempt at its connector a subnet of ours is for.
pub fn attempt(subnet: &Subnet) -> u32 {
    Stamp::read(&subnet.description).and_then(|stamp| stamp.attempt).unwrap_or(1)
}

/// Our subnet that stands for this connector; of several attempts the highest.
pub(super) fn own_subnet(draft: &Draft<'_>, connector: &ConnectorRef) -> Option<Subnet> {
    stamped(draft.policy, draft.observed)
        .into_iter()
        .filter(|(named, ..)| named == connector)
        .max_by_key(|(_, stamp, _)| stamp.attempt.unwrap_or(1))
        .map(|(_, _, subnet)| subnet.clone())
}

/// A subnet of the connector's own, on the first range that is free; `None` = it cannot be created, and why is noted.
pub(super) fn new_subnet(
    draft: &mut Draft<'_>,
    required: &Required,
    attempt: u32,
    room: &mut AddressAllocator,
) -> Option<Subnet> {
    let connector = &required.connector;
    let pools = &draft.policy.for_connector(connector).connector.subnet_pools;
    let taken = room.taken.as_mut()?;
    let Some(range) = taken.first_free(pools) else {
        let holders = taken.holders(pools);
        draft.block(text::connector::no_space(connector, pools, address_space::capacity(pools), &holders));
        return None;
    };
    let subnet = subnet(draft, required, attempt, range);
    if draft.observed.subnets.iter().flatten().any(|other| other.name == subnet.name) {
        draft.block(text::name_taken("subnet", &subnet.name));
        return None;
    }
    taken.add(range, format!("subnet {} of this plan", subnet.name));
    let unread = draft.observed.address_space.iter().flatten().flat_map(|space| &space.unread);
    draft.notes.findings.extend(unread.map(text::routes::unread));
    Some(subnet)
}

fn subnet(draft: &Draft<'_>, required: &Required, attempt: u32, range: Ipv4Net) -> Subnet {
    let observed = draft.observed;
    let connector = &required.connector;
    let base = Site::new(draft.policy, connector, &observed.network_name).base();
    let name = if attempt == 1 { format!("egress-{base}") } else { format!("egress-{base}-{attempt}") };
    let path = subnet_path(&observed.network_name, &observed.target, &name);
    let mut stamp = Stamp::new(&draft.policy.owner, path, Some(connector.to_string()));
    let flow_logs = draft.policy.for_connector(connector).connector.subnet_flow_logs;
    let other = flow_logs.then(|| ("logConfig".to_owned(), json!({"enable": true}))).into_iter().collect();
    stamp.egress = Some(required.egress.as_str().to_owned());
    stamp.attempt = Some(attempt);
    Subnet {
        name,
        description: stamp.to_string(),
        network: observed.network_name.to_string(),
        ip_cidr_range: range.to_string(),
        private_ip_google_access: true,
        other,
        ..Subnet::default()
    }
}

pub(super) fn new_connector(
    draft: &Draft<'_>,
    connector: &ConnectorRef,
    subnet: &Subnet,
    settings: &Policy,
) -> Connector {
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

fn taken(draft: &Draft<'_>, network: &Ground) -> Option<AllocatedRanges> {
    let observed = draft.observed;
    let (Ok(subnets), Ok(routes), Some(Ok(space))) = (&observed.subnets, &observed.routes, &observed.address_space)
    else {
        return None;
    };
    let auto_mode = matches!(network, Ground::Stands { auto_mode: true, .. });
    let mut taken = AllocatedRanges::new(&observed.network_name.to_string(), subnets, space, routes, auto_mode);
    for range in &draft.history.taken {
        taken.add(*range, "something that no list shows".to_owned());
    }
    Some(taken)
}
