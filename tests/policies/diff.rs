//! `policy diff` against the packet walker, which shares no code with it: what is printed as opened or closed is what single
//! packets find on their way through the rules of the two policies.

use egress_reconciler::domain::{
    firewall::{
        reach::Traffic,
        rule_set::{Site, rules},
    },
    names::ConnectorRef,
    policy::{Policy, examine, read},
    policy_diff::{Class, PolicyDiff},
    text::policy_diff as text,
};
use insta::{assert_json_snapshot, assert_snapshot};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use super::{
    file, now,
    walker::{Network, Packet, Sender, number, range},
};

const RANGES: [&str; 8] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.64.0.0/10",
    "172.16.0.0/12",
    "35.199.192.0/18",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "203.0.113.7/32",
];
const PORTS: [&str; 8] = ["tcp:443", "tcp:80", "tcp", "udp:53", "udp:600-700", "icmp", "tcp:400-500", "50"];

fn firewall() -> impl Strategy<Value = Value> {
    let entry = (subsequence(RANGES.to_vec(), 1..3), subsequence(PORTS.to_vec(), 1..3))
        .prop_map(|(to, ports)| json!({"to": to, "ports": ports}));
    (
        select(vec!["allow-only", "observe", "enforce", "enforce", "enforce"]),
        subsequence(RANGES.to_vec(), 0..3),
        vec(entry, 0..4),
        any::<bool>(),
        select(vec![200, 900]),
    )
        .prop_map(|(enforcement, internal, internet, google_apis, base)| {
            json!({
                "enforcement": enforcement, "internal": internal, "internet": internet, "google_apis": google_apis,
                "base_priority": base,
            })
        })
}

fn policies() -> impl Strategy<Value = Policy> {
    (firewall(), proptest::option::of(firewall()), select(vec!["my-vpc", "projects/net-host/global/networks/my-vpc"]))
        .prop_map(|(firewall, special, network)| {
            let special = special.map(|firewall| json!({"match": {"connectors": ["special-*"]}, "firewall": firewall}));
            let overrides: Vec<Value> = special.into_iter().collect();
            let document = json!({
                "version": 1, "owner": "lab", "mode": "enforce",
                "scope": {"projects": ["demo-project"], "regions": ["europe-west2"]},
                "network": {"name": network},
                "connector": {"subnet_pools": ["10.8.0.0/24"]}, "firewall": firewall, "overrides": overrides,
            });
            read(&document.to_string()).unwrap_or_else(|error| panic!("{error}"))
        })
}

/// Packets at the borders of all that is named.
fn packets() -> impl Strategy<Value = Packet> {
    let named = RANGES.into_iter().chain(["199.36.153.4/30", "199.36.153.8/30", "34.126.0.0/18", "35.199.224.0/19"]);
    let borders: Vec<u32> = named
        .filter_map(range)
        .flat_map(|(first, last)| [first.saturating_sub(1), first, last, last.saturating_add(1)])
        .collect();
    let ports = vec![0, 22, 52, 53, 54, 79, 80, 81, 399, 400, 443, 500, 501, 600, 665, 666, 667, 700, 701, 65_535];
    (select(borders), select(vec![0_u8, 1, 6, 6, 6, 17, 17, 50, 255]), select(ports))
        .prop_map(|(to, protocol, port)| Packet { to, protocol, port })
}

fn is_allowed(policy: &Policy, connector: &ConnectorRef, packet: Packet) -> bool {
    let settings = policy.for_connector(connector);
    let network = settings.network.name.seen_from(&connector.project);
    let set = rules(settings, Site::new(policy, connector, &network), now());
    let documents: Vec<Value> = set.iter().map(|rule| serde_json::to_value(&rule.firewall).unwrap()).collect();
    let path = network.to_string();
    let network = Network { path: &path, rules: &documents, policies: &[], policies_first: false };
    let tag = connector.tag();
    let fate = network.walk(Sender { tags: &["vpc-connector", &tag], from: None }, packet);
    assert!(fate.surely_allowed() || fate.surely_denied());
    fate.surely_allowed()
}

