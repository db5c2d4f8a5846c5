//! What gets out of a connector, and what should.

use egress_reconciler::domain::{
    firewall::{
        reach::{self, Reach, Sender, VerdictKind},
        rule_set::{Site, rules},
    },
    names::{ConnectorRef, last_segment},
    plan::Object,
    policy::{Enforcement, Policy},
    stamp::Stamp,
    state::{
        connector::Connector,
        firewall::{Direction, Firewall},
        observed::Observed,
    },
};
use ipnet::Ipv4Net;

/// `conn-INDEX`.
pub fn connector(index: usize) -> ConnectorRef {
    format!("projects/demo-project/locations/europe-west2/connectors/conn-{index}").try_into().unwrap()
}

fn standing(world: &Observed, index: usize) -> Option<&Connector> {
    world.connectors.iter().flatten().find(|other| other.name == connector(index).to_string())
}

/// The /28 of a connector that stands.
pub fn range(world: &Observed, index: usize) -> Option<Ipv4Net> {
    let subnet = standing(world, index)?.subnet.as_ref()?;
    world.subnets.iter().flatten().find(|other| other.name == subnet.name)?.cidr()
}

fn decide<'a>(
    world: &Observed,
    index: usize,
    range: Ipv4Net,
    rules: impl Iterator<Item = &'a Firewall>,
) -> Vec<reach::Verdict> {
    let tag = connector(index).tag();
    reach::decide(Sender::connector(&tag, Some(range)), rules, world.effective.as_ref().unwrap(), false)
}

/// All that gets out of a connector with this range.
pub fn reach_of(world: &Observed, index: usize, range: Ipv4Net) -> Reach {
    reach::allowed(&decide(world, index, range, world.firewalls.iter().flatten()))
}

/// All that the policy lets out of a connector.
pub fn policy_reach(policy: &Policy, world: &Observed, index: usize) -> Reach {
    let connector = connector(index);
    let site = Site::new(policy, &connector, &world.network_name);
    let policy = policy.for_connector(&connector);
    if policy.firewall.enforcement != Enforcement::Enforce {
        return Reach::everything();
    }
    rules(policy, site, world.at)
        .iter()
        .filter(|rule| rule.role.is_egress_allow())
        .fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)))
}

fn foreign(world: &Observed) -> impl Iterator<Item = &Firewall> {
    world.firewalls.iter().flatten().filter(|rule| Stamp::read(&rule.description).is_none())
}

/// All that would get out, were there no rule of ours.
pub fn foreign_reach(world: &Observed, index: usize, range: Ipv4Net) -> Reach {
    reach::allowed(&decide(world, index, range, foreign(world)))
}

/// The same, were there this one.
pub fn reach_beside(world: &Observed, index: usize, range: Ipv4Net, rule: &Firewall) -> Reach {
    reach::allowed(&decide(world, index, range, foreign(world).chain(std::iter::once(rule))))
}

/// What gets out of a connector by foreign rules and those of ours that are its own.
pub fn own_reach(world: &Observed, index: usize, range: Ipv4Net) -> Reach {
    let path = connector(index);
    let own = world.firewalls.iter().flatten().filter(|rule| {
        Stamp::read(&rule.description).is_some_and(|stamp| stamp.is_for(&path))
            && rule.target_tags.contains(&path.tag())
    });
    reach::allowed(&decide(world, index, range, foreign(world).chain(own)))
}

/// What foreign denies stop, judged as if no rule of ours stood.
pub fn foreign_stopped(world: &Observed, index: usize, range: Ipv4Net, overridden: &[String]) -> Reach {
    let foreign = world.firewalls.iter().flatten().filter(|rule| Stamp::read(&rule.description).is_none());
    decide(world, index, range, foreign)
        .into_iter()
        .filter(|verdict| verdict.kind == VerdictKind::Deny && !overridden.contains(&verdict.by))
        .fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets))
}

/// The object bears our stamp, or is a connector on a subnet that does.
pub fn is_ours(world: &Observed, object: &Object) -> bool {
    let stamped = |description: &str| Stamp::read(description).is_some_and(|stamp| stamp.owner == "lab");
    match object {
        Object::Network(network) => stamped(&network.description),
        Object::Subnet(subnet) => stamped(&subnet.description),
        Object::Router(router) => stamped(&router.description),
        Object::Firewall(rule) => stamped(&rule.description),
        Object::Connector(connector) => {
            let on = connector.subnet.as_ref().map(|subnet| last_segment(&subnet.name));
            let mut subnets = world.subnets.iter().flatten().filter(|subnet| Some(subnet.name.as_str()) == on);
            subnets.any(|subnet| stamped(&subnet.description))
        }
    }
}

/// An ingress deny of ours stands while the ports that the policy opens beside it do not.
pub fn bare_ingress_deny(policy: &Policy, world: &Observed, index: usize) -> bool {
    let connector = connector(index);
    let site = Site::new(policy, &connector, &world.network_name).at(range(world, index), None);
    let policy = policy.for_connector(&connector);
    let named = |name: &str| world.firewalls.iter().flatten().find(|rule| rule.name == name && !rule.disabled);
    let set = rules(policy, site, world.at);
    let tag = connector.tag();
    let ingress = |deny: bool| {
        let tag = &tag;
        let of = set.iter().map(|rule| &rule.firewall);
        of.filter(move |rule| {
            let is_hardening = rule.is_deny() || !rule.target_tags.contains(tag);
            rule.direction == Direction::Ingress && is_hardening && rule.is_deny() == deny
        })
    };
    ingress(true).any(|deny| named(&deny.name).is_some()) && ingress(false).any(|allow| named(&allow.name).is_none())
}
