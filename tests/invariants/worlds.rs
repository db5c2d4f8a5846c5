//! Small worlds, made by chance.

use std::fmt;

use egress_reconciler::domain::{
    firewall::rule_set::Site,
    names::NetworkRef,
    ports::Layer4,
    stamp::Stamp,
    state::{
        connector::{Connector, ConnectorState, ConnectorSubnet},
        effective::{EffectiveFirewalls, FirewallPolicy, Layer4Config, PolicyRule, RuleMatch},
        egress::Egress,
        firewall::{Direction, Firewall},
        observed::Observed,
        others::Others,
        router::{LIST, Nat, NatSubnet, Router},
        subnet::Subnet,
        workload::{Workload, WorkloadKind},
    },
};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::json;

use crate::{
    doing::objects,
    policies::{Written, policies},
    support,
};

/// `conn-0` stands on somebody's subnet, `conn-1` on one of ours; `conn-2` never stands.
pub const CONNECTORS: usize = 3;

/// A world that comes to rest under one policy; then something happens, and another counts.
#[derive(Clone)]
pub struct Scene {
    pub before: Written,
    pub after: Written,
    pub world: Observed,
    pub happens: Happens,
}

impl Scene {
    /// The network is another project's.
    pub fn shared(&self) -> bool {
        self.world.network_name.project != self.world.target.project
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jobs =
            self.world.workloads().map(|job| format!("{job} {:?} {:?} {}", job.connector, job.egress, job.ignored));
        writeln!(f, "\nbefore {:?}\nafter {:?}", self.before, self.after)?;
        writeln!(f, "{}", jobs.collect::<Vec<_>>().join("; "))?;
        for (id, document) in objects(&self.world) {
            writeln!(f, "{id} {document}")?;
        }
        writeln!(f, "{:?}\nthen {:?}", self.world.effective, self.happens)
    }
}

#[derive(Debug, Clone)]
pub struct Happens {
    /// Somebody's new rules.
    pub rules: Vec<Firewall>,
    pub days: i64,
    /// The workloads are gone.
    pub idle: bool,
    /// The person on call takes our denies down.
    pub released: bool,
    /// Somebody changes one of our rules: which, and how.
    pub drift: Option<(usize, Drift)>,
}

#[derive(Debug, Clone, Copy)]
pub enum Drift {
    Disabled,
    Deleted,
    Wider,
    Priority(u32),
    NoTags,
}

pub fn scenes() -> impl Strategy<Value = Scene> {
    any::<bool>().prop_flat_map(|shared| {
        (policies(shared), policies(shared), worlds(shared), happens(shared))
            .prop_map(|(before, after, world, happens)| Scene { before, after, world, happens })
    })
}

/// `conn-1` is in ERROR and is replaced; rules of other people name the range that it leaves.
pub fn moving_scenes() -> impl Strategy<Value = Scene> {
    let leaves =
        (any::<bool>(), select(vec![50_u32, 905, 950, 2000]), select(vec!["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8/32"]));
    (scenes(), leaves, any::<bool>()).prop_map(|(scene, (tagged, priority, to), deny)| {
        let shared = scene.shared();
        let mut world = scene.world.clone();
        let (subnet, found) = connector(1, ConnectorState::Error, shared);
        let (subnets, connectors) = (world.subnets.as_mut().unwrap(), world.connectors.as_mut().unwrap());
        subnets.retain(|other| other.name != subnet.name);
        connectors.retain(|other| other.name != found.name);
        subnets.push(subnet);
        connectors.push(found);
        let all = vec![Layer4 { protocol: "all".into(), ports: Vec::new() }];
        let (allowed, denied) = if deny { (Vec::new(), all) } else { (all, Vec::new()) };
        let tags = tagged.then(|| "vpc-connector-europe-west2-conn-1".to_owned());
        let rule = Firewall {
            name: "foreign-range".into(),
            network: network(shared).to_string(),
            direction: Direction::Egress,
            priority,
            source_ranges: vec!["10.8.0.16/28".into()],
            destination_ranges: vec![to.into()],
            allowed,
            denied,
            target_tags: tags.into_iter().collect(),
            ..Firewall::default()
        };
        world.firewalls.as_mut().unwrap().push(rule);
        let after = scene.after.with(&json!({"mode": "enforce", "connector": {"repair": true, "ensure": "referenced"}, "exemptions": [], "overrides": []}));
        let happens = Happens { drift: None, ..scene.happens.clone() };
        Scene { world, after, happens, ..scene }
    })
}

