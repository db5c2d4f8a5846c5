//! What other people do at Google, by chance.

use http::Method;
use serde_json::{Value, json};

use crate::{
    chance::Chance,
    deeds::{COMPUTE, Deed, RUN, VPCACCESS},
    scene::{REGION, Scene, Start},
};

const CONNECTORS: [&str; 3] = ["conn-a", "conn-b", "legacy"];

pub fn deploy(scene: &Scene, project: usize, region: &str, job: &str, connector: &str, all: bool) -> Deed {
    let project = &scene.projects[project];
    let connector = format!("projects/{project}/locations/{region}/connectors/{connector}");
    let access = json!({"connector": connector, "egress": if all { "ALL_TRAFFIC" } else { "PRIVATE_RANGES_ONLY" }});
    Deed::Call {
        method: Method::POST,
        url: format!("{RUN}/projects/{project}/locations/{region}/jobs?jobId={job}"),
        body: json!({"template": {"template": {"containers": [{"image": "europe-docker.pkg.dev/app/a:1"}], "vpcAccess": access}}}),
    }
}

pub fn insert_rule(scene: &Scene, rule: Value) -> Deed {
    Deed::Call { method: Method::POST, url: format!("{COMPUTE}/projects/{}/global/firewalls", scene.host), body: rule }
}

/// A rule of somebody's, without its name.
pub fn foreign_rule(scene: &Scene, chance: &mut Chance) -> Value {
    let deny = chance.percent(45);
    let what = chance.pick(&[
        json!([{"IPProtocol": "all"}]),
        json!([{"IPProtocol": "tcp", "ports": ["443"]}]),
        json!([{"IPProtocol": "udp"}]),
    ]);
    let mut rule = json!({
        "network": scene.network(), "direction": "EGRESS", "priority": chance.pick(&[150, 500, 925, 985, 1005, 65000]),
        "destinationRanges": [chance.pick(&["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8/32"])],
    });
    rule[if deny { "denied" } else { "allowed" }] = what;
    if chance.percent(40) {
        rule["targetTags"] = json!([format!("vpc-connector-{REGION}-{}", chance.pick(&CONNECTORS))]);
    }
    if chance.percent(15) {
        rule["sourceRanges"] = json!([chance.pick(&["10.8.0.0/24", "10.8.0.0/28", "10.20.0.0/28"])]);
    }
    rule
}

/// A firewall policy over the network, or over an organization above it.
pub fn firewall_policy(scene: &mut Scene, chance: &mut Chance) {
    let above = ("compute.firewallPolicies", "locations/global/firewallPolicies/77".to_owned());
    let own = ("compute.networkFirewallPolicies", format!("projects/{}/global/firewallPolicies/guard", scene.host));
    let place = chance.pick(&[above, own]);
    firewall_policy_at(scene, chance, place);
}

/// A firewall policy with two rules.
pub fn firewall_policy_at(scene: &mut Scene, chance: &mut Chance, (collection, path): (&'static str, String)) {
    let rule = |priority: u64, chance: &mut Chance| {
        json!({
            "priority": priority, "direction": "EGRESS", "action": chance.pick(&["allow", "deny", "goto_next", "deny"]),
            "match": {
                "destIpRanges": [chance.pick(&["0.0.0.0/0", "10.0.0.0/8", "8.8.8.8", "192.168.0.0/16"])],
                "layer4Configs": [chance.pick(&[json!({"ipProtocol": "all"}), json!({"ipProtocol": "tcp", "ports": ["443"]}), json!({"ipProtocol": "udp"})])],
            },
        })
    };
    let rules = json!([rule(10, chance), rule(20, chance)]);
    let target = format!("https://www.googleapis.com/compute/v1/{}", scene.network());
    let associations = json!([{"name": "one", "attachmentTarget": target}]);
    scene.start.push(Start { collection, path, document: json!({"rules": rules, "associations": associations}) });
}

/// One of the things that people do.
pub fn by_a_person(scene: &Scene, chance: &mut Chance) -> Deed {
    let region = chance.pick(&scene.regions);
    let project = chance.below(scene.projects.len() as u64) as usize;
    let (app, host) = (&scene.projects[project], &scene.host);
    let connector = chance.pick(&CONNECTORS);
    let all = chance.percent(60);
    let call = |method: Method, url: String, body: Value| Deed::Call { method, url, body };
    let which = chance.below(64);
    match chance.below(26) {
        0..=5 => {
            let job = chance.pick(&["job-a", "job-b", "job-c"]);
            deploy(scene, project, region, job, connector, all)
        }
        6 => {
            let job = chance.pick(&["job-a", "job-b", "one", "nightly"]);
            call(Method::DELETE, format!("{RUN}/projects/{app}/locations/{region}/jobs/{job}"), Value::Null)
        }
        7..=10 => {
            let patch = chance.pick(&[
                json!({"disabled": true}),
                json!({"priority": 150}),
                json!({"priority": 925}),
                json!({"priority": 2000}),
                json!({"description": ""}),
                json!({"destinationRanges": ["0.0.0.0/0"]}),
                json!({"targetTags": []}),
                json!({"targetTags": ["web"]}),
            ]);
            Deed::Ours { collection: "compute.firewalls", part: "", which, patch: Some(patch) }
        }
        11 | 12 => Deed::Ours { collection: "compute.firewalls", part: "", which, patch: None },
        13..=15 => {
            let mut rule = foreign_rule(scene, chance);
            rule["name"] = format!("theirs-{}", chance.below(4)).into();
            insert_rule(scene, rule)
        }
        16 => {
            let url = format!("{COMPUTE}/projects/{host}/global/firewalls/theirs-{}", chance.below(4));
            call(Method::DELETE, url, Value::Null)
        }
        17 | 18 => {
            let patch = chance.percent(60).then(|| json!({"nats": []}));
            Deed::Ours { collection: "compute.routers", part: "", which, patch }
        }
        19 | 20 => {
            let url = format!("{VPCACCESS}/projects/{app}/locations/{region}/connectors/{connector}");
            call(Method::DELETE, url, Value::Null)
        }
        21 => Deed::Ours { collection: "compute.subnetworks", part: "", which, patch: None },
        22 => {
            let number = chance.below(12);
            let subnet = json!({"name": format!("hand-{number}"), "network": scene.network(), "ipCidrRange": format!("10.8.0.{}/28", number * 16)});
            call(Method::POST, format!("{COMPUTE}/projects/{host}/regions/{region}/subnetworks"), subnet)
        }
        23 => {
            let body = json!({"network": "my-vpc", "ipCidrRange": format!("10.9.{}.0/28", chance.below(200)), "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro"});
            call(
                Method::POST,
                format!("{VPCACCESS}/projects/{app}/locations/{region}/connectors?connectorId={connector}"),
                body,
            )
        }
        24 => {
            let nat = json!({"name": "by-hand", "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"});
            let router = json!({"name": "by-hand", "network": scene.network(), "nats": if chance.percent(50) { json!([nat]) } else { json!([]) }});
            call(Method::POST, format!("{COMPUTE}/projects/{host}/regions/{region}/routers"), router)
        }
        _ => call(Method::DELETE, format!("{COMPUTE}/projects/{host}/regions/{region}/routers/by-hand"), Value::Null),
    }
}
