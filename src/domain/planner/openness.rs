//! Whether a connector's egress is open after our denies were disabled: by all that decides over it, read afterwards.

use ipnet::Ipv4Net;

use crate::domain::{
    firewall::{
        proof::Proof,
        reach::{self, Sender, Stage, Verdict, VerdictKind},
    },
    names::{ConnectorRef, NetworkRef, last_segment, relative},
    state::{
        connector::Connector,
        effective::EffectiveFirewalls,
        firewall::Firewall,
        network::Network,
        read::{Read, ReadFailure},
        subnet::Subnet,
    },
    text,
};

/// What decides over the connectors of a region in one network, and where they are.
#[derive(Debug)]
pub struct Surroundings {
    pub network_name: NetworkRef,
    pub network: Read<Option<Network>>,
    pub connectors: Read<Vec<Connector>>,
    pub subnets: Read<Vec<Subnet>>,
    pub firewalls: Read<Vec<Firewall>>,
    pub effective: Read<EffectiveFirewalls>,
}

impl Surroundings {
    pub fn prove(&self, connector: &ConnectorRef) -> Proof {
        let range = match self.range(connector) {
            Ok(range) => range,
            Err(why) => return Proof::NotProven(why),
        };
        let (firewalls, effective, policies_first) = match (&self.firewalls, &self.effective, &self.network) {
            (Ok(firewalls), Ok(effective), Ok(network)) => {
                (firewalls, effective, network.as_ref().is_some_and(Network::policies_first))
            }
            (Err(failure), ..) | (_, Err(failure), _) | (.., Err(failure)) => return Proof::NotProven(unread(failure)),
        };
        let network = self.network_name.to_string();
        let here: Vec<&Firewall> = firewalls.iter().filter(|rule| relative(&rule.network) == network).collect();
        let tag = connector.tag();
        let verdicts = reach::decide(Sender::connector(&tag, range), here.iter().copied(), effective, policies_first);
        let allowed = reach::allowed(&verdicts);
        let denies = verdicts.iter().filter(|one| one.kind == VerdictKind::Deny && !one.packets.is_empty());
        // What a rule stops of some packets only, the rules behind it allow as well.
        let (surely, perhaps): (Vec<_>, Vec<_>) = denies.partition(|deny| !deny.packets.without(&allowed).is_empty());
        match (surely.is_empty(), perhaps.first()) {
            (false, _) => Proof::Closed(surely.into_iter().map(|deny| told(deny, &here)).collect()),
            (true, Some(deny)) => Proof::NotProven(text::break_glass::decides_in_part(&told(deny, &here))),
            (true, None) => Proof::Open,
        }
    }

    /// The connector's range; `None` = it cannot be told, so that a rule that names a range decides perhaps.
    fn range(&self, connector: &ConnectorRef) -> Result<Option<Ipv4Net>, String> {
        let connectors = self.connectors.as_ref().map_err(unread)?;
        let found = connectors.iter().find(|found| last_segment(&found.name) == connector.name.as_str());
        let Some(found) = found else { return Err(text::break_glass::no_such_connector(connector)) };
        let Some(form) = &found.subnet else { return Ok(found.ip_cidr_range.parse().ok()) };
        let subnets = self.subnets.as_ref().map_err(unread)?;
        let network = self.network_name.to_string();
        let subnet = subnets.iter().find(|own| own.name == form.name && relative(&own.network) == network);
        Ok(subnet.and_then(Subnet::cidr))
    }
}

fn unread(failure: &ReadFailure) -> String {
    text::break_glass::unread(failure)
}

/// The rule with what it matches.
fn told(deny: &Verdict, rules: &[&Firewall]) -> String {
    let rule = rules.iter().find(|rule| rule.name == deny.by && matches!(deny.stage, Stage::Rule(_)));
    rule.map_or_else(|| deny.by.clone(), |rule| format!("{} ({})", rule.name, text::explain::of_rule(rule)))
}
