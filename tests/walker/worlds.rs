//! Rules and policies of every field, made by chance.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

pub const NETWORK: &str = "projects/demo-project/global/networks/my-vpc";
pub const TAG: &str = "vpc-connector-europe-west2-conn";

#[derive(Debug, Clone)]
pub struct World {
    pub rules: Vec<Value>,
    pub policies: Vec<Value>,
    pub policies_first: bool,
    /// The connector's /28, where it is known.
    pub range: Option<&'static str>,
    /// Where the list of packets begins.
    pub offset: usize,
}

impl World {
    /// Everything in it is ranges, protocols and ports that are understood: sets and packets can say the very same.
    pub fn is_plain(&self) -> bool {
        let text = Value::from([self.rules.clone(), self.policies.clone()].concat()).to_string();
        !ODD.iter().any(|odd| text.contains(odd))
    }
}

const ODD: [&str; 14] = [
    "destFqdns",
    "destRegionCodes",
    "destThreatIntelligences",
    "destAddressGroups",
    "destNetworkContext",
    "destNetworkType",
    "destSomethingNew",
    "SOMETHING_NEW",
    "ponder",
    "no-range",
    "no-protocol",
    "no-port",
    "no-layer4",
    "10.8.0.8/29",
];

pub fn worlds() -> impl Strategy<Value = World> {
    let ranges = select(vec![Some("10.8.0.0/28"), Some("10.8.0.0/28"), Some("10.8.0.0/28"), None]);
    (vec(rule(), 0..6), vec(policy(), 0..4), any::<bool>(), ranges, any::<usize>()).prop_map(
        |(mut rules, mut policies, policies_first, range, offset)| {
            for (at, rule) in rules.iter_mut().enumerate() {
                rule["name"] = format!("rule-{at}").into();
            }
            for (at, policy) in policies.iter_mut().enumerate() {
                policy["name"] = format!("policy-{at}").into();
                // No two associations of one priority: which goes first, the answer does not say.
                policy["priority"] = json!(policy["priority"].as_u64().unwrap() * 8 + (7 - at as u64));
                let rules = policy["rules"].as_array_mut().unwrap();
                let mut seen = std::collections::BTreeSet::new();
                rules.retain(|rule| seen.insert(rule["priority"].as_u64()));
            }
            World { rules, policies, policies_first, range, offset: offset % 100_000 }
        },
    )
}

/// Mostly the first values: what is odd is rare, so that most worlds have little of it.
fn mostly(usual: Vec<Value>, odd: Vec<Value>) -> impl Strategy<Value = Value> {
    prop_oneof![30 => select(usual), 1 => select(odd)]
}

fn with(mut document: Value, fields: Vec<(&str, Value)>) -> Value {
    let map = document.as_object_mut().unwrap();
    for (name, value) in fields {
        if !value.is_null() {
            map.insert(name.to_owned(), value);
        }
    }
    document
}

fn destinations() -> impl Strategy<Value = Value> {
    mostly(
        vec![
            Value::Null,
            json!(["0.0.0.0/0"]),
            json!(["10.0.0.0/8"]),
            json!(["10.0.0.0/8", "192.168.0.0/16"]),
            json!(["8.8.8.8/32"]),
            json!(["8.8.8.8"]),
            json!(["8.8.8.0/24", "10.1.2.3"]),
            json!(["128.0.0.0/1"]),
            json!(["2001:db8::/32"]),
            json!(["2001:db8::1"]),
            json!(["35.199.224.0/19"]),
        ],
        vec![json!(["no-range"]), json!(["no-range", "10.0.0.0/8"])],
    )
}

fn sources() -> impl Strategy<Value = Value> {
    mostly(
        vec![
            Value::Null,
            Value::Null,
            Value::Null,
            json!(["10.8.0.0/24"]),
            json!(["10.8.0.0/28"]),
            json!(["10.8.0.16/28"]),
            json!(["10.8.0.5"]),
            json!(["10.8.0.0/29"]),
            json!(["192.168.0.0/16", "10.0.0.0/8"]),
            json!(["2001:db8::/64"]),
        ],
        vec![json!(["no-range"]), json!(["10.8.0.0/29", "10.8.0.8/29"])],
    )
}

fn layer4(key: &'static str) -> impl Strategy<Value = Value> {
    let one = |protocol: &str| json!([{key: protocol}]);
    let ports = |protocol: &str, ports: Value| json!([{key: protocol, "ports": ports}]);
    mostly(
        vec![
            one("all"),
            one("all"),
            one("tcp"),
            one("TCP"),
            one("6"),
            one("17"),
            one("icmp"),
            one("esp"),
            one("47"),
            one("ipip"),
            ports("tcp", json!(["443"])),
            ports("tcp", json!(["80", "443-8443"])),
            ports("udp", json!(["53"])),
            ports("17", json!(["0-65535"])),
            ports("sctp", json!(["1-2"])),
            json!([{key: "tcp", "ports": ["443"]}, {key: "udp"}]),
        ],
        vec![one("no-protocol"), ports("tcp", json!(["no-port"]))],
    )
}

