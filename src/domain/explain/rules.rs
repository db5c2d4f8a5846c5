//! What a connector may reach, rule by rule, in the order in which Google asks them.

use ipnet::Ipv4Net;

use super::{
    APIS, INTERNAL, INTERNET,
    path::{Decision, Hop, HopKind, HopState, Scene},
};
use crate::domain::{
    codes::{Code, HopCode},
    firewall::{
        reach::{self, Machines, Reach, Sender, Stage, Verdict, VerdictKind},
        rule_set::Site,
    },
    names::{ConnectorRef, relative},
    ownership,
    plan::EgressState,
    state::{effective::EffectiveFirewalls, firewall::Firewall, workload::Interface},
    text::{self, explain::Openness},
};

/// RFC 1918 and RFC 6598.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
/// Addresses of nobody on the internet: this network, loopback, link-local, multicast and what is reserved.
const NOBODYS: [&str; 4] = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
/// Google's APIs and serverless machines over private ways: not the internet either.
const GOOGLES: [&str; 4] = ["35.199.224.0/19", "199.36.153.4/30", "199.36.153.8/30", "34.126.0.0/18"];
/// restricted.googleapis.com and private.googleapis.com.
const API_RANGES: [&str; 2] = ["199.36.153.4/30", "199.36.153.8/30"];

