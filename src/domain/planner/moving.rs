//! A connector that is made again on another /28: its rules cover the new range before it moves, the deny included.

use ipnet::Ipv4Net;

use super::{
    draft::Draft,
    scoping::Scoping,
    shadows::{Conflict, NetworkRules, RuleConflicts},
};
use crate::domain::{
    design::Path,
    firewall::{
        reach::{self, Match, Reach, Sender, VerdictKind},
        rule_set::{Role, Rule, Site},
    },
    names::{ConnectorRef, relative},
    plan::{Change, HoldReason, Kind, Object},
    policy::Enforcement,
    stamp::Stamp,
    state::{
        firewall::{Direction, Firewall},
        observed::Observed,
    },
};

/// What decides over a connector: where it is, and where it will be.
pub(super) struct Judges<'a> {
    pub here: RuleConflicts<'a>,
    pub next: Option<RuleConflicts<'a>>,
}

impl Judges<'_> {
    /// The foreign deny that `rule` would open, on either range that the rule is for.
    pub fn opens(&self, scoping: &Scoping<'_, '_>, rule: &Rule) -> Option<Conflict> {
        let overridden = &scoping.path.settings.firewall.override_denies;
        let next = Sender { range: scoping.path.next, ..scoping.sender };
        let existing = scoping.existing(rule);
        let is_for = |sender: Sender<'_>| sender.hit(&rule.firewall) != Match::None;
        let here = is_for(scoping.sender).then(|| self.here.opens(&rule.firewall, existing, overridden)).flatten();
        here.or_else(|| self.next.as_ref().filter(|_| is_for(next))?.opens(&rule.firewall, existing, overridden))
    }

    /// Where a foreign deny names the range that the connector leaves, and not the one it moves to, the rules that would
    /// open it are written for the new range alone, and the deny with them.
    pub fn aim(&self, scoping: &mut Scoping<'_, '_>) {
        let Some(next) = scoping.path.next.filter(|_| self.next.is_some()) else { return };
        let in_force = |rule: &Firewall| scoping.sender.hit(rule) != Match::None;
        let overridden = &scoping.path.settings.firewall.override_denies;
        let opens = |rule: &&Rule| {
            !scoping.existing(rule).is_some_and(in_force) && self.here.opens(&rule.firewall, None, overridden).is_some()
        };
        let mut aimed: Vec<String> = scoping.lets_out().filter(opens).map(|rule| rule.firewall.name.clone()).collect();
        let mut denies =
            scoping.neighbours.own.iter().filter(|own| own.direction == Direction::Egress && own.is_deny());
        if !aimed.is_empty() && !denies.any(|own| in_force(own)) {
            aimed.extend(scoping.rule(Role::Deny).map(|rule| rule.firewall.name.clone()));
        }
        scoping.aimed = !aimed.is_empty();
        for rule in scoping.set.iter_mut().filter(|rule| aimed.contains(&rule.firewall.name)) {
            rule.firewall.source_ranges = vec![next.to_string()];
        }
    }
}

/// Something is still to be written of a connector's own rules, or waits for it.
pub(super) fn is_pending(draft: &Draft<'_>, connector: &ConnectorRef) -> bool {
    let base = Site::new(draft.policy, connector, &draft.observed.network_name).base();
    let writes = draft.steps.iter().any(|(step, _)| match &step.change {
        Change::Create(Object::Firewall(rule)) | Change::Repair { after: Object::Firewall(rule), .. } => {
            Stamp::read(&rule.description).is_some_and(|stamp| stamp.is_for(connector))
        }
        _ => false,
    });
    let waits = |name: &str| name.contains(&format!("-{base}-")) || name.ends_with(&format!("-{base}"));
    writes
        || draft.withheld.iter().any(|held| {
            held.why == HoldReason::AllowsFirst && held.step.kind == Kind::Firewall && waits(&held.step.name)
        })
}

/// On the new range the connector reaches no more than the policy or what it reaches now, nothing more of what other
/// people's rules deny, and all that the policy wants of what it reaches now: by the rules as they were last read.
pub(super) fn is_covered(draft: &Draft<'_>, path: &Path<'_>, next: Ipv4Net) -> bool {
    let observed = draft.observed;
    let (Ok(firewalls), Ok(effective)) = (&observed.firewalls, &observed.effective) else { return false };
    let network = observed.network_name.to_string();
    let all: Vec<&Firewall> = firewalls.iter().filter(|rule| relative(&rule.network) == network).collect();
    let policies_first = policies_first(observed);
    let tag = path.required.connector.tag();
    let decide = |range: Option<Ipv4Net>, rules: &[&Firewall]| {
        reach::decide(Sender::connector(&tag, range), rules.iter().copied(), effective, policies_first)
    };
    let foreign = NetworkRules::new(draft, path, firewalls).foreign;
    let denies = decide(Some(next), &foreign).into_iter().filter(|verdict| verdict.kind == VerdictKind::Deny);
    let denies: Vec<_> = denies.collect();
    let stopped = |overridden: &[String]| {
        let denies = denies.iter().filter(|deny| !overridden.contains(&deny.by));
        denies.fold(Reach::default(), |sum, deny| sum.or(&deny.packets))
    };
    let (before, after) = (reach::allowed(&decide(path.range, &all)), reach::allowed(&decide(Some(next), &all)));
    let wanted = wanted(path);
    let more = after.without(&before);
    wanted.contains(&more)
        && !more.overlaps(&stopped(&path.settings.firewall.override_denies))
        && after.contains(&before.and(&wanted).without(&stopped(&[])))
}

/// What the policy lets the connector reach.
fn wanted(path: &Path<'_>) -> Reach {
    if path.settings.firewall.enforcement != Enforcement::Enforce {
        return Reach::everything();
    }
    let allows = path.rules.iter().filter(|rule| rule.role.is_egress_allow());
    allows.fold(Reach::default(), |sum, rule| sum.or(&reach::of_rule(&rule.firewall)))
}

/// Network policies decide before the VPC's rules.
fn policies_first(observed: &Observed) -> bool {
    matches!(&observed.network, Some(Ok(Some(network))) if network.policies_first())
}
