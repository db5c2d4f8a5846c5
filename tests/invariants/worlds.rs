//! Small worlds and policies, made by chance.

use std::collections::BTreeMap;

use egress_reconciler::domain::{
    policy::{self, Policy},
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState, ConnectorSubnet},
        effective::EffectiveFirewalls,
        firewall::{Direction, Firewall, Layer4},
        observed::{AddressSpace, Observed},
        route::Route,
        router::{LIST, Nat, NatSubnet, Router},
        subnet::Subnet,
        workload::{Workload, WorkloadKind},
    },
    target::Target,
    wanted::Egress,
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

pub const NETWORK: &str = "projects/demo-project/global/networks/my-vpc";
pub const NOW: &str = "2026-11-23T12:00:00Z";

pub fn target() -> Target {
    Target {
        project: "demo-project".to_owned().try_into().unwrap(),
        region: "europe-west2".to_owned().try_into().unwrap(),
    }
}

pub fn policies() -> impl Strategy<Value = Policy> {
    let internal = select(vec![json!([]), json!(["10.0.0.0/8"]), json!(["10.0.0.0/8", "192.168.0.0/16"])]);
    let internet = select(vec![
        json!([]),
        json!([{"to": ["0.0.0.0/0"], "ports": ["tcp:443", "tcp:80"]}]),
        json!([{"to": ["8.8.8.0/24"], "ports": ["udp:53"]}, {"to": ["0.0.0.0/0"], "ports": ["tcp:443"]}]),
    ]);
    let overrides = select(vec![json!([]), json!(["foreign-0"])]);
    (
        select(vec!["report", "create", "enforce", "enforce"]),
        select(vec!["allow-only", "observe", "enforce", "enforce"]),
        select(vec!["manual", "at-once"]),
        select(vec![200, 900, 1000]),
        any::<bool>(),
        internal,
        internet,
        select(vec![json!([]), json!(["*"])]),
        overrides,
        select(vec![1, 3, 40]),
    )
        .prop_map(
            |(mode, enforcement, rearm, base, google_apis, internal, internet, adopt, override_denies, changes)| {
                policy_of(json!({
                    "version": 1, "owner": "lab", "mode": mode,
                    "scope": {"projects": ["demo-project"], "regions": ["europe-west2"]},
                    "network": {"name": "my-vpc"},
                    "connector": {"subnet_pools": ["10.8.0.0/24"]},
                    "firewall": {
                        "enforcement": enforcement, "rearm": rearm, "base_priority": base, "google_apis": google_apis,
                        "internal": internal, "internet": internet, "adopt": adopt, "override_denies": override_denies,
                    },
                    "budget": {"changes_per_run": changes},
                }))
            },
        )
}

