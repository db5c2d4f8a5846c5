//! Broad egress rules that somebody's automation made: told; taken out of force only where the policy says so, and only once
//! our own set stands for every connector that they let out. The only write to a thing without our stamp. One for the whole
//! network goes for the whole network: `firewall.auto_rules` names it and `firewall.replace_auto` asks for it.

use super::draft::Draft;
use crate::domain::{
    design::Path,
    firewall::reach::{Match, Sender},
    names::relative,
    plan::{Change, Object},
    policy::pattern,
    stamp::Stamp,
    state::firewall::{Direction, Firewall},
    text,
};

/// `scoped`: each connector with whether its set stands whole.
pub(super) fn plan(draft: &mut Draft<'_>, scoped: &[(&Path<'_>, bool)], firewalls: &[Firewall]) {
    let settings = draft.policy.for_target(&draft.observed.target);
    let network = draft.observed.network_name.to_string();
    for rule in firewalls.iter().filter(|rule| is_automatic(&network, &settings.firewall.auto_rules, rule)) {
        let mut let_out = scoped.iter().filter(|(path, _)| hits(path, rule)).map(|(_, stands)| *stands).peekable();
        if settings.firewall.replace_auto && let_out.peek().is_some() && let_out.all(|stands| stands) {
            let after = Firewall { disabled: true, ..rule.clone() };
            let change = Change::Repair { before: Object::Firewall(rule.clone()), after: Object::Firewall(after) };
            draft.push(
                change,
                Vec::new(),
                text::firewall::replace_automatic(rule.target_tags.is_empty() && rule.source_ranges.is_empty()),
                settings.mode,
            );
        } else {
            draft.findings.push(text::firewall::automatic(&rule.name, settings.firewall.replace_auto));
        }
    }
}

/// Google's own hidden rules, and those of any installation of this program, are none.
fn is_automatic(network: &str, globs: &[String], rule: &Firewall) -> bool {
    relative(&rule.network) == network
        && rule.direction == Direction::Egress
        && !rule.disabled
        && !rule.is_deny()
        && !rule.name.starts_with("aet-")
        && Stamp::read(&rule.description).is_none()
        && globs.iter().any(|glob| pattern::matches(glob, &rule.name))
}

fn hits(path: &Path<'_>, rule: &Firewall) -> bool {
    let tag = path.required.connector.tag();
    Sender::connector(&tag, path.range).hit(rule) != Match::None
}
