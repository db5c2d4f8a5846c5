//! The scoped firewall of a path.

use super::{Draft, Path};
use crate::domain::{
    firewall::rule_set::{self, Role, Rule, Site},
    names::relative,
    ownership,
    stamp::Stamp,
    state::firewall::Firewall,
};

pub(super) fn design(draft: &Draft<'_>, path: &Path<'_>) -> Vec<Rule> {
    let (observed, connector) = (draft.observed, &path.required.connector);
    let site = Site::new(draft.policy, connector, &observed.network_name).at(path.range, path.next);
    let mut rules = rule_set::rules(path.settings, site, draft.now);
    let network = observed.network_name.to_string();
    let here = observed.firewalls.iter().flatten().filter(|rule| relative(&rule.network) == network);
    // By name first: a stamp takes longer to read, and a network may have thousands of rules.
    let infra = here.filter(|rule| ownership::is_infra(rule));
    let own = |rule: &&Firewall| {
        ownership::rule_stamp(draft.policy, observed, rule).is_some_and(|stamp| stamp.is_for(connector))
    };
    keep_marks(&mut rules, infra.filter(own));
    rules
}

/// The marks of an infra rule of the connector that exists under another name go over to the new one.
fn keep_marks<'a>(rules: &mut [Rule], own: impl Iterator<Item = &'a Firewall>) {
    let Some(infra) = rules.iter_mut().find(|rule| rule.role == Role::Infra) else { return };
    let mut old = own.filter(|own| own.name != infra.firewall.name);
    let marks = old.find_map(|own| Stamp::read(&own.description).filter(|stamp| stamp.armed.is_some()));
    if let (Some(old), Some(stamp)) = (marks, Stamp::read(&infra.firewall.description)) {
        infra.firewall.description = Stamp { armed: old.armed, unused: old.unused, ..stamp }.to_string();
    }
}
