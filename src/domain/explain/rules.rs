//! What a connector may reach, rule by rule, in the order in which Google asks them.

use ipnet::Ipv4Net;

use super::{Decision, Hop, HopKind, Mark, Scene};
use crate::domain::{
    names::{ConnectorRef, relative},
    owned,
    plan::EgressState,
    reach::{self, Reach, Sender, Stage, Verdict, VerdictKind},
    rules::Site,
    state::{effective::EffectiveFirewalls, firewall::Firewall},
    text,
};

/// RFC 1918 and RFC 6598.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
/// Addresses of nobody on the internet: this network, loopback, link-local, multicast and what is reserved.
const NOBODYS: [&str; 4] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
/// Google's APIs and serverless machines over private ways: not the internet either.
const GOOGLES: [&str; 4] = ["35.199.224.0/19", "199.36.153.4/30", "199.36.153.8/30", "34.126.0.0/18"];

impl Scene<'_> {
    /// The firewall, and what it leaves of the inside and of the internet.
    pub(super) fn reach(&self, connector: &ConnectorRef, range: Option<Ipv4Net>, all: bool) -> Vec<Hop> {
        let tag = connector.tag();
        let unread = |failure| vec![Hop::new(HopKind::Firewall, &tag, Mark::Blocked, text::explain::unread(failure))];
        let (firewalls, effective) = match (&self.observed.firewalls, &self.observed.effective) {
            (Ok(firewalls), Ok(effective)) => (firewalls, effective),
            (Err(failure), _) | (_, Err(failure)) => return unread(failure),
        };
        let network = self.observed.network_name.to_string();
        let here: Vec<&Firewall> = firewalls.iter().filter(|rule| relative(&rule.network) == network).collect();
        let policies_first = matches!(&self.observed.network, Some(Ok(Some(network))) if network.policies_first());
        let sender = Sender { tag: &tag, range };
        let verdicts = reach::decide(sender, here.iter().copied(), effective, policies_first);
        let decisions = verdicts.iter().filter(|verdict| !verdict.packets.is_empty());
        let rules = decisions.map(|verdict| self.decision(verdict, &here, effective)).collect();
        let mut hops = vec![Hop { rules, ..self.firewall(connector, &tag) }];
        hops.push(part(HopKind::Internal, "private addresses", &inside(), &verdicts));
        hops.push(match all {
            true => part(HopKind::Internet, "the internet", &outside(), &verdicts),
            false => Hop::new(HopKind::Internet, "the internet", Mark::NotAsked, text::explain::not_this_way()),
        });
        hops
    }

    /// Whether the rules stand as the policy asks for.
    fn firewall(&self, connector: &ConnectorRef, tag: &str) -> Hop {
        let base = Site::new(self.policy, connector, &self.observed.network_name).base();
        let plan = self.plan;
        let notes = plan.blocked_by.iter().chain(&plan.findings).map(|note| &note.object);
        let steps = plan.steps.iter().map(|step| &step.id.0).chain(plan.withheld.iter().map(|held| &held.step.0));
        let is_own = |id: &&String| id.starts_with("firewall/") && id.contains(&format!("-{base}-"));
        let mut objects: Vec<String> = notes.chain(steps).filter(is_own).cloned().collect();
        objects.sort();
        objects.dedup();
        let of_connector = plan.blocked_by.iter().chain(&plan.findings).filter(|note| {
            matches!(note.code.as_str(), "shadowed" | "unmanaged" | "frozen")
                && note.object == format!("connector/{}", connector.name)
        });
        let shadowed = plan
            .blocked_by
            .iter()
            .any(|note| note.code == "shadowed" && note.object.ends_with(&format!("/{}", connector.name)));
        let mut told: Vec<String> = of_connector.map(|note| note.text.clone()).collect();
        told.extend(self.notes(&objects));
        let state = plan.egress.iter().find(|egress| egress.connector == *connector);
        let mark = match state {
            _ if shadowed || self.is_blocked(&objects) => Mark::Blocked,
            _ if self.is_out_of_sync(&objects) => Mark::Missing,
            None => Mark::NotAsked,
            Some(egress) if egress.state == EgressState::Unmanaged => Mark::NotAsked,
            Some(_) => Mark::Ok,
        };
        Hop { notes: told, ..Hop::new(HopKind::Firewall, tag, mark, text::explain::egress(state)) }
    }

    fn decision(&self, verdict: &Verdict, rules: &[&Firewall], effective: &EffectiveFirewalls) -> Decision {
        let (order, what, whose) = match verdict.stage {
            Stage::Rule(priority) => {
                let rule = rules.iter().find(|rule| rule.name == verdict.by);
                let ours = rule.is_some_and(|rule| owned::rule_stamp(self.policy, self.observed, rule).is_some());
                let what = rule.map_or_else(String::new, |rule| text::explain::of_rule(rule));
                (priority.to_string(), what, if ours { "ours" } else { "somebody else's" })
            }
            Stage::Before | Stage::Behind => {
                let order = if verdict.stage == Stage::Before { "first" } else { "behind" };
                (order.to_owned(), of_policy(effective, &verdict.by), "a firewall policy's")
            }
            Stage::Implied => ("last".to_owned(), "whatever is left".to_owned(), "Google's"),
        };
        let verdict_word = if verdict.kind == VerdictKind::Allow { "allow" } else { "deny" };
        Decision { rule: verdict.by.clone(), order, verdict: verdict_word, what, whose }
    }
}

fn of_policy(effective: &EffectiveFirewalls, name: &str) -> String {
    let rules =
        effective.firewall_policys.iter().flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)));
    let found = rules.into_iter().find(|(policy, rule)| reach::name_of(policy, rule) == name);
    found.map_or_else(String::new, |(_, rule)| text::explain::of_policy_rule(rule))
}

fn ranges(texts: &[&str]) -> Reach {
    Reach::of(texts.iter().copied(), [("all", [].as_slice())])
}

fn inside() -> Reach {
    ranges(&PRIVATE)
}

fn outside() -> Reach {
    let others = [PRIVATE, NOBODYS, GOOGLES].map(|texts| ranges(&texts));
    others.iter().fold(Reach::everything(), |rest, cut| rest.without(cut))
}

/// What of a part of the world is open, and which rules stop the rest.
fn part(kind: HopKind, name: &str, part: &Reach, verdicts: &[Verdict]) -> Hop {
    let of = |kind: VerdictKind| verdicts.iter().filter(move |verdict| verdict.kind == kind);
    let sum = |kind| of(kind).fold(Reach::default(), |sum, verdict| sum.or(&verdict.packets.and(part)));
    let (open, stopped) = (sum(VerdictKind::Allow).to_anywhere(), sum(VerdictKind::Deny).to_anywhere());
    let stoppers: Vec<&str> = of(VerdictKind::Deny)
        .filter(|verdict| verdict.packets.overlaps(part))
        .map(|verdict| verdict.by.as_str())
        .collect();
    let (whole, partly) = (open.without(&stopped).services(), open.and(&stopped).services());
    let mark = if whole.is_empty() && partly.is_empty() { Mark::Blocked } else { Mark::Ok };
    Hop::new(kind, name, mark, text::explain::open(&whole, &partly, &stoppers))
}
