//! The path through a connector.

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    codes::{Code, HopCode},
    demand::listed,
    firewall::reach::COMMON_TAG,
    names::{ConnectorRef, relative},
    ownership::stamped,
    state::{
        connector::{Connector, ConnectorState},
        router::{Router, covering},
        subnet::Subnet,
    },
    target::subnet_path,
    text::{self, explain::GoogleAccess},
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
        hops.extend(self.outwards(path.as_deref(), all, ensure, (&tags, range)));
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
    pub(super) fn subnet_of(&self, connector: &Connector) -> Option<&Subnet> {
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

    /// A subnet that exists. Google's APIs are part of every path: a NAT gateway that covers the subnet turns Private Google
    /// Access on for it, whatever the subnet says.
    /// <https://cloud.google.com/nat/docs/overview#interaction-pga>
    pub(super) fn usable(&self, subnet: &Subnet) -> Hop {
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
    pub(super) fn here<'a>(&self, routers: &'a [Router]) -> Vec<&'a Router> {
        let network = self.observed.network_name.to_string();
        routers.iter().filter(|router| relative(&router.network) == network).collect()
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
