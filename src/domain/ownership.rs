//! What of a target is ours, by its stamps.

use super::{
    firewall::rule_set::Site,
    names::{ConnectorRef, ProjectId, last_segment, relative, short_hash},
    policy::Policy,
    stamp::Stamp,
    state::{
        firewall::Firewall,
        observed::Observed,
        router::{Nat, Router},
        subnet::Subnet,
    },
    target::subnet_path,
};

/// Subnets of ours in the target's network that stand for a connector of this target.
pub fn stamped<'a>(policy: &Policy, observed: &'a Observed) -> Vec<(ConnectorRef, Stamp, &'a Subnet)> {
    let network = observed.network_name.to_string();
    let subnets = observed.subnets.iter().flatten().filter(|subnet| relative(&subnet.network) == network);
    subnets
        .filter_map(|subnet| {
            let path = subnet_path(&observed.network_name, &observed.target, &subnet.name);
            let stamp = Stamp::ours(&subnet.description, &policy.owner, &path)?;
            let connector = ConnectorRef::try_from(stamp.purpose.clone()?).ok()?;
            observed.target.has(&connector).then_some((connector, stamp, subnet))
        })
        .collect()
}

/// Firewall rules of ours, in whatever network, that stand for a connector; empty if the rules were not read.
pub fn stamped_rules<'a>(policy: &Policy, observed: &'a Observed, connector: &ConnectorRef) -> Vec<&'a Firewall> {
    let of_rule = |rule: &&Firewall| rule_stamp(policy, observed, rule).is_some_and(|stamp| stamp.is_for(connector));
    observed.firewalls.iter().flatten().filter(of_rule).collect()
}

/// The stamp of a rule of ours in the project of the target's network.
pub fn rule_stamp(policy: &Policy, observed: &Observed, rule: &Firewall) -> Option<Stamp> {
    stamp_of_rule(policy, &observed.network_name.project, rule)
}

/// The stamp of a rule of ours in `project`.
pub fn stamp_of_rule(policy: &Policy, project: &ProjectId, rule: &Firewall) -> Option<Stamp> {
    let path = format!("projects/{project}/global/firewalls/{}", rule.name);
    Stamp::ours(&rule.description, &policy.owner, &path)
}

/// The rule without which a connector is dead. A connector bears no stamp: its deletion asks for this one's, beside its
/// subnet's.
pub fn infra_rule<'a>(
    policy: &Policy,
    observed: &'a Observed,
    connector: &ConnectorRef,
) -> Option<(Stamp, &'a Firewall)> {
    let network = &observed.network_name;
    let name = format!("allow-{}-infra", Site::new(policy, connector, network).base());
    let here = |rule: &&Firewall| relative(&rule.network) == network.to_string() && is_infra(rule);
    let mut rules: Vec<_> = stamped_rules(policy, observed, connector).into_iter().filter(here).collect();
    // A project that became a Shared VPC host, or is none any more, has the rule by its other name until the new one exists.
    rules.sort_by_key(|rule| (rule.name != name, rule.name.as_str()));
    let rule = *rules.first()?;
    Some((rule_stamp(policy, observed, rule)?, rule))
}

/// By its name: the infra rule of some connector.
pub fn is_infra(rule: &Firewall) -> bool {
    rule.name.starts_with("allow-") && rule.name.ends_with("-infra")
}

pub fn own_name(observed: &Observed) -> (String, String) {
    let name = router_name(&observed.network_name.to_string(), observed.target.region.as_str());
    let path = format!("projects/{}/regions/{}/routers/{name}", observed.network_name.project, observed.target.region);
    (name, path)
}

/// The router that we made for the target's network and region.
pub fn own_router<'a>(policy: &Policy, observed: &'a Observed) -> Option<&'a Router> {
    let (name, path) = own_name(observed);
    let standing = observed.routers.iter().flatten().find(|router| router.name == name);
    standing.filter(|router| Stamp::ours(&router.description, &policy.owner, &path).is_some())
}

/// The gateway that we made.
pub fn own_nat(router: &Router) -> Option<&Nat> {
    router.nats.iter().find(|nat| nat.name == NAT_NAME)
}

/// One router of ours for each network and region; a name over Google's 63 characters is cut and hashed.
fn router_name(network: &str, region: &str) -> String {
    let name = format!("egress-{}-{region}", last_segment(network));
    if name.len() <= 63 {
        return name;
    }
    let head: String = name.chars().take(54).collect();
    format!("{head}-{}", short_hash(&format!("{network}/{region}")))
}

pub const NAT_NAME: &str = "egress-nat";