/// Whether printed words are about a packet.
fn names(words: &str, packet: Packet) -> bool {
    let (services, to) = words.split_once(" to ").unwrap();
    let service = |word: &str| {
        let (name, ports) = word.split_once(':').unwrap_or((word, "0-65535"));
        let (low, high) = ports.split_once('-').unwrap_or((ports, ports));
        let (first, last) = match (number(name), name.split_once('-')) {
            (Some(number), _) => (number, number),
            (None, Some((first, last))) => (first.parse().unwrap(), last.parse().unwrap()),
            (None, None) => panic!("{words}"),
        };
        (first..=last).contains(&packet.protocol)
            && (low.parse::<u16>().unwrap()..=high.parse().unwrap()).contains(&packet.port)
    };
    let address = |word: &str| range(word).is_some_and(|(first, last)| (first..=last).contains(&packet.to));
    is_in(services, "everything", service) && is_in(to, "every address", address)
}

fn is_in(words: &str, all: &str, one: impl Fn(&str) -> bool) -> bool {
    let any = |list: &str| list.replace(" and ", ", ").split(", ").any(&one);
    match words.strip_prefix(all) {
        Some("") => true,
        Some(rest) => !any(rest.strip_prefix(" except ").unwrap()),
        None => any(words),
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_what_packets_find(old in policies(), new in policies(), packets in vec(packets(), 60)) {
        let diff = PolicyDiff::of(&old, &new, now());
        for name in ["conn", "special-1"] {
            let connector: ConnectorRef =
                format!("projects/demo-project/locations/europe-west2/connectors/{name}").try_into().unwrap();
            let chosen = |policy: &Policy| {
                policy.overrides.iter().position(|_| name == "special-1")
            };
            let class = Class { old: chosen(&old), new: chosen(&new) };
            let path = diff.paths.iter().find(|path| path.class == class);
            let printed = |of: fn(&egress_reconciler::domain::policy_diff::PathDiff) -> &Vec<Traffic>| -> Vec<String> {
                path.into_iter().flat_map(|path| of(path).iter().map(text::traffic)).collect()
            };
            let (opens, closes) = (printed(|path| &path.opens), printed(|path| &path.closes));
            for packet in &packets {
                let (before, after) = (is_allowed(&old, &connector, *packet), is_allowed(&new, &connector, *packet));
                let is_among = |all: &[String]| all.iter().filter(|words| names(words, *packet)).count();
                prop_assert_eq!(is_among(&opens), usize::from(!before && after), "{:?} {:?} {:#?}", name, packet, opens);
                prop_assert_eq!(is_among(&closes), usize::from(before && !after), "{:?} {:?} {:#?}", name, packet, closes);
            }
        }
    }

    #[test]
    fn a_policy_does_not_differ_from_itself(policy in policies()) {
        prop_assert!(PolicyDiff::of(&policy, &policy, now()).is_empty());
    }
}

fn policy(text: &str) -> Policy {
    let examined = examine(text, "2026-11-28".parse().unwrap());
    examined.policy.unwrap_or_else(|| panic!("{:?}", examined.faults))
}

#[test]
fn a_diff_in_words() {
    let (everything, hosts) =
        (policy(&file("tests/corpus/policies/everything.yaml")), policy(&file("tests/corpus/policies/hosts.yaml")));
    let diff = PolicyDiff::of(&everything, &hosts, now());
    assert_snapshot!("from_everything_to_hosts", text::lines(&diff, &everything, &hosts));
    let example = policy(egress_reconciler::domain::policy::example());
    let enforced = egress_reconciler::domain::policy::example()
        .replace("enforcement: observe", "enforcement: enforce")
        .replace("{to: [0.0.0.0/0], ports: [tcp:443, tcp:80]}", "{to: [203.0.113.0/24], ports: [tcp:443]}");
    let enforced = policy(&enforced);
    let diff = PolicyDiff::of(&example, &enforced, now());
    assert_snapshot!("from_the_example_to_enforcement", text::lines(&diff, &example, &enforced));
    assert_json_snapshot!("as_json", text::json_of(&PolicyDiff::of(&enforced, &example, now())));
    let same = PolicyDiff::of(&example, &example, now());
    assert_snapshot!("no_difference", text::lines(&same, &example, &example));
}
