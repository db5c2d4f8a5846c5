//! Workload, connector, subnet and NAT.

use ipnet::Ipv4Net;

use super::path::{Hop, HopKind, Mark, Scene};
use crate::domain::{
    codes::Code,
    demand::listed,
    firewall::reach::COMMON_TAG,
    names::{ConnectorRef, relative},
    ownership::{own_router, stamped},
    policy::EnsureNat,
    state::{
        connector::{Connector, ConnectorState},
        interface::Attachment,
        router::{Router, covering, router_of},
        subnet::Subnet,
        workload::Workload,
    },
    target::subnet_path,
    text,
    ways::ways_from,
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
            && self
                .plan
                .blocked_by
                .iter()
                .chain(&self.plan.findings)
                .any(|note| note.code == Code::OtherNetwork && objects.contains(&note.object))
        {
            return hops;
        }
        let subnet = standing.and_then(|standing| self.subnet_of(standing));
        hops.push(self.subnet(connector, standing, subnet));
        let path = subnet.map(|subnet| subnet_path(&self.observed.network_name, &self.observed.target, &subnet.name));
        let tag = connector.tag();
        let tags = [COMMON_TAG, &tag];
        let hidden = standing.and_then(|standing| standing.ip_cidr_range.parse().ok());
        let range = subnet.and_then(Subnet::cidr).or(hidden);
        let ensure = self.policy.for_connector(connector).nat.ensure;
        hops.push(self.nat(path.as_deref(), all, ensure, (&tags, range)));
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
            notes
                .filter(|note| matches!(note.code, Code::Shadowed | Code::CutOff | Code::Narrowed | Code::Unmanaged))
                .any(|note| note.text == *text)
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
        let path = self.blueprint.paths.iter().find(|path| path.required.connector == *connector);
        let new = path.and_then(|path| path.new_subnet.as_ref()).map(|subnet| subnet.name.clone());
        let name = named.or(new).unwrap_or_default();
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

    /// `subnet` is its relative name; `None` = a hidden one, or none that exists. `from` = the tags and the range of the
    /// instances there.
    fn nat(
        &self,
        subnet: Option<&str>,
        all: bool,
        ensure: EnsureNat,
        (tags, range): (&[&str], Option<Ipv4Net>),
    ) -> Hop {
        let hop = |name: &str, mark, text| Hop::new(HopKind::Nat, name, mark, text);
        if !all && ensure != EnsureNat::Always {
            return hop("", Mark::NotAsked, text::explain::private_only());
        }
        let routers = match (&self.observed.routers, &self.observed.routes) {
            (Ok(routers), Ok(_)) => routers,
            (Err(failure), _) | (_, Err(failure)) => return hop("", Mark::Blocked, text::explain::unread(failure)),
        };
        let network = self.observed.network_name.to_string();
        let ways = ways_from(self.observed, tags, range);
        if !ways.reach_gateway() {
            return match ways.elsewhere().next() {
                Some(_) => hop("", Mark::NotAsked, text::routes::hop::elsewhere(&ways)),
                // Dynamic routes are not seen: that nothing gets out is likely, and not known.
                None => Hop { unknown: true, ..hop("", Mark::Missing, text::routes::hop::none(&ways)) },
            };
        }
        let here: Vec<&Router> = routers.iter().filter(|router| relative(&router.network) == network).collect();
        if let Some(nat) = covering(&here, subnet) {
            let router = router_of(&here, nat).map_or("", |router| router.name.as_str());
            let mut notes = self.notes(&[format!("router/{router}")]);
            notes.extend(text::routes::hop::partly(&ways));
            let policies = self.observed.policy_routes.as_ref().and_then(|read| read.as_ref().err());
            notes.extend(policies.map(|failure| text::routes::policies_unread(failure).text));
            let status = self.status(router, &nat.name, &mut notes);
            return Hop { notes, ..hop(&nat.name, Mark::Ok, text::explain::nat(router, &status)) };
        }
        let routers = self.plan.steps.iter().map(|step| step.id.to_string());
        let routers = routers.chain(self.plan.withheld.iter().map(|held| held.step.to_string()));
        let routers = routers.chain(self.plan.blocked_by.iter().map(|note| note.object.clone()));
        let mut objects: Vec<String> = routers.filter(|id| id.starts_with("router/")).collect();
        objects.push(format!("network/{}", self.observed.network_name.name));
        let mark = if self.is_blocked(&objects) { Mark::Blocked } else { Mark::Missing };
        let mut notes = self.notes(&objects);
        notes.extend(text::routes::hop::partly(&ways));
        Hop { notes, ..hop("", mark, text::explain::no_nat(ensure)) }
    }

    /// The addresses that the world sees of a gateway; what is wrong with it goes to the notes.
    fn status(&self, router: &str, nat: &str, notes: &mut Vec<String>) -> Vec<String> {
        match self.observed.router_status.get(router) {
            Some(Ok(status)) => {
                let Some(status) = status.of_nat(nat) else { return Vec::new() };
                let missing = status.min_extra_nat_ips_needed;
                let ours = own_router(self.policy, self.observed).is_some_and(|own| own.name == router);
                let text = text::nat::exhausted(nat, router, missing, ours).text;
                if missing > 0 && !notes.contains(&text) {
                    notes.push(text);
                }
                status.addresses().cloned().collect()
            }
            Some(Err(failure)) => {
                notes.push(text::nat::status_unread(router, failure));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Direct VPC egress: no connector; the rules of its own tags are its owner's.
    pub(super) fn direct(&self, workload: &Workload, all: bool) -> Vec<Hop> {
        let mut hops =
            vec![Hop::new(HopKind::Workload, &workload.name, Mark::Ok, text::explain::direct(workload, all))];
        let ensure = self.policy.for_target(&self.observed.target).nat.ensure;
        for interface in &workload.direct {
            let name = interface.subnet_name();
            match self.observed.attachment(interface) {
                Attachment::Subnet(subnet) => {
                    hops.push(self.direct_subnet(workload, subnet));
                    let path = subnet_path(&self.observed.network_name, &self.observed.target, name);
                    let tags: Vec<&str> = interface.tags.iter().map(String::as_str).collect();
                    let nat = self.nat(Some(&path), all, ensure, (&tags, subnet.cidr()));
                    let notes = if nat.mark == Mark::Missing { vec![text::explain::direct_nat()] } else { Vec::new() };
                    hops.push(Hop { notes: [notes, nat.notes.clone()].concat(), ..nat });
                }
                Attachment::Absent => {
                    let (mark, text) = match &self.observed.subnets {
                        Err(failure) => (Mark::Blocked, text::explain::unread(failure)),
                        Ok(_) => (Mark::Missing, text::explain::no_such_subnet(&self.observed.network_name)),
                    };
                    hops.push(Hop::new(HopKind::Subnet, name, mark, text));
                }
                Attachment::OtherNetwork => {
                    hops.push(Hop::new(HopKind::Subnet, name, Mark::NotAsked, text::explain::other_network()));
                }
            }
        }
        let tags = text::explain::own_tags();
        hops.push(Hop::new(HopKind::Firewall, "rules of its own tags", Mark::NotAsked, tags));
        hops
    }
}

impl Scene<'_> {
    /// A subnet of Direct VPC egress; one that belongs to a connector is not for it.
    fn direct_subnet(&self, workload: &Workload, subnet: &Subnet) -> Hop {
        let seen = text::explain::subnet(subnet, &self.observed.network_name);
        match self.observed.connector_of_subnet(subnet) {
            None => Hop::new(HopKind::Subnet, &subnet.name, Mark::Ok, seen),
            Some(connector) => {
                let notes = self.notes(&[text::direct::object(workload)]);
                let text = text::explain::of_a_connector(&seen, &connector);
                Hop { notes, ..Hop::new(HopKind::Subnet, &subnet.name, Mark::Blocked, text) }
            }
        }
    }
}

fn mark_of(state: ConnectorState) -> Mark {
    match state {
        ConnectorState::Ready => Mark::Ok,
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => Mark::Waiting,
        ConnectorState::Error | ConnectorState::StateUnspecified => Mark::Blocked,
    }
}