fn rule() -> impl Strategy<Value = Value> {
    let fields = (
        select(vec![100_u32, 500, 900, 900, 1000, 65535]),
        any::<bool>(),
        select(vec!["EGRESS", "EGRESS", "EGRESS", "EGRESS", "INGRESS"]),
        prop::bool::weighted(0.1),
    );
    let tags = select(vec![
        Value::Null,
        Value::Null,
        json!([TAG]),
        json!(["vpc-connector"]),
        json!(["web"]),
        json!(["web", TAG]),
    ]);
    let accounts = prop_oneof![12 => Just(Value::Null), 1 => Just(json!(["app@demo-project.iam.gserviceaccount.com"]))];
    (fields, destinations(), sources(), layer4("IPProtocol"), tags, accounts).prop_map(
        |((priority, deny, direction, disabled), to, from, what, tags, accounts)| {
            let rule = json!({
                "network": format!("https://www.googleapis.com/compute/v1/{NETWORK}"),
                "direction": direction, "priority": priority, "disabled": disabled,
            });
            let ingress = direction == "INGRESS";
            with(
                rule,
                vec![
                    (if deny { "denied" } else { "allowed" }, what),
                    ("destinationRanges", if ingress { Value::Null } else { to }),
                    ("sourceRanges", from),
                    ("targetTags", if accounts.is_null() { tags } else { Value::Null }),
                    ("targetServiceAccounts", accounts),
                ],
            )
        },
    )
}

fn policy() -> impl Strategy<Value = Value> {
    let kind = mostly(
        ["HIERARCHY", "HIERARCHY", "SYSTEM", "SYSTEM_GLOBAL", "SYSTEM_REGIONAL", "NETWORK", "NETWORK_REGIONAL"]
            .map(Value::from)
            .to_vec(),
        vec![json!("SOMETHING_NEW")],
    );
    (kind, 1..150_u32, vec(policy_rule(), 0..5))
        .prop_map(|(kind, priority, rules)| json!({"type": kind, "priority": priority, "rules": rules}))
}

fn policy_rule() -> impl Strategy<Value = Value> {
    let action = mostly(
        ["allow", "deny", "goto_next", "apply_security_profile_group"].map(Value::from).to_vec(),
        vec![json!("ponder")],
    );
    let head = (1..12_u32, action, select(vec!["EGRESS", "EGRESS", "EGRESS", "INGRESS"]), prop::bool::weighted(0.1));
    let targets = prop_oneof![
        14 => Just(json!({})),
        1 => Just(json!({"targetType": "INSTANCES"})),
        1 => Just(json!({"targetType": "INTERNAL_MANAGED_LB"})),
        1 => Just(json!({"targetForwardingRules": ["projects/p/global/forwardingRules/f"]})),
        1 => Just(json!({"targetType": "SOMETHING_NEW"})),
        1 => Just(json!({"targetServiceAccounts": ["app@demo-project.iam.gserviceaccount.com"]})),
        1 => Just(json!({"targetSecureTags": [{"name": "tagValues/1", "state": "EFFECTIVE"}]})),
        1 => Just(json!({"targetResources": [format!("https://www.googleapis.com/compute/v1/{NETWORK}")]})),
        1 => Just(json!({"targetResources": ["projects/other/global/networks/other"]})),
    ];
    (head, destinations(), sources(), matchers(), layer4("ipProtocol"), targets).prop_map(
        |((priority, action, direction, disabled), to, from, more, what, targets)| {
            let fields = vec![("destIpRanges", to), ("srcIpRanges", from), ("layer4Configs", what)];
            let mut matches = with(more, fields);
            if matches.as_object_mut().unwrap().remove("no-layer4").is_some() {
                matches.as_object_mut().unwrap().remove("layer4Configs");
                matches["destFqdns"] = json!([]);
            }
            let mut rule = json!({
                "priority": priority, "direction": direction, "action": action, "disabled": disabled, "match": matches,
            });
            rule.as_object_mut().unwrap().extend(targets.as_object().unwrap().clone());
            rule
        },
    )
}

/// What a rule asks beside addresses and ports.
fn matchers() -> impl Strategy<Value = Value> {
    prop_oneof![
        20 => Just(json!({})),
        1 => Just(json!({"destFqdns": ["example.com"]})),
        1 => Just(json!({"destRegionCodes": ["DE"]})),
        1 => Just(json!({"destThreatIntelligences": ["iplist-tor-exit-nodes"]})),
        1 => Just(json!({"destAddressGroups": ["projects/p/locations/global/addressGroups/g"]})),
        1 => select(vec!["INTERNET", "NON_INTERNET", "INTRA_VPC", "VPC_NETWORKS"])
            .prop_map(|context| json!({"destNetworkContext": context})),
        1 => Just(json!({"destNetworkType": "INTERNET"})),
        1 => Just(json!({"destSomethingNew": ["x"]})),
        1 => Just(json!({"no-layer4": true})),
    ]
}
