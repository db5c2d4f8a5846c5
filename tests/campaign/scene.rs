//! What a seed stands for: a world, a policy, how well everything is connected, and what happens, as data. A part of it
//! can be left out and the rest stays what it was; that is how a failing scene is made small.

use std::time::Duration;

use egress_reconciler::sim::world::World;
use serde_json::{Value, json};

use crate::{chance::Chance, deeds::Deed, people, stories};

pub const OWNER: &str = "campaign";
pub const REGION: &str = "europe-west2";
pub const OTHER_REGION: &str = "us-central1";

#[derive(Debug, Clone)]
pub struct Scene {
    pub seed: u64,
    /// Those with connectors and workloads.
    pub projects: Vec<String>,
    /// The project of the network; the first of `projects` unless it is a Shared VPC.
    pub host: String,
    pub regions: Vec<&'static str>,
    /// Firewall policies are evaluated before the rules of the network.
    pub policies_first: bool,
    pub policy: Value,
    /// Connectors that something other than a template uses from the beginning to the end.
    pub used: Vec<String>,
    pub start: Vec<Start>,
    pub trouble: Trouble,
    pub deeds: Vec<(Duration, Deed)>,
}

/// A document of the world at the start.
#[derive(Debug, Clone)]
pub struct Start {
    pub collection: &'static str,
    pub path: String,
    pub document: Value,
}

/// What goes wrong between everyone; percentages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    pub instances: u64,
    pub lost: u64,
    pub twice: u64,
    pub late: u64,
    pub unpublished: u64,
    /// The longest way of a call to Google, there and back again.
    pub slow_ms: u64,
}