impl Happens {
    pub fn add_rules(&self, world: &mut Observed) {
        let added = self.rules.iter().cloned().enumerate();
        let rules = world.firewalls.as_mut().unwrap();
        rules.extend(added.map(|(index, rule)| Firewall { name: format!("later-{index}"), ..rule }));
    }

    pub fn to(&self, world: &mut Observed) {
        self.add_rules(world);
        let rules = world.firewalls.as_mut().unwrap();
        if let Some((which, drift)) = self.drift {
            let own: Vec<_> = (0..rules.len()).filter(|at| rules[*at].description.contains("owner=lab")).collect();
            if let Some(at) = own.get(which % own.len().max(1)) {
                drift.to(rules, *at);
            }
        }
        if self.idle {
            put_workloads(world, Vec::new());
        }
        world.at += SignedDuration::from_hours(24 * self.days);
    }
}

impl Drift {
    fn to(self, rules: &mut Vec<Firewall>, at: usize) {
        let rule = &mut rules[at];
        match self {
            Self::Deleted => drop(rules.remove(at)),
            Self::Disabled => rule.disabled = true,
            Self::Priority(priority) => rule.priority = priority,
            Self::NoTags => rule.target_tags.clear(),
            Self::Wider => {
                let entries = if rule.is_deny() { &mut rule.denied } else { &mut rule.allowed };
                *entries = vec![Layer4 { protocol: "all".into(), ports: Vec::new() }];
            }
        }
    }
}

fn happens(shared: bool) -> impl Strategy<Value = Happens> {
    let drifts = select(vec![
        Drift::Disabled,
        Drift::Deleted,
        Drift::Wider,
        Drift::Priority(150),
        Drift::Priority(2000),
        Drift::NoTags,
    ]);
    (
        vec(foreign_rules(shared), 0..2),
        select(vec![0_i64, 0, 4, 40]),
        (any::<bool>(), any::<bool>()),
        (any::<bool>(), 0..20_usize, drifts),
    )
        .prop_map(|(rules, days, (idle, released), (drifts, which, drift))| Happens {
            rules,
            days,
            idle,
            released,
            drift: drifts.then_some((which, drift)),
        })
}

pub fn network(shared: bool) -> NetworkRef {
    let host = if shared { "net-host" } else { "demo-project" };
    format!("projects/{host}/global/networks/my-vpc").try_into().unwrap()
}

pub fn worlds(shared: bool) -> impl Strategy<Value = Observed> {
    let standing =
        vec((any::<bool>(), select(vec![ConnectorState::Ready, ConnectorState::Ready, ConnectorState::Error])), 2);
    (vec(workloads(), 0..4), standing, vec(foreign_rules(shared), 0..4), any::<bool>(), effective()).prop_map(
        move |(jobs, standing, rules, covered, effective)| {
            let mut world = empty(shared);
            let named = jobs.into_iter().enumerate();
            put_workloads(
                &mut world,
                named.map(|(index, job)| Workload { name: format!("job-{index}"), ..job }).collect(),
            );
            let made = standing.into_iter().enumerate().filter(|(_, (stands, _))| *stands);
            let (subnets, connectors) = made.map(|(index, (_, state))| connector(index, state, shared)).unzip();
            world.subnets = Ok(subnets);
            world.connectors = Ok(connectors);
            let named = rules.into_iter().enumerate();
            world.firewalls =
                Ok(named.map(|(index, rule)| Firewall { name: format!("foreign-{index}"), ..rule }).collect());
            world.effective = Ok(effective);
            if covered {
                world.routers = Ok(vec![foreign_router(shared)]);
            }
            world
        },
    )
}

