//! The scoped firewall of a path.

use super::{Draft, Path};
use crate::domain::{
    firewall::rule_set::{self, Role, Rule, Site},
    names::relative,
    ownership::{self, stamped_rules},
    stamp::Stamp,
    state::firewall::Firewall,
};

pub(super) fn design(draft: &Draft<'_>, path: &Path<'_>) -> Vec<Rule> {
    let (observed, connector) = (draft.observed, &path.required.connector);
    let site = Site::new(draft.policy, connector, &observed.network_name).at(path.range, path.next);
    let mut rules = rule_set::rules(path.settings, site, draft.now);
    let network = observed.network_name.to_string();
    let own = stamped_rules(draft.policy, observed, connector).into_iter();
    keep_marks(&mut rules, own.filter(|rule| relative(&rule.network) == network));
    rules
}

/// The marks of an infra rule that exists under another name go over to the new one.
fn keep_marks<'a>(rules: &mut [Rule], own: impl Iterator<Item = &'a Firewall>) {
    let Some(infra) = rules.iter_mut().find(|rule| rule.role == Role::Infra) else { return };
    let mut old = own.filter(|own| ownership::is_infra(own) && own.name != infra.firewall.name);
    let marks = old.find_map(|own| Stamp::read(&own.description).filter(|stamp| stamp.armed.is_some()));
    if let (Some(old), Some(stamp)) = (marks, Stamp::read(&infra.firewall.description)) {
        infra.firewall.description = Stamp { armed: old.armed, unused: old.unused, ..stamp }.to_string();
    }
}
