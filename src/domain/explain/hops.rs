//! Workload, connector, subnet and NAT.

use super::{Hop, HopKind, Mark, Scene};
use crate::domain::{
    desired::listed,
    names::{ConnectorRef, last_segment, relative},
    owned::{stamped, subnet_path},
    plan::nat::{WayOut, covering, way_out},
    policy::EnsureNat,
    reach::COMMON_TAG,
    rules::Site,
    state::{
        connector::{Connector, ConnectorState},
        router::Router,
        subnet::Subnet,
        workload::Workload,
    },
    text,
};

impl Scene<'_> {
    pub(super) fn by_connector(&self, start: Hop, connector: &ConnectorRef, all: bool) -> Vec<Hop> {
        let mut hops = vec![start];
        if !self.observed.target.has(connector) {
            hops.push(self.elsewhere(connector));
            return hops;
        }
        let found = listed(self.observed, connector);
        hops.push(self.connector(connector, found));
        let Some(standing) = found else { return hops };
        let objects = [format!("connector/{}", connector.name)];
        if standing.is_some()
            && self.plan.blocked_by.iter().any(|note| note.code == "other-network" && objects.contains(&note.object))
        {
            return hops;
        }
        let subnet = standing.and_then(|standing| self.subnet_of(standing));
        hops.push(self.subnet(connector, standing, subnet));
        let path = subnet.map(|subnet| subnet_path(&self.observed.network_name, &self.observed.target, &subnet.name));
        let tag = connector.tag();
        let tags = [COMMON_TAG, &tag];
        hops.push(self.nat(path.as_deref(), all, self.policy.for_connector(connector).nat.ensure, &tags));
        let hidden = standing.and_then(|standing| standing.ip_cidr_range.parse().ok());
        let range = subnet.and_then(Subnet::cidr).or(hidden);
        hops.extend(self.reach(connector, range, all));
        hops
    }

    /// A connector of another project, or another region.
    fn elsewhere(&self, connector: &ConnectorRef) -> Hop {
        let name = connector.to_string();
        let notes = self.notes(std::slice::from_ref(&name));
        let (mark, text) = match self.observed.elsewhere.get(connector) {
            Some(Ok(Some(found))) => (mark_of(found.state), text::explain::elsewhere(found.state)),
            Some(Ok(None)) => (Mark::Missing, text::explain::no_connector()),
            Some(Err(failure)) => (Mark::Blocked, text::explain::unread(failure)),
            None => (Mark::Blocked, text::explain::not_looked_at()),
        };
        Hop { notes, ..Hop::new(HopKind::Connector, &name, mark, text) }
    }

    fn connector(&self, connector: &ConnectorRef, found: Option<Option<&Connector>>) -> Hop {
        let objects = [format!("connector/{}", connector.name)];
        let (mark, text) = match (found, &self.observed.connectors) {
            (None, Err(failure)) => (Mark::Blocked, text::explain::unread(failure)),
            (None, Ok(_)) | (Some(None), _) => (Mark::Missing, text::explain::no_connector()),
            (Some(Some(standing)), _) => {
                let ours = stamped(self.policy, self.observed).iter().any(|(own, ..)| own == connector);
                (mark_of(standing.state), text::explain::connector(standing, ours))
            }
        };
        // What is wrong with its rules is told with the rules.
        let of_rules = |text: &String| {
            let notes = self.plan.blocked_by.iter().chain(&self.plan.findings);
            notes.filter(|note| matches!(note.code.as_str(), "shadowed" | "unmanaged")).any(|note| note.text == *text)
        };
        let notes: Vec<_> = self.notes(&objects).into_iter().filter(|text| !of_rules(text)).collect();
        Hop { notes, ..Hop::new(HopKind::Connector, connector.name.as_str(), mark, text) }
    }

    /// The subnet that a connector stands on, in the policy's network; `None` = hidden, or not seen.
    fn subnet_of(&self, connector: &Connector) -> Option<&Subnet> {
        let form = connector.subnet.as_ref()?;
        let network = self.observed.network_name.to_string();
        let mut subnets = self.observed.subnets.iter().flatten();
        subnets.find(|subnet| subnet.name == form.name && relative(&subnet.network) == network)
    }

    fn subnet(&self, connector: &ConnectorRef, standing: Option<&Connector>, subnet: Option<&Subnet>) -> Hop {
        let named = standing.and_then(|standing| standing.subnet.as_ref()).map(|form| form.name.clone());
        let new = self.plan.steps.iter().map(|step| &step.id).chain(self.plan.withheld.iter().map(|held| &held.step));
        let base = Site::new(self.policy, connector, &self.observed.network_name).base();
        let is_own = |name: &&str| name.starts_with(&format!("egress-{base}"));
        let new = new.filter_map(|id| id.0.strip_prefix("subnet/")).find(is_own);
        let name = named.or_else(|| new.map(str::to_owned)).unwrap_or_default();
        let (mark, text) = match (standing, subnet, &self.observed.subnets) {
            (_, Some(subnet), _) => (Mark::Ok, text::explain::subnet(subnet, &self.observed.network_name)),
            (Some(standing), None, _) if standing.subnet.is_none() => {
                (Mark::Ok, text::explain::hidden_subnet(&standing.ip_cidr_range))
            }
            (_, None, Err(failure)) => (Mark::Blocked, text::explain::unread(failure)),
            (_, None, Ok(_)) => (Mark::Missing, text::explain::no_subnet()),
        };
        let notes = self.notes(&[format!("subnet/{name}")]);
        Hop { notes, ..Hop::new(HopKind::Subnet, &name, mark, text) }
    }

    /// `subnet` is its relative name; `None` = a hidden one, or none that stands. `tags` = of the instances there.
    fn nat(&self, subnet: Option<&str>, all: bool, ensure: EnsureNat, tags: &[&str]) -> Hop {
        let hop = |name: &str, mark, text| Hop::new(HopKind::Nat, name, mark, text);
        if !all && ensure != EnsureNat::Always {
            return hop("", Mark::NotAsked, text::explain::private_only());
        }
        let (routers, routes) = match (&self.observed.routers, &self.observed.routes) {
            (Ok(routers), Ok(routes)) => (routers, routes),
            (Err(failure), _) | (_, Err(failure)) => return hop("", Mark::Blocked, text::explain::unread(failure)),
        };
        let network = self.observed.network_name.to_string();
        match way_out(routes, &network, tags) {
            WayOut::Internet => {}
            WayOut::Nowhere => return hop("", Mark::Missing, text::explain::no_default_route()),
            WayOut::Appliance(route) => {
                return hop("", Mark::NotAsked, text::explain::appliance(&route.name, &route.next_hop()));
            }
        }
        let here: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
        if let Some(nat) = covering(&here, subnet) {
            let router = here.iter().find(|router| router.nats.contains(nat)).map_or("", |router| router.name.as_str());
            let notes = self.notes(&[format!("router/{router}")]);
            return Hop { notes, ..hop(&nat.name, Mark::Ok, text::explain::nat(router)) };
        }
        let routers = self.plan.steps.iter().map(|step| &step.id.0);
        let routers = routers.chain(self.plan.withheld.iter().map(|held| &held.step.0));
        let routers = routers.chain(self.plan.blocked_by.iter().map(|note| &note.object));
        let mut objects: Vec<String> = routers.filter(|id| id.starts_with("router/")).cloned().collect();
        objects.push(format!("network/{}", self.observed.network_name.name));
        let mark = if self.is_blocked(&objects) { Mark::Blocked } else { Mark::Missing };
        Hop { notes: self.notes(&objects), ..hop("", mark, text::explain::no_nat(ensure)) }
    }

    /// Direct VPC egress: no connector; the rules of its own tags are its owner's.
    pub(super) fn direct(&self, workload: &Workload, all: bool) -> Vec<Hop> {
        let mut hops =
            vec![Hop::new(HopKind::Workload, &workload.name, Mark::Ok, text::explain::direct(workload, all))];
        let network = self.observed.network_name.to_string();
        let ensure = self.policy.for_target(&self.observed.target).nat.ensure;
        for interface in &workload.direct {
            let name = last_segment(&interface.subnetwork);
            let mut subnets = self.observed.subnets.iter().flatten();
            let subnet = subnets.find(|own| own.name == name && relative(&own.network) == network);
            match subnet {
                Some(subnet) => {
                    let text = text::explain::subnet(subnet, &self.observed.network_name);
                    hops.push(Hop::new(HopKind::Subnet, name, Mark::Ok, text));
                    let path = subnet_path(&self.observed.network_name, &self.observed.target, name);
                    let nat = self.nat(Some(&path), all, ensure, &[]);
                    let notes = if nat.mark == Mark::Missing { vec![text::explain::direct_nat()] } else { Vec::new() };
                    hops.push(Hop { notes: [notes, nat.notes.clone()].concat(), ..nat });
                }
                None => {
                    let name = if name.is_empty() { last_segment(&interface.network) } else { name };
                    hops.push(Hop::new(HopKind::Subnet, name, Mark::NotAsked, text::explain::other_network()));
                }
            }
        }
        let tags = text::explain::own_tags();
        hops.push(Hop::new(HopKind::Firewall, "rules of its own tags", Mark::NotAsked, tags));
        hops
    }
}

fn mark_of(state: ConnectorState) -> Mark {
    match state {
        ConnectorState::Ready => Mark::Ok,
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => Mark::Waiting,
        ConnectorState::Error | ConnectorState::StateUnspecified => Mark::Blocked,
    }
}