impl Scene<'_> {
    /// The firewall, and what it leaves of the inside and of the internet.
    pub(super) fn reach(&self, connector: &ConnectorRef, range: Option<Ipv4Net>, all: bool) -> Vec<Hop> {
        let tag = connector.tag();
        let internal = &self.policy.for_connector(connector).firewall.internal;
        self.reach_of(self.firewall(connector, &tag), Sender::connector(&tag, range), internal, all)
    }

    /// The same of an interface of Direct VPC egress: rules for its network tags, which belong to its owner.
    pub(super) fn reach_of_interface(&self, interface: &Interface, range: Option<Ipv4Net>, all: bool) -> Vec<Hop> {
        let tags = &interface.tags;
        let text = text::explain::own_tags(tags);
        let hop = Hop::new(HopKind::Firewall, &text::explain::tags(tags), HopState::NotNeeded, text);
        let hop = hop.code(HopCode::Unmanaged).resource(self.observed.network_name.to_string());
        let internal = &self.policy.for_target(&self.observed.target).firewall.internal;
        self.reach_of(hop, Sender { machines: Machines::Direct(tags), range }, internal, all)
    }

    /// `firewall`: its hop, without the rules.
    fn reach_of(&self, firewall: Hop, sender: Sender<'_>, internal: &[Ipv4Net], all: bool) -> Vec<Hop> {
        let name = firewall.name.clone();
        let unread = |failure| vec![Hop::unread(HopKind::Firewall, &name, failure).evidence(self.firewall_evidence())];
        let (firewalls, effective) = match (&self.observed.firewalls, &self.observed.effective) {
            (Ok(firewalls), Ok(effective)) => (firewalls, effective),
            (Err(failure), _) | (_, Err(failure)) => return unread(failure),
        };
        let network = self.observed.network_name.to_string();
        let here: Vec<&Firewall> = firewalls.iter().filter(|rule| relative(&rule.network) == network).collect();
        let policies_first = matches!(&self.observed.network, Some(Ok(Some(network))) if network.policies_first());
        let verdicts = reach::decide(sender, here.iter().copied(), effective, policies_first);
        let decisions = verdicts.iter().filter(|verdict| !verdict.packets.is_empty());
        let rules = decisions.map(|verdict| self.decision(verdict, &here, effective)).collect();
        let mut hops = vec![Hop { rules, ..firewall }];
        hops.push(part(HopKind::Internal, INTERNAL, &inside(), &verdicts));
        let is_all = PRIVATE.iter().all(|range| internal.iter().any(|own| own.to_string() == *range));
        if !internal.is_empty() && !is_all {
            let ranges: Vec<String> = internal.iter().map(ToString::to_string).collect();
            let reach = Reach::of(ranges.iter().map(String::as_str), [("all", [].as_slice())]);
            hops.push(part(HopKind::PolicyRanges, &text::few(&ranges), &reach, &verdicts));
        }
        hops.push(google_apis(&verdicts, all));
        if all {
            hops.push(part(HopKind::Internet, INTERNET, &outside(), &verdicts));
        }
        hops.into_iter().map(|hop| hop.evidence(self.firewall_evidence())).collect()
    }

    /// Whether the rules stand as the policy asks for.
    fn firewall(&self, connector: &ConnectorRef, tag: &str) -> Hop {
        let base = Site::new(self.policy, connector, &self.observed.network_name).base();
        let plan = self.plan;
        let notes = plan.blocked_by.iter().chain(&plan.findings).map(|note| note.object.clone());
        let steps = plan
            .steps
            .iter()
            .map(|step| step.id.to_string())
            .chain(plan.withheld.iter().map(|held| held.step.to_string()));
        let is_own = |id: &String| id.starts_with("firewall/") && id.contains(&format!("-{base}-"));
        let mut objects: Vec<String> = notes.chain(steps).filter(is_own).collect();
        objects.sort();
        objects.dedup();
        let of_connector = plan.blocked_by.iter().chain(&plan.findings).filter(|note| {
            matches!(note.code, Code::Shadowed | Code::CutOff | Code::Narrowed | Code::Unmanaged | Code::Frozen)
                && note.object == format!("connector/{}", connector.name)
        });
        let shadowed = plan.blocked_by.iter().any(|note| {
            matches!(note.code, Code::Shadowed | Code::CutOff) && note.object.ends_with(&format!("/{}", connector.name))
        });
        let mut told: Vec<String> = of_connector.map(|note| note.text.clone()).collect();
        told.extend(self.notes(&objects));
        let state = plan.egress.iter().find(|egress| egress.connector.as_ref() == Some(connector));
        let differs = self.is_out_of_sync(&objects).then_some(HopCode::OutOfSync);
        let code = match state.map(|egress| egress.state) {
            Some(EgressState::Shadowed) => Some(HopCode::Shadowed),
            Some(EgressState::Disarmed) => Some(HopCode::Disarmed),
            Some(EgressState::CutOff) => Some(HopCode::FirewallRule),
            None | Some(EgressState::Unmanaged) => differs.or(Some(HopCode::Unmanaged)),
            Some(EgressState::Scoped | EgressState::Observed | EgressState::AllowOnly) => differs,
        };
        let hop_state = match state {
            _ if shadowed => HopState::Broken,
            Some(egress) if egress.state == EgressState::Disarmed => HopState::Disarmed,
            _ if self.is_blocked(&objects) => HopState::Broken,
            _ if differs.is_some() => HopState::Missing,
            None => HopState::NotNeeded,
            Some(egress) if egress.state == EgressState::Unmanaged => HopState::NotNeeded,
            Some(_) => HopState::Ok,
        };
        let hop = Hop::new(HopKind::Firewall, tag, hop_state, text::explain::egress(state));
        Hop { notes: told, code, ..hop }.resource(self.observed.network_name.to_string())
    }

    fn decision(&self, verdict: &Verdict, rules: &[&Firewall], effective: &EffectiveFirewalls) -> Decision {
        let (order, what, whose) = match verdict.stage {
            Stage::Rule(priority) => {
                let rule = rules.iter().find(|rule| rule.name == verdict.by);
                let ours = rule.is_some_and(|rule| ownership::rule_stamp(self.policy, self.observed, rule).is_some());
                let what = rule.map_or_else(String::new, |rule| text::explain::of_rule(rule));
                (priority.to_string(), what, if ours { "ours" } else { "others'" })
            }
            Stage::BeforeRules | Stage::AfterRules | Stage::Unknown => {
                let order = match verdict.stage {
                    Stage::BeforeRules => "first",
                    Stage::AfterRules => "behind",
                    _ => "unknown",
                };
                (order.to_owned(), of_policy(effective, &verdict.by), "a firewall policy's")
            }
            Stage::Implied => ("last".to_owned(), "whatever is left".to_owned(), "Google's"),
        };
        let verdict_word = match (verdict.kind, verdict.is_certain) {
            (VerdictKind::Allow, true) => "allow",
            (VerdictKind::Allow, false) => "may allow",
            (VerdictKind::Deny, true) => "deny",
            (VerdictKind::Deny, false) => "may deny",
        };
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

/// Google's APIs: over their private addresses, and over the public ones, which may be any of the internet's. Where only
/// traffic to private ranges comes this way, the public ones are reached without the connector.
fn google_apis(verdicts: &[Verdict], all: bool) -> Hop {
    let https = [("tcp", &["443".to_owned()][..])];
    let private = Reach::of(API_RANGES, https);
    let public = outside().and(&Reach::of(["0.0.0.0/0"], https));
    let (open, stopped) = (reach::allowed(verdicts), reach::denied(verdicts));
    let openness = |part: &Reach| match (part.overlaps(&open), part.overlaps(&stopped)) {
        (_, false) => Openness::Whole,
        (true, true) => Openness::Partly,
        (false, true) => Openness::Closed,
    };
    let (over_private, over_public) = (openness(&private), all.then(|| openness(&public)));
    let text = text::explain::google_apis(over_private, over_public);
    let state = match (over_private, over_public) {
        (_, None | Some(Openness::Whole)) => HopState::Ok,
        (Openness::Closed, _) => HopState::Broken,
        _ => HopState::Missing,
    };
    let stoppers = verdicts.iter().filter(|verdict| {
        let is_asked = verdict.packets.overlaps(&private) || all && verdict.packets.overlaps(&public);
        verdict.kind == VerdictKind::Deny && is_asked
    });
    let stoppers: Vec<_> = stoppers.map(|verdict| verdict.by.as_str()).collect();
    let notes = text::explain::stopped_by(&stoppers);
    let code = (state != HopState::Ok).then_some(HopCode::FirewallRule);
    Hop { notes: notes.into_iter().collect(), code, ..Hop::new(HopKind::GoogleApis, APIS, state, text) }
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
    let allowed = sum(VerdictKind::Allow);
    let (whole, partly) = (open.without(&stopped).services(), open.and(&stopped).services());
    let closed = whole.is_empty() && partly.is_empty();
    let state = if closed { HopState::Broken } else { HopState::Ok };
    let code = (closed || !stoppers.is_empty()).then_some(HopCode::FirewallRule);
    Hop { code, open: allowed, ..Hop::new(kind, name, state, text::explain::open(&whole, &partly, &stoppers)) }
}