pub fn policy_of(document: Value) -> Policy {
    policy::read(&document.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn worlds() -> impl Strategy<Value = Observed> {
    (vec(workloads(), 0..4), vec(any::<bool>(), 2), vec(foreign_rules(), 0..4), any::<bool>()).prop_map(
        |(jobs, standing, rules, covered)| {
            let mut world = empty();
            world.jobs = Ok(jobs
                .into_iter()
                .enumerate()
                .map(|(index, job)| Workload { name: format!("job-{index}"), ..job })
                .collect());
            let mut subnets = Vec::new();
            let mut connectors = Vec::new();
            // `conn-0` stands on somebody's subnet, `conn-1` on one of ours; `conn-2` never stands.
            for (index, _) in standing.iter().enumerate().filter(|(_, stands)| **stands) {
                let (subnet, connector) = connector(index, index == 1);
                subnets.push(subnet);
                connectors.push(connector);
            }
            world.subnets = Ok(subnets);
            world.connectors = Ok(connectors);
            let named = rules
                .into_iter()
                .enumerate()
                .map(|(index, rule)| Firewall { name: format!("foreign-{index}"), ..rule });
            world.firewalls = Ok(named.collect());
            if covered {
                world.routers = Ok(vec![foreign_router()]);
            }
            world
        },
    )
}

pub fn empty() -> Observed {
    Observed {
        target: target(),
        at: NOW.parse().unwrap(),
        network_name: NETWORK.to_owned().try_into().unwrap(),
        jobs: Ok(Vec::new()),
        services: Ok(Vec::new()),
        worker_pools: Ok(Vec::new()),
        connectors: Ok(Vec::new()),
        subnets: Ok(Vec::new()),
        routers: Ok(Vec::new()),
        firewalls: Ok(Vec::new()),
        effective: Ok(EffectiveFirewalls::default()),
        routes: Ok(vec![Route {
            name: "default-route".into(),
            network: NETWORK.into(),
            dest_range: "0.0.0.0/0".into(),
            priority: 1000,
            next_hop_gateway: "projects/demo-project/global/gateways/default-internet-gateway".into(),
            ..Route::default()
        }]),
        network: Some(Ok(Some(Default::default()))),
        address_space: Some(Ok(AddressSpace::default())),
        elsewhere: BTreeMap::new(),
        users: Vec::new(),
        projects: BTreeMap::new(),
    }
}

fn workloads() -> impl Strategy<Value = Workload> {
    (0..3_usize, any::<bool>(), any::<bool>()).prop_map(|(connector, all, ignored)| Workload {
        kind: WorkloadKind::Job,
        name: String::new(),
        connector: Some(format!("conn-{connector}")),
        egress: if all { Egress::AllTraffic } else { Egress::PrivateRangesOnly },
        direct: Vec::new(),
        ignored: ignored && connector == 0,
    })
}

fn connector(index: usize, ours: bool) -> (Subnet, Connector) {
    let name = format!("conn-{index}");
    let subnet = if ours { format!("egress-{name}-europe-west2") } else { format!("by-hand-{index}") };
    let path = format!("projects/demo-project/regions/europe-west2/subnetworks/{subnet}");
    let full = format!("projects/demo-project/locations/europe-west2/connectors/{name}");
    let description = if ours { Stamp::new("lab", path, Some(full.clone())).to_string() } else { String::new() };
    (
        Subnet {
            name: subnet.clone(),
            description,
            network: NETWORK.into(),
            ip_cidr_range: format!("10.8.0.{}/28", index * 16),
            private_ip_google_access: true,
            creation_timestamp: "2026-11-01T12:00:00Z".into(),
            ..Subnet::default()
        },
        Connector {
            name: full,
            subnet: Some(ConnectorSubnet { name: subnet, project_id: String::new() }),
            machine_type: "e2-micro".into(),
            min_instances: Some(2),
            max_instances: Some(3),
            state: ConnectorState::Ready,
            ..Connector::default()
        },
    )
}

pub fn foreign_rules() -> impl Strategy<Value = Firewall> {
    (
        any::<bool>(),
        select(vec![50_u32, 150, 500, 925, 985, 990, 1005, 2000, 65000]),
        select(vec!["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8/32"]),
        select(vec![("all", None), ("tcp", None), ("tcp", Some("443")), ("udp", Some("53"))]),
        select(vec![None, Some("vpc-connector-europe-west2-conn-0"), Some("vpc-connector"), Some("web")]),
    )
        .prop_map(|(deny, priority, to, (protocol, port), tag)| {
            let what = vec![Layer4 { protocol: protocol.into(), ports: port.into_iter().map(str::to_owned).collect() }];
            let (allowed, denied) = if deny { (Vec::new(), what) } else { (what, Vec::new()) };
            Firewall {
                network: NETWORK.into(),
                direction: Direction::Egress,
                priority,
                destination_ranges: vec![to.into()],
                allowed,
                denied,
                target_tags: tag.into_iter().map(str::to_owned).collect(),
                ..Firewall::default()
            }
        })
}

fn foreign_router() -> Router {
    let by_hand = "projects/demo-project/regions/europe-west2/subnetworks/by-hand-0";
    Router {
        name: "theirs".into(),
        network: NETWORK.into(),
        nats: vec![Nat {
            name: "theirs".into(),
            source_subnetwork_ip_ranges_to_nat: LIST.into(),
            subnetworks: vec![NatSubnet {
                name: by_hand.into(),
                source_ip_ranges_to_nat: vec!["ALL_IP_RANGES".into()],
                ..NatSubnet::default()
            }],
            ..Nat::default()
        }],
        ..Router::default()
    }
}