fn empty(shared: bool) -> Observed {
    let mut look = support::empty_look("my-vpc");
    look.network_name = network(shared);
    for route in look.routes.iter_mut().flatten() {
        route.network = look.network_name.to_string();
    }
    look
}

/// Users of every kind; half of them are jobs.
fn workloads() -> impl Strategy<Value = Workload> {
    let others = select(vec![
        WorkloadKind::Service,
        WorkloadKind::WorkerPool,
        WorkloadKind::Instance,
        WorkloadKind::Execution,
        WorkloadKind::Function,
        WorkloadKind::Version,
    ]);
    let kinds = prop_oneof![Just(WorkloadKind::Job), others];
    (0..CONNECTORS, kinds, any::<bool>(), any::<bool>()).prop_map(|(connector, kind, all, ignored)| Workload {
        egress: if all { Egress::AllTraffic } else { Egress::PrivateRangesOnly },
        ignored: ignored && connector == 0,
        ..Workload::by_connector(kind, "", &format!("conn-{connector}"), "")
    })
}

/// Each in the list of its kind.
fn put_workloads(world: &mut Observed, workloads: Vec<Workload>) {
    let of = |kind: WorkloadKind| Ok(workloads.iter().filter(|workload| workload.kind == kind).cloned().collect());
    world.jobs = of(WorkloadKind::Job);
    world.services = of(WorkloadKind::Service);
    world.worker_pools = of(WorkloadKind::WorkerPool);
    world.instances = of(WorkloadKind::Instance);
    world.executions = Some(of(WorkloadKind::Execution));
    world.others = Some(Others { functions: of(WorkloadKind::Function), versions: of(WorkloadKind::Version) });
}

fn connector(index: usize, state: ConnectorState, shared: bool) -> (Subnet, Connector) {
    let name = format!("conn-{index}");
    let network = network(shared);
    let full = format!("projects/demo-project/locations/europe-west2/connectors/{name}");
    // As the planner names it: in a host project with a hash.
    let own = full.clone().try_into().unwrap();
    let base = Site { connector: &own, network: &network, range: None, next: None, on_host: shared }.base();
    let ours = index == 1;
    let subnet = if ours { format!("egress-{base}") } else { format!("by-hand-{index}") };
    let path = format!("projects/{}/regions/europe-west2/subnetworks/{subnet}", network.project);
    let description = if ours { Stamp::new("lab", path, Some(full.clone())).to_string() } else { String::new() };
    (
        Subnet {
            name: subnet.clone(),
            description,
            network: network.to_string(),
            ip_cidr_range: format!("10.8.0.{}/28", index * 16),
            private_ip_google_access: true,
            creation_timestamp: "2026-11-01T12:00:00Z".into(),
            ..Subnet::default()
        },
        Connector {
            name: full,
            subnet: Some(ConnectorSubnet {
                name: subnet,
                project_id: if shared { network.project.to_string() } else { String::new() },
            }),
            machine_type: "e2-micro".into(),
            min_instances: Some(2),
            max_instances: Some(3),
            state,
            ..Connector::default()
        },
    )
}

fn foreign_rules(shared: bool) -> impl Strategy<Value = Firewall> {
    (
        any::<bool>(),
        select(vec![50_u32, 150, 500, 925, 985, 990, 1005, 2000, 65000]),
        select(vec!["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8/32"]),
        select(vec![("all", None), ("tcp", None), ("tcp", Some("443")), ("udp", Some("53"))]),
        select(vec![None, Some("vpc-connector-europe-west2-conn-0"), Some("vpc-connector"), Some("web")]),
        // In a host project another project's connector of the same name bears the same tag.
        select(vec![None, None, Some("10.8.0.0/24"), Some("10.8.0.16/28"), Some("192.168.77.0/28")]),
    )
        .prop_map(move |(deny, priority, to, (protocol, port), tag, from)| {
            let what = vec![Layer4 { protocol: protocol.into(), ports: port.into_iter().map(str::to_owned).collect() }];
            let (allowed, denied) = if deny { (Vec::new(), what) } else { (what, Vec::new()) };
            Firewall {
                network: network(shared).to_string(),
                direction: Direction::Egress,
                priority,
                source_ranges: from.into_iter().map(str::to_owned).collect(),
                destination_ranges: vec![to.into()],
                allowed,
                denied,
                target_tags: tag.into_iter().map(str::to_owned).collect(),
                ..Firewall::default()
            }
        })
}

