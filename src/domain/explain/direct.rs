//! The path of a workload with Direct VPC egress.

use super::path::{Hop, HopKind, HopState, Scene};
use crate::domain::{
    codes::HopCode,
    state::{
        interface::{Attachment, BLOCK},
        subnet::Subnet,
        workload::{Interface, Workload},
    },
    target::subnet_path,
    text,
};

impl Scene<'_> {
    /// Direct VPC egress: no connector; the rules for its network tags are its owner's.
    pub(super) fn direct(&self, workload: &Workload, all: bool) -> Vec<Hop> {
        let mut hops = vec![self.workload(workload, HopState::Ok, text::explain::direct(workload, all))];
        hops.extend(workload.direct.iter().flat_map(|interface| self.interface(workload, interface, all)));
        hops
    }

    fn interface(&self, workload: &Workload, interface: &Interface, all: bool) -> Vec<Hop> {
        let name = interface.subnet_name();
        let hop = |kind, state, text| Hop::new(kind, name, state, text);
        let own = |state| {
            let text = text::explain::interface(&self.observed.network_name, &interface.tags);
            let hop = Hop::new(HopKind::Interface, &self.observed.network_name.name.to_string(), state, text);
            hop.resource(self.observed.network_name.to_string())
        };
        let named = |hop: Hop| Hop { resource: self.subnet_resource(name), ..hop }.evidence(self.subnet_evidence(name));
        match self.observed.attachment(interface) {
            Attachment::Subnet(subnet) => {
                let ensure = self.policy.for_target(&self.observed.target).nat.ensure;
                let path = subnet_path(&self.observed.network_name, &self.observed.target, name);
                let tags: Vec<&str> = interface.tags.iter().map(String::as_str).collect();
                let mut hops = vec![own(HopState::Ok), self.direct_subnet(workload, subnet)];
                hops.extend(self.outwards(Some(&path), all, ensure, (&tags, subnet.cidr())));
                for nat in hops.iter_mut().filter(|hop| hop.kind == HopKind::Nat && hop.state == HopState::Missing) {
                    nat.notes.insert(0, text::explain::direct_nat());
                }
                hops.extend(self.reach_of_interface(interface, subnet.cidr(), all));
                hops
            }
            Attachment::Absent => {
                let subnet = match &self.observed.subnets {
                    Err(failure) => Hop::unread(HopKind::Subnet, name, failure),
                    Ok(_) => {
                        let text = text::explain::no_such_subnet(&self.observed.network_name);
                        hop(HopKind::Subnet, HopState::Missing, text).code(HopCode::MissingSubnet)
                    }
                };
                vec![own(HopState::Ok), named(subnet)]
            }
            Attachment::OtherNetwork => {
                let text = text::explain::other_network();
                vec![hop(HopKind::Interface, HopState::Unknown, text).code(HopCode::OtherNetwork)]
            }
        }
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
        let hop = self.room(hop, name);
        Hop { resource: self.subnet_resource(name), ..hop }.evidence(self.subnet_evidence(name))
    }

    /// How many addresses are free, where that was asked for.
    fn room(&self, hop: Hop, subnet: &str) -> Hop {
        match self.observed.utilization.get(subnet) {
            None => hop,
            Some(Ok(found)) => match found.free() {
                Some(free) if free < BLOCK => {
                    let text = text::explain::with_room(&hop.text, Some(free));
                    Hop { text, ..hop }.code(HopCode::SubnetFull)
                }
                free => Hop { text: text::explain::with_room(&hop.text, free), ..hop },
            },
            Some(Err(failure)) => {
                let mut notes = hop.notes;
                notes.push(text::direct::utilization_unread(failure).text);
                Hop { notes, ..hop }
            }
        }
    }
}
