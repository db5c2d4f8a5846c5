//! Workload, connector, subnet and NAT.

use ipnet::Ipv4Net;

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    codes::{Code, HopCode},
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
    text::{self, explain::GoogleAccess},
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
            if let Some(hop) = hops.last_mut() {
                (hop.state, hop.code) = (HopState::Broken, Some(HopCode::OtherNetwork));
            }
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
        let hop = |state, text| Hop::new(HopKind::Connector, &name, state, text);
        let hop = match self.observed.elsewhere.get(connector) {
            Some(Ok(Some(found))) => running(hop(state_of(found.state), text::explain::elsewhere(found.state))),
            Some(Ok(None)) => hop(HopState::Missing, text::explain::no_connector()).code(HopCode::MissingConnector),
            Some(Err(failure)) => Hop::unread(HopKind::Connector, &name, failure),
            None => hop(HopState::Unknown, text::explain::not_looked_at()).code(HopCode::NotChecked),
        };
        Hop { notes, ..hop }.resource(name.as_str()).evidence(self.connector_evidence(connector))
    }

    fn connector(&self, connector: &ConnectorRef, found: Option<Option<&Connector>>) -> Hop {
        let objects = [format!("connector/{}", connector.name)];
        let name = connector.name.as_str();
        let hop = |state, text| Hop::new(HopKind::Connector, name, state, text);
        let hop = match (found, &self.observed.connectors) {
            (None, Err(failure)) => Hop::unread(HopKind::Connector, name, failure),
            (None, Ok(_)) | (Some(None), _) => {
                hop(HopState::Missing, text::explain::no_connector()).code(HopCode::MissingConnector)
            }
            (Some(Some(standing)), _) => {
                let ours = stamped(self.policy, self.observed).iter().any(|(own, ..)| own == connector);
                running(hop(state_of(standing.state), text::explain::connector(standing, ours)))
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
        Hop { notes, ..hop }.resource(connector.to_string()).evidence(self.connector_evidence(connector))
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
        let hop = |state, text| Hop::new(HopKind::Subnet, &name, state, text);
        let hop = match (standing, subnet, &self.observed.subnets) {
            (_, Some(subnet), _) => self.usable(subnet),
            (Some(standing), None, _) if standing.subnet.is_none() => {
                hop(HopState::Ok, text::explain::hidden_subnet(&standing.ip_cidr_range))
            }
            (_, None, Err(failure)) => Hop::unread(HopKind::Subnet, &name, failure),
            (_, None, Ok(_)) => hop(HopState::Missing, text::explain::no_subnet()).code(HopCode::MissingSubnet),
        };
        let notes = self.notes(&[format!("subnet/{name}")]);
        let evidence = self.subnet_evidence(if hop.state == HopState::Missing { "" } else { &name });
        Hop { notes, resource: self.subnet_resource(&name), ..hop }.evidence(evidence)
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
        let hop = |name: &str, state, text| Hop::new(HopKind::Nat, name, state, text);
        if !all && ensure != EnsureNat::Always {
            return hop("", HopState::NotNeeded, text::explain::private_only()).code(HopCode::PrivateOnly);
        }
        let routers = match (&self.observed.routers, &self.observed.routes) {
            (Ok(routers), Ok(_)) => routers,
            (Err(failure), _) => return Hop::unread(HopKind::Nat, "", failure).evidence(self.routers_evidence()),
            (_, Err(failure)) => return Hop::unread(HopKind::Nat, "", failure).evidence(self.routes_evidence()),
        };
        let ways = ways_from(self.observed, tags, range);
        if !ways.reach_gateway() {
            let hop = match ways.elsewhere().next() {
                Some(_) => hop("", HopState::NotNeeded, text::routes::hop::elsewhere(&ways)).code(HopCode::Appliance),
                // Dynamic routes are not seen: that nothing gets out is likely, and not known.
                None => {
                    let hop = hop("", HopState::Unknown, text::routes::hop::none(&ways)).code(HopCode::NoRoute);
                    Hop { unsure: true, ..hop }
                }
            };
            return hop.evidence(self.routes_evidence());
        }
        let here = self.here(routers);
        if let Some(nat) = covering(&here, subnet) {
            let router = router_of(&here, nat).map_or("", |router| router.name.as_str());
            let mut notes = self.notes(&[format!("router/{router}")]);
            notes.extend(text::routes::hop::partly(&ways));
            let policies = self.observed.policy_routes.as_ref().and_then(|read| read.as_ref().err());
            notes.extend(policies.map(|failure| text::routes::policies_unread(failure).text));
            let status = self.status(router, &nat.name, &mut notes);
            let code = self.is_exhausted(router, &nat.name).then_some(HopCode::CloudNatNoAddresses);
            let hop = hop(&nat.name, HopState::Ok, text::explain::nat(router, &status));
            return Hop { notes, code, ..hop }
                .resource(self.router_resource(router))
                .evidence(self.router_evidence(router));
        }
        let routers = self.plan.steps.iter().map(|step| step.id.to_string());
        let routers = routers.chain(self.plan.withheld.iter().map(|held| held.step.to_string()));
        let routers = routers.chain(self.plan.blocked_by.iter().map(|note| note.object.clone()));
        let mut objects: Vec<String> = routers.filter(|id| id.starts_with("router/")).collect();
        objects.push(format!("network/{}", self.observed.network_name.name));
        let state = if self.is_blocked(&objects) { HopState::Broken } else { HopState::Missing };
        let mut notes = self.notes(&objects);
        notes.extend(text::routes::hop::partly(&ways));
        let hop = hop("", state, text::explain::no_nat(ensure)).code(HopCode::NoExternalAddress);
        Hop { notes, ..hop }.evidence(self.routers_evidence())
    }

    fn is_exhausted(&self, router: &str, nat: &str) -> bool {
        let status = self.observed.router_status.get(router).and_then(|read| read.as_ref().ok());
        status.and_then(|status| status.of_nat(nat)).is_some_and(|nat| nat.min_extra_nat_ips_needed > 0)
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
        let mut hops = vec![self.workload(workload, HopState::Ok, text::explain::direct(workload, all))];
        let ensure = self.policy.for_target(&self.observed.target).nat.ensure;
        for interface in &workload.direct {
            let name = interface.subnet_name();
            let hop = |state, text| Hop::new(HopKind::Subnet, name, state, text);
            let named =
                |hop: Hop| Hop { resource: self.subnet_resource(name), ..hop }.evidence(self.subnet_evidence(name));
            match self.observed.attachment(interface) {
                Attachment::Subnet(subnet) => {
                    hops.push(self.direct_subnet(workload, subnet));
                    let path = subnet_path(&self.observed.network_name, &self.observed.target, name);
                    let tags: Vec<&str> = interface.tags.iter().map(String::as_str).collect();
                    let nat = self.nat(Some(&path), all, ensure, (&tags, subnet.cidr()));
                    let notes =
                        if nat.state == HopState::Missing { vec![text::explain::direct_nat()] } else { Vec::new() };
                    hops.push(Hop { notes: [notes, nat.notes.clone()].concat(), ..nat });
                }
                Attachment::Absent => hops.push(named(match &self.observed.subnets {
                    Err(failure) => Hop::unread(HopKind::Subnet, name, failure),
                    Ok(_) => hop(HopState::Missing, text::explain::no_such_subnet(&self.observed.network_name))
                        .code(HopCode::MissingSubnet),
                })),
                Attachment::OtherNetwork => {
                    hops.push(hop(HopState::Unknown, text::explain::other_network()).code(HopCode::OtherNetwork));
                }
            }
        }
        let rules = Hop::new(HopKind::Firewall, "rules of its own tags", HopState::Unknown, text::explain::own_tags());
        hops.push(rules.code(HopCode::NotChecked).evidence(self.firewall_evidence()));
        hops
    }
}

impl Scene<'_> {
    /// A subnet that exists. Google's APIs are part of every path: a NAT gateway that covers the subnet turns Private Google
    /// Access on for it, whatever the subnet says.
    /// <https://cloud.google.com/nat/docs/overview#interaction-pga>
    fn usable(&self, subnet: &Subnet) -> Hop {
        let path = subnet_path(&self.observed.network_name, &self.observed.target, &subnet.name);
        let covered = |routers: &[Router]| covering(&self.here(routers), Some(&path)).is_some();
        let apis = match &self.observed.routers {
            _ if subnet.private_ip_google_access => GoogleAccess::On,
            Ok(routers) if covered(routers) => GoogleAccess::ByNat,
            Ok(_) => GoogleAccess::Off,
            Err(_) => GoogleAccess::Unknown,
        };
        let text = text::explain::subnet(subnet, &self.observed.network_name, apis);
        let hop = Hop::new(HopKind::Subnet, &subnet.name, HopState::Ok, text);
        match apis {
            GoogleAccess::On | GoogleAccess::ByNat => hop,
            GoogleAccess::Off => hop.code(HopCode::PrivateGoogleAccessDisallowed),
            GoogleAccess::Unknown => Hop { unsure: true, ..hop.code(HopCode::PrivateGoogleAccessDisallowed) },
        }
    }

    /// Those of the policy's network.
    fn here<'a>(&self, routers: &'a [Router]) -> Vec<&'a Router> {
        let network = self.observed.network_name.to_string();
        routers.iter().filter(|router| relative(&router.network) == network).collect()
    }

    /// A subnet of Direct VPC egress; one that belongs to a connector is not for it.
    fn direct_subnet(&self, workload: &Workload, subnet: &Subnet) -> Hop {
        let hop = self.usable(subnet);
        let name = &subnet.name;
        let hop = match self.observed.connector_of_subnet(subnet) {
            None => hop,
            Some(connector) => {
                let notes = self.notes(&[text::direct::object(workload)]);
                let text = text::explain::of_a_connector(&hop.text, &connector);
                Hop { notes, ..Hop::new(HopKind::Subnet, name, HopState::Broken, text) }.code(HopCode::SubnetInUse)
            }
        };
        Hop { resource: self.subnet_resource(name), ..hop }.evidence(self.subnet_evidence(name))
    }
}

fn running(hop: Hop) -> Hop {
    match hop.state {
        HopState::Ok => hop,
        _ => hop.code(HopCode::ConnectorNotRunning),
    }
}

fn state_of(state: ConnectorState) -> HopState {
    match state {
        ConnectorState::Ready => HopState::Ok,
        ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting => HopState::Waiting,
        ConnectorState::Error | ConnectorState::StateUnspecified => HopState::Broken,
    }
}
