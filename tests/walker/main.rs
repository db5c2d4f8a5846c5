//! `domain::reach` against a walk of single packets, over worlds with rules and policies of every field.

mod borders;
#[path = "../support/walker.rs"]
mod walker;
mod worlds;

use egress_reconciler::domain::{
    firewall::reach::{self, Reach, Verdict, VerdictKind},
    names::NetworkRef,
    state::{effective::EffectiveFirewalls, firewall::Firewall},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    borders::borders,
    walker::{Network, Packet, Sender},
    worlds::{NETWORK, TAG, World, worlds},
};

/// Packets looked at in each world; they differ from world to world.
const MAX_PACKETS: usize = 120;

/// Worlds; `WALKER_WORLDS` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var("WALKER_WORLDS").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(1000), failure_persistence: None, ..ProptestConfig::default() }
}

fn verdicts(world: &World) -> Vec<Verdict> {
    let rules: Vec<Firewall> = world.rules.iter().map(|rule| serde_json::from_value(rule.clone()).unwrap()).collect();
    let effective: EffectiveFirewalls = serde_json::from_value(json!({"firewallPolicys": world.policies})).unwrap();
    let network = NetworkRef::try_from(NETWORK.to_owned()).unwrap();
    let sender = reach::Sender::connector(TAG, world.range.map(|range| range.parse().unwrap()));
    reach::decide(sender, rules.iter(), &effective.over(&network), world.policies_first)
}

/// May it be allowed, may it be denied?
fn told(verdicts: &[Verdict], packet: Packet) -> (bool, bool) {
    let (to, protocol) = (std::net::Ipv4Addr::from(packet.to), packet.protocol.to_string());
    let one = Reach::of([format!("{to}/32").as_str()], [(protocol.as_str(), &[packet.port.to_string()][..])]);
    let any = |kind| verdicts.iter().any(|verdict| verdict.kind == kind && verdict.packets.overlaps(&one));
    (any(VerdictKind::Allow), any(VerdictKind::Deny))
}

fn sampled(world: &World) -> Vec<Packet> {
    let documents = world.rules.iter().chain(&world.policies);
    let all = borders(documents);
    let (step, offset) = (all.len().div_ceil(MAX_PACKETS).max(1), world.offset);
    // A step that shares no factor with most lists of borders meets all of their combinations.
    (0..all.len().min(MAX_PACKETS)).map(|at| all[(offset + at * (step | 1)) % all.len()]).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sets_and_packets_agree(world in worlds()) {
        let verdicts = verdicts(&world);
        let network = Network {
            path: NETWORK,
            rules: &world.rules,
            policies: &world.policies,
            policies_first: world.policies_first,
        };
        let sender = Sender { tags: &[TAG, "vpc-connector"], from: world.range.and_then(walker::range) };
        for packet in sampled(&world) {
            let fate = network.walk(sender, packet);
            let walked = (!fate.allowed_by.is_empty(), !fate.denied_by.is_empty());
            let told = told(&verdicts, packet);
            let missed = walked.0 && !told.0 || walked.1 && !told.1;
            prop_assert!(!missed, "{packet:?}: the packet (allowed, denied) {walked:?} {fate:?}, the sets {told:?}");
            // Where all is known, nothing is told to be possible that is not.
            prop_assert!(!world.is_plain() || told == walked, "{packet:?}: {walked:?} {fate:?}, the sets {told:?}");
        }
    }
}

/// What is known of single rules, each with the packets that it lets pass or stops: the walker's own proof.
#[test]
fn packets_meet_google_s_rules() {
    let deny = |more: Value| {
        let mut rule = json!({"name": "deny", "network": NETWORK, "direction": "EGRESS", "priority": 1000, "denied": [{"IPProtocol": "all"}]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let allow = json!({"name": "allow", "network": NETWORK, "direction": "EGRESS", "priority": 1000, "allowed": [{"IPProtocol": "all"}]});
    let policy = |kind: &str, priority: u32, action: &str| {
        json!({"name": format!("{kind}-{priority}"), "type": kind, "priority": priority, "rules": [
            {"priority": 1, "direction": "EGRESS", "action": action, "match": {"layer4Configs": [{"ipProtocol": "all"}]}},
        ]})
    };
    let (a, d, m) = ("allowed", "denied", "maybe");
    let cases: Vec<(&str, Vec<Value>, Vec<Value>, bool)> = vec![
        (a, vec![], vec![], false),
        (d, vec![deny(json!({}))], vec![], false),
        (d, vec![allow.clone(), deny(json!({}))], vec![], false),
        (a, vec![allow.clone(), deny(json!({"priority": 1001}))], vec![], false),
        (a, vec![deny(json!({"disabled": true}))], vec![], false),
        (a, vec![deny(json!({"direction": "INGRESS"}))], vec![], false),
        (a, vec![deny(json!({"targetTags": ["web"]}))], vec![], false),
        (d, vec![deny(json!({"targetTags": ["web", TAG]}))], vec![], false),
        (a, vec![deny(json!({"targetServiceAccounts": ["a@b"]}))], vec![], false),
        (d, vec![deny(json!({"destinationRanges": ["8.8.8.8"]}))], vec![], false),
        (a, vec![deny(json!({"destinationRanges": ["8.8.8.9"]}))], vec![], false),
        (a, vec![deny(json!({"destinationRanges": ["2001:db8::/32"]}))], vec![], false),
        (d, vec![deny(json!({"sourceRanges": ["10.8.0.0/24"]}))], vec![], false),
        (m, vec![deny(json!({"sourceRanges": ["10.8.0.0/29"]}))], vec![], false),
        (d, vec![deny(json!({"sourceRanges": ["10.8.0.0/29", "10.8.0.8/29"]}))], vec![], false),
        (d, vec![deny(json!({"denied": [{"IPProtocol": "6", "ports": ["400-443"]}]}))], vec![], false),
        (a, vec![deny(json!({"denied": [{"IPProtocol": "tcp", "ports": ["444"]}]}))], vec![], false),
        (d, vec![allow.clone()], vec![policy("HIERARCHY", 1, "deny")], false),
        (a, vec![allow.clone()], vec![policy("NETWORK", 1, "deny")], false),
        (d, vec![allow.clone()], vec![policy("NETWORK", 1, "deny")], true),
        (d, vec![deny(json!({}))], vec![policy("HIERARCHY", 1, "goto_next")], false),
        (d, vec![], vec![policy("NETWORK_REGIONAL", 1, "allow"), policy("NETWORK", 9, "deny")], false),
        (d, vec![], vec![policy("NETWORK", 9, "allow"), policy("NETWORK", 2, "deny")], false),
        (m, vec![], vec![policy("HIERARCHY", 1, "apply_security_profile_group")], false),
        (m, vec![], vec![policy("SOMETHING_NEW", 1, "deny")], false),
        (m, vec![], vec![policy("HIERARCHY", 1, "ponder")], false),
    ];
    let sender = Sender { tags: &[TAG, "vpc-connector"], from: walker::range("10.8.0.0/28") };
    let packet = Packet { to: walker::range("8.8.8.8").unwrap().0, protocol: 6, port: 443 };
    for (at, (expected, rules, policies, policies_first)) in cases.into_iter().enumerate() {
        let network = Network { path: NETWORK, rules: &rules, policies: &policies, policies_first };
        let fate = network.walk(sender, packet);
        let found = match () {
            () if fate.surely_allowed() => a,
            () if fate.surely_denied() => d,
            () => m,
        };
        assert_eq!(found, expected, "case {at}: {fate:?}");
    }
}