/// None, or one policy above or behind the VPC rules.
fn effective() -> impl Strategy<Value = EffectiveFirewalls> {
    let policy = |(kind, action, to): (&str, &str, &str)| FirewallPolicy {
        short_name: "guard".into(),
        kind: kind.into(),
        rules: vec![PolicyRule {
            priority: 10,
            direction: Direction::Egress,
            action: action.into(),
            matches: RuleMatch {
                dest_ip_ranges: vec![to.into()],
                layer4_configs: vec![Layer4Config { ip_protocol: "all".into(), ports: Vec::new() }],
                ..RuleMatch::default()
            },
            ..PolicyRule::default()
        }],
        ..FirewallPolicy::default()
    };
    let policies = (
        select(vec!["HIERARCHY", "NETWORK"]),
        select(vec!["allow", "deny", "goto_next"]),
        select(vec!["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8/32"]),
    );
    proptest::option::weighted(0.3, policies)
        .prop_map(move |found| EffectiveFirewalls { firewall_policys: found.map(policy).into_iter().collect() })
}

fn foreign_router(shared: bool) -> Router {
    let network = network(shared);
    let by_hand = format!("projects/{}/regions/europe-west2/subnetworks/by-hand-0", network.project);
    Router {
        name: "theirs".into(),
        network: network.to_string(),
        nats: vec![Nat {
            name: "theirs".into(),
            source_subnetwork_ip_ranges_to_nat: LIST.into(),
            subnetworks: vec![NatSubnet {
                name: by_hand,
                source_ip_ranges_to_nat: vec!["ALL_IP_RANGES".into()],
                ..NatSubnet::default()
            }],
            ..Nat::default()
        }],
        ..Router::default()
    }
}

/// `conn-1` is in ERROR and moves; a foreign deny names the range that it leaves, and the policy changes what it lets out.
pub fn leaving_scene() -> Scene {
    let mut world = empty(true);
    put_workloads(&mut world, Vec::new());
    let (subnet, found) = connector(1, ConnectorState::Error, true);
    world.subnets = Ok(vec![subnet]);
    world.connectors = Ok(vec![found]);
    let denied = json!({
        "name": "foreign-range", "network": network(true).to_string(), "direction": "EGRESS", "priority": 950,
        "sourceRanges": ["10.8.0.16/28"], "destinationRanges": ["8.8.8.8/32"], "denied": [{"IPProtocol": "all"}],
    });
    world.firewalls = Ok(vec![serde_json::from_value(denied).unwrap()]);
    let policy = |more: serde_json::Value| {
        let base = Written::new(json!({
            "version": 1, "owner": "lab", "mode": "enforce", "scope": {"projects": ["demo-project"], "regions": ["europe-west2"]},
            "network": {"name": network(true).to_string()},
            "connector": {"subnet_pools": ["10.8.0.0/24"]},
            "firewall": {"enforcement": "enforce", "google_apis": false, "base_priority": 200},
        }));
        base.with(&more)
    };
    let before = policy(json!({"firewall": {"internal": ["10.0.0.0/8"], "internet": []}}));
    let internet = json!([{"to": ["0.0.0.0/0"], "ports": ["tcp:443", "tcp:80"]}]);
    let after = policy(json!({"connector": {"repair": true}, "firewall": {"internal": [], "internet": internet}}));
    let happens = Happens { rules: Vec::new(), days: 0, idle: false, released: false, drift: None };
    Scene { before, after, world, happens }
}
