//! One packet, from a connector at 10.8.0.0/28 to 8.8.8.8 tcp:443, under single rules and policies.

use serde_json::{Value, json};

use super::*;

/// What can become of the packet.
fn fate(rules: &[Value], policies: &[Value], policies_first: bool) -> &'static str {
    let rules: Vec<Firewall> = rules.iter().map(|rule| serde_json::from_value(rule.clone()).unwrap()).collect();
    let effective: EffectiveFirewalls = serde_json::from_value(json!({"firewallPolicys": policies})).unwrap();
    let sender = Sender::connector("vpc-connector-europe-west2-conn", Some("10.8.0.0/28".parse().unwrap()));
    let verdicts = decide(sender, &rules, &effective, policies_first);
    let packet = Reach::of(["8.8.8.8"], [("tcp", &["443".to_owned()][..])]);
    match (allowed(&verdicts).overlaps(&packet), denied(&verdicts).overlaps(&packet)) {
        (true, false) => "allowed",
        (false, true) => "denied",
        (true, true) => "either",
        (false, false) => "lost",
    }
}

fn with(base: Value, more: &Value) -> Value {
    let mut document = base;
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

fn deny(more: Value) -> Value {
    with(json!({"name": "deny", "direction": "EGRESS", "priority": 1000, "denied": [{"IPProtocol": "all"}]}), &more)
}

fn allow(more: Value) -> Value {
    with(json!({"name": "allow", "direction": "EGRESS", "priority": 1000, "allowed": [{"IPProtocol": "all"}]}), &more)
}

#[test]
fn vpc_rules() {
    let tcp = |ports: Value| json!({"denied": [{"IPProtocol": "tcp", "ports": ports}]});
    let cases = [
        ("allowed", vec![]),
        ("denied", vec![deny(json!({}))]),
        ("denied", vec![allow(json!({})), deny(json!({}))]),
        ("allowed", vec![deny(json!({"priority": 1001})), allow(json!({}))]),
        ("allowed", vec![deny(json!({"disabled": true}))]),
        ("allowed", vec![deny(json!({"direction": "INGRESS"}))]),
        ("denied", vec![deny(json!({"targetTags": ["web", "vpc-connector"]}))]),
        ("allowed", vec![deny(json!({"targetTags": ["web"]}))]),
        ("allowed", vec![deny(json!({"targetServiceAccounts": ["a@b"]}))]),
        // Addresses: ranges, single ones, of IPv6, and what nobody can read.
        ("denied", vec![deny(json!({"destinationRanges": ["8.8.8.8"]}))]),
        ("denied", vec![deny(json!({"destinationRanges": ["8.8.8.8/32"]}))]),
        ("allowed", vec![deny(json!({"destinationRanges": ["8.8.8.9"]}))]),
        ("allowed", vec![deny(json!({"destinationRanges": ["2001:db8::1", "2001:db8::/32"]}))]),
        ("either", vec![deny(json!({"destinationRanges": ["a-name"]}))]),
        ("denied", vec![deny(json!({"destinationRanges": ["a-name", "8.8.8.8"]}))]),
        ("denied", vec![deny(json!({"sourceRanges": ["10.8.0.0/24"]}))]),
        ("denied", vec![deny(json!({"sourceRanges": ["10.8.0.0/29", "10.8.0.8/29"]}))]),
        ("either", vec![deny(json!({"sourceRanges": ["10.8.0.3"]}))]),
        ("allowed", vec![deny(json!({"sourceRanges": ["10.8.0.16", "2001:db8::1"]}))]),
        ("either", vec![deny(json!({"sourceRanges": ["a-name"]}))]),
        ("denied", vec![deny(json!({"sourceRanges": ["a-name", "10.8.0.0/28"]}))]),
        // Protocols and ports.
        ("denied", vec![deny(tcp(json!(["400-500"])))]),
        ("allowed", vec![deny(tcp(json!(["444"])))]),
        ("either", vec![deny(tcp(json!(["https"])))]),
        ("either", vec![deny(json!({"denied": [{"IPProtocol": "something"}]}))]),
    ];
    for (at, (expected, rules)) in cases.into_iter().enumerate() {
        assert_eq!(fate(&rules, &[], false), expected, "case {at}: {rules:?}");
    }
}

fn policy(kind: &str, priority: Value, rules: Value) -> Value {
    json!({"name": format!("{kind}-{priority}"), "type": kind, "priority": priority, "rules": rules})
}

/// One rule about everything.
fn all(kind: &str, priority: u32, action: &str) -> Value {
    policy(kind, priority.into(), json!([rule(1, action, json!({}))]))
}

fn rule(priority: u32, action: &str, more: Value) -> Value {
    let matches = with(
        json!({"layer4Configs": [{"ipProtocol": "all"}]}),
        &more["match"].as_object().cloned().unwrap_or_default().into(),
    );
    with(
        with(json!({"priority": priority, "direction": "EGRESS", "action": action}), &more),
        &json!({"match": matches}),
    )
}

#[test]
fn policies_in_their_order() {
    let opens = allow(json!({}));
    let stops = deny(json!({}));
    let kinds = ["HIERARCHY", "SYSTEM", "SYSTEM_REGIONAL", "NETWORK", "NETWORK_REGIONAL"];
    // Whichever the answer names first.
    for (at, earlier) in kinds.iter().enumerate() {
        for later in &kinds[at + 1..] {
            assert_eq!(
                fate(&[], &[all(later, 1, "deny"), all(earlier, 9, "allow")], false),
                "allowed",
                "{earlier} {later}"
            );
            assert_eq!(
                fate(&[], &[all(later, 1, "allow"), all(earlier, 9, "deny")], false),
                "denied",
                "{earlier} {later}"
            );
        }
        assert_eq!(fate(&[], &[all(earlier, 20, "deny"), all(earlier, 3, "allow")], false), "allowed", "{earlier}");
        let default = policy(earlier, Value::Null, json!([rule(1, "deny", json!({}))]));
        assert_eq!(fate(&[], &[default.clone(), all(earlier, 999, "allow")], false), "allowed", "{earlier}");
        assert_eq!(fate(&[], &[all(earlier, 1001, "allow"), default.clone()], false), "denied", "{earlier}");
        assert_eq!(fate(&[], &[all(earlier, 1000, "allow"), default], false), "either", "{earlier}");
    }
    let cases = [
        ("denied", &opens, all("HIERARCHY", 1, "deny"), false),
        ("denied", &opens, all("SYSTEM_GLOBAL", 1, "deny"), false),
        ("allowed", &opens, all("NETWORK", 1, "deny"), false),
        ("denied", &opens, all("NETWORK", 1, "deny"), true),
        ("denied", &opens, all("NETWORK_REGIONAL", 1, "deny"), true),
        ("denied", &stops, all("HIERARCHY", 1, "goto_next"), false),
        ("either", &stops, all("HIERARCHY", 1, "apply_security_profile_group"), false),
        ("either", &opens, all("HIERARCHY", 1, "ponder"), false),
        ("either", &opens, all("SOMETHING_NEW", 1, "deny"), false),
        ("either", &stops, all("", 1, "allow"), false),
    ];
    for (expected, standing, policy, policies_first) in cases {
        assert_eq!(
            fate(std::slice::from_ref(standing), std::slice::from_ref(&policy), policies_first),
            expected,
            "{policy}"
        );
    }
}

#[test]
fn rules_of_a_policy() {
    let matching = |more: Value| json!({"match": more});
    let cases = [
        ("denied", json!([rule(2, "allow", json!({})), rule(1, "deny", json!({}))])),
        ("allowed", json!([rule(1, "deny", json!({"disabled": true}))])),
        ("allowed", json!([rule(1, "deny", json!({"direction": "INGRESS"}))])),
        ("allowed", json!([rule(1, "deny", json!({"targetType": "INTERNAL_MANAGED_LB"}))])),
        ("allowed", json!([rule(1, "deny", json!({"targetForwardingRules": ["f"]}))])),
        ("denied", json!([rule(1, "deny", json!({"targetType": "INSTANCES"}))])),
        ("either", json!([rule(1, "deny", json!({"targetType": "SOMETHING_NEW"}))])),
        ("allowed", json!([rule(1, "deny", json!({"targetSecureTags": [{"name": "tagValues/1"}]}))])),
        ("denied", json!([rule(1, "deny", matching(json!({"destIpRanges": ["8.8.8.8"]})))])),
        ("denied", json!([rule(1, "deny", matching(json!({"srcIpRanges": ["10.8.0.0/28"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"srcIpRanges": ["10.8.0.4"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"destIpRanges": ["a-name"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"destFqdns": ["dns.google"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"destThreatIntelligences": ["iplist-tor-exit-nodes"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"destRegionCodes": ["US"], "destIpRanges": ["9.9.9.9"]})))])),
        // One parameter of the destination is enough.
        (
            "denied",
            json!([rule(1, "deny", matching(json!({"destFqdns": ["example.com"], "destIpRanges": ["8.8.8.8"]})))]),
        ),
        (
            "either",
            json!([rule(1, "deny", matching(json!({"destNetworkContext": "INTERNET", "destIpRanges": ["8.8.8.8"]})))]),
        ),
        ("either", json!([rule(1, "deny", matching(json!({"destNetworkType": "INTERNET"})))])),
        ("denied", json!([rule(1, "deny", matching(json!({"destNetworkType": "UNSPECIFIED", "destFqdns": []})))])),
        ("either", json!([rule(1, "deny", matching(json!({"destSomethingNew": ["x"]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"srcSecureTags": [{"name": "tagValues/1"}]})))])),
        ("either", json!([rule(1, "deny", matching(json!({"layer4Configs": []})))])),
        // What is perhaps handed on is not decided by what comes next.
        (
            "either",
            json!([rule(1, "goto_next", matching(json!({"srcIpRanges": ["10.8.0.4"]}))), rule(2, "deny", json!({}))]),
        ),
        ("allowed", json!([rule(1, "goto_next", json!({})), rule(2, "deny", json!({}))])),
    ];
    for (expected, rules) in cases {
        let policies = [policy("HIERARCHY", 1.into(), rules.clone())];
        assert_eq!(fate(&[], &policies, false), expected, "{rules}");
    }
}

#[test]
fn an_allow_comes_before_what_it_would_open() {
    let cases = [
        (Stage::BeforeRules, [false, false, false]),
        (Stage::Rule(930), [true, false, false]),
        (Stage::AfterRules, [true, true, true]),
        (Stage::Unknown, [true, true, true]),
        (Stage::Implied, [true, true, true]),
    ];
    for (stage, expected) in cases {
        // At equal priority a deny decides first.
        assert_eq!([929, 930, 931].map(|priority| stage.is_after(priority)), expected, "{stage:?}");
    }
}