impl Scene {
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "world");
        let shared = chance.percent(30);
        let count = if shared { chance.pick(&[1, 2, 2, 3, 8]) } else { 1 };
        let projects: Vec<String> =
            (0..count).map(|at| if at == 0 { "team-app".into() } else { format!("team-app-{at}") }).collect();
        let host = if shared { "net-host".to_owned() } else { projects[0].clone() };
        let regions = if chance.percent(20) { vec![REGION, OTHER_REGION] } else { vec![REGION] };
        let mut scene = Self {
            seed,
            projects,
            host,
            regions,
            policies_first: false,
            policy: Value::Null,
            used: Vec::new(),
            start: Vec::new(),
            trouble: trouble(seed),
            deeds: Vec::new(),
        };
        scene.policy = scene.some_policy(&mut Chance::new(seed, "policy"));
        scene.start(&mut chance);
        scene.rarer(&mut Chance::new(seed, "rarer"));
        stories::fill(&mut scene);
        scene
    }

    pub fn is_shared(&self) -> bool {
        self.host != self.projects[0]
    }

    /// `projects/P/global/networks/N`.
    pub fn network(&self) -> String {
        format!("projects/{}/global/networks/my-vpc", self.host)
    }

    pub fn subnet(&self, region: &str, name: &str) -> String {
        format!("projects/{}/regions/{region}/subnetworks/{name}", self.host)
    }

    /// A policy of the kind that people write.
    pub fn some_policy(&self, chance: &mut Chance) -> Value {
        let web = json!({"to": ["0.0.0.0/0"], "ports": ["tcp:443", "tcp:80"]});
        let dns = json!({"to": ["8.8.8.0/24"], "ports": ["udp:53"]});
        let network = if self.is_shared() { self.network() } else { "my-vpc".to_owned() };
        json!({
            "version": 1, "owner": OWNER,
            "mode": chance.pick(&["enforce", "enforce", "enforce", "enforce", "enforce", "create", "report"]),
            "scope": {
                "projects": self.projects, "regions": self.regions,
                "hosts": if self.is_shared() { json!([self.host]) } else { json!([]) },
            },
            "network": {"name": network},
            "connector": {
                "subnet_pools": ["10.8.0.0/22"], "ensure": "referenced", "repair": chance.percent(40),
                "recreate": chance.percent(85), "prune": chance.pick(&["never", "never", "never", "7d"]),
                "new_per_day": chance.pick(&[1, 3, 20, 20]), "max_instances": chance.pick(&[3, 3, 5]),
            },
            "nat": {"ensure": chance.pick(&["when-needed", "when-needed", "always", "never"])},
            "firewall": {
                "enforcement": chance.pick(&["enforce", "enforce", "enforce", "enforce", "observe", "allow-only"]),
                "rearm": chance.pick(&["manual", "at-once"]),
                "adopt": chance.pick(&[json!([]), json!(["*"])]),
                "internal": chance.pick(&[json!([]), json!(["10.0.0.0/8"]), json!(["10.0.0.0/8", "192.168.0.0/16"])]),
                "internet": chance.pick(&[json!([]), json!([web]), json!([dns]), json!([dns, web])]),
                "override_denies": chance.pick(&[json!([]), json!([]), json!(["theirs-1"])]),
                "auto_rules": ["automatic-*"], "replace_auto": chance.percent(10),
            },
            "budget": {"changes_per_run": chance.pick(&[2, 40, 40, 40]), "changes_per_hour": 400},
        })
    }

    fn start(&mut self, chance: &mut Chance) {
        for (at, region) in self.regions.clone().into_iter().enumerate() {
            // A subnet and a gateway of another team, and perhaps a connector on that subnet.
            let subnet = self.subnet(region, "theirs");
            self.start.push(Start {
                collection: "compute.subnetworks",
                document: json!({"network": self.network(), "region": format!("projects/{}/regions/{region}", self.host), "ipCidrRange": format!("10.20.{at}.0/28")}),
                path: subnet.clone(),
            });
            if chance.percent(40) {
                let nat = json!({"name": "theirs", "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
                    "subnetworks": [{"name": subnet, "sourceIpRangesToNat": ["ALL_IP_RANGES"]}]});
                self.start.push(Start {
                    collection: "compute.routers",
                    path: format!("projects/{}/regions/{region}/routers/theirs", self.host),
                    document: json!({"network": self.network(), "region": format!("projects/{}/regions/{region}", self.host), "nats": [nat]}),
                });
            }
            if chance.percent(40) {
                self.connector(chance.below(self.projects.len() as u64) as usize, region, "legacy", "theirs", "READY");
            }
        }
        if chance.percent(30) {
            let rule = people::foreign_rule(self, chance);
            self.rule("guard", rule);
        }
        if chance.percent(25) {
            people::firewall_policy(self, chance);
        }
    }

    /// What few networks and policies have.
    fn rarer(&mut self, chance: &mut Chance) {
        self.policies_first = chance.percent(12);
        if chance.percent(12) {
            let path = format!("projects/{}/regions/{REGION}/firewallPolicies/regional", self.host);
            people::firewall_policy_at(self, chance, ("compute.regionNetworkFirewallPolicies", path));
        }
        if chance.percent(12) {
            self.policy["firewall"]["ingress"] = json!({"harden": true});
        }
        let one = chance.pick(&["conn-a", "conn-b", "conn-w", "legacy"]);
        if chance.percent(12) {
            let firewall = chance.pick(&[
                json!({"enforcement": "observe"}),
                json!({"internet": [{"to": ["1.0.0.0/8"], "ports": ["tcp:25"]}]}),
                json!({"internal": ["192.168.3.0/24"]}),
            ]);
            self.policy["overrides"] = json!([{"match": {"connectors": [one]}, "firewall": firewall}]);
        } else if chance.percent(12) {
            self.policy["exemptions"] = json!([{"connector": one, "reason": "measured", "until": "2026-12-31"}]);
        }
        if chance.percent(12) {
            let route = chance.pick(&[
                json!({"destRange": "0.0.0.0/0", "priority": 900, "tags": ["inspected"], "nextHopIp": "10.20.0.5"}),
                json!({"destRange": "0.0.0.0/1", "priority": 900, "nextHopIp": "10.20.0.5"}),
                json!({"destRange": "10.8.0.0/24", "priority": 900, "nextHopIp": "10.20.0.5"}),
            ]);
            let mut document = route;
            document["network"] = self.network().into();
            let path = format!("projects/{}/global/routes/led", self.host);
            self.start.push(Start { collection: "compute.routes", path, document });
        }
    }

    pub fn rule(&mut self, name: &str, document: Value) {
        let path = format!("projects/{}/global/firewalls/{name}", self.host);
        self.start.push(Start { collection: "compute.firewalls", path, document });
    }

    pub fn connector(&mut self, project: usize, region: &str, name: &str, subnet: &str, state: &str) {
        let mut on = json!({"name": subnet});
        if self.is_shared() {
            on["projectId"] = self.host.clone().into();
        }
        self.start.push(Start {
            collection: "vpcaccess.connectors",
            path: format!("projects/{}/locations/{region}/connectors/{name}", self.projects[project]),
            document: json!({"network": "my-vpc", "subnet": on, "state": state, "machineType": "e2-micro",
                "minInstances": 2, "maxInstances": 3, "minThroughput": 200, "maxThroughput": 300}),
        });
    }

    /// A connector of the first project on a subnet that has our stamp.
    pub fn connector_of_ours(&mut self, name: &str, (subnet, range): (&str, &str), state: &str) {
        let connector = format!("projects/{}/locations/{REGION}/connectors/{name}", self.projects[0]);
        let path = self.subnet(REGION, subnet);
        self.start.push(Start {
            collection: "compute.subnetworks",
            document: json!({
                "network": self.network(), "region": format!("projects/{}/regions/{REGION}", self.host), "ipCidrRange": range,
                "privateIpGoogleAccess": true, "creationTimestamp": "2026-11-01T12:00:00Z",
                "description": format!("managed-by=egress-reconciler owner={OWNER} self={path} for={connector} egress=all-traffic attempt=1"),
            }),
            path,
        });
        self.connector(0, REGION, name, subnet, state);
    }

    pub fn world(&self) -> World {
        let mut world = World::with_project(&self.projects[0], "1000000000");
        for (at, project) in self.projects.iter().enumerate().skip(1) {
            world = world.project(project, &(1_000_000_000 + at).to_string());
        }
        if self.is_shared() {
            world = world.project(&self.host, "9000000000");
        }
        world.regions = [REGION, OTHER_REGION, "asia-east1"].map(str::to_owned).to_vec();
        world = world.network(&self.host, "my-vpc");
        if self.policies_first {
            let network = world.resources.iter_mut().find(|found| found.path == self.network());
            let document = network.and_then(|found| found.document.as_mut()).unwrap();
            document["networkFirewallPolicyEnforcementOrder"] = "BEFORE_CLASSIC_FIREWALL".into();
        }
        for Start { collection, path, document } in &self.start {
            let mut document = document.clone();
            if collection.starts_with("compute.") {
                document["name"] = path.rsplit('/').next().unwrap().into();
            }
            world = world.document(collection, path, document);
        }
        world
    }
}

/// Only some seeds have each kind of trouble, so that a failure tells what it takes.
fn trouble(seed: u64) -> Trouble {
    let mut chance = Chance::new(seed, "trouble");
    let mut sometimes = |percent, value| if chance.percent(percent) { value } else { 0 };
    Trouble {
        instances: 1 + sometimes(35, 1) + sometimes(10, 1),
        lost: sometimes(25, 15),
        twice: sometimes(40, 20),
        late: sometimes(40, 40),
        unpublished: sometimes(20, 40),
        slow_ms: sometimes(60, 60) + sometimes(15, 2000),
    }
}
