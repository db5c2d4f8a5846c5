//! What happens in a scene: deeds by chance, and between them, in some scenes, a story that takes several deeds in order.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::{
    chance::Chance,
    deeds::{COMPUTE, Deed, RUN, VPCACCESS},
    scene::{OWNER, REGION, Scene, Start},
};

const CONNECTORS: [&str; 3] = ["conn-a", "conn-b", "legacy"];

type Deeds = Vec<(Duration, Deed)>;

/// Gives a scene its deeds.
pub fn fill(scene: &mut Scene) {
    let mut chance = Chance::new(scene.seed, "deeds");
    let chance = &mut chance;
    let story: fn(&mut Scene, &mut Chance) -> Deeds = chance.pick(&[
        none as fn(&mut Scene, &mut Chance) -> Deeds,
        none,
        everyone_deploys,
        refused_just_then,
        refused_just_then,
        a_rule_loses_its_tags,
        a_rule_loses_its_tags,
        the_deny_moves_up,
        the_deny_moves_up,
        a_connector_in_error,
        a_second_operator,
    ]);
    let story = story(scene, chance);
    let faults = chance.percent(50);
    let (kills, policies, jumps) = (chance.percent(25), chance.percent(20), chance.percent(10));
    let others = if story.is_empty() { 4 + chance.below(12) } else { chance.below(8) };
    let mut deeds: Deeds = Vec::new();
    for _ in 0..others {
        let deed = match chance.below(20) {
            0..3 if faults => Deed::Fault(fault(chance)),
            3 if faults => Deed::FaultsEnd,
            4 if kills => Deed::Kill { which: chance.below(8), pause: Duration::from_millis(chance.below(20_000)) },
            5 if policies && chance.percent(20) => Deed::BrokenPolicy,
            5 if policies => Deed::Policy(scene.some_policy(chance)),
            6 if jumps => Deed::Advance(chance.pick(&[120, 3600, 90_000])),
            7 => Deed::Sweep { which: chance.below(8) },
            _ => by_a_person(scene, chance),
        };
        deeds.push((pause(chance), deed));
    }
    // The story's deeds keep their order, and the others fall between them.
    let mut at = chance.below(deeds.len() as u64 + 1) as usize;
    for step in story {
        deeds.insert(at, step);
        at = (at + 1 + chance.below(2) as usize).min(deeds.len());
    }
    scene.deeds = deeds;
}

fn pause(chance: &mut Chance) -> Duration {
    let longest = chance.pick(&[200, 2_000, 10_000, 40_000, 120_000]);
    Duration::from_millis(1 + chance.below(longest))
}

fn soon(deed: Deed) -> (Duration, Deed) {
    (Duration::from_secs(1), deed)
}

/// Long enough for a connector, and for all that follows from it.
fn later(deed: Deed) -> (Duration, Deed) {
    (Duration::from_secs(400), deed)
}

fn none(_: &mut Scene, _: &mut Chance) -> Deeds {
    Vec::new()
}

/// Every project deploys in the same moment.
fn everyone_deploys(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    scene.policy["connector"]["new_per_day"] = 20.into();
    let all = chance.percent(70);
    (0..scene.projects.len())
        .map(|project| {
            let deed = deploy(scene, project, REGION, "nightly", "conn-a", all);
            (Duration::from_millis(1 + chance.below(300)), deed)
        })
        .collect()
}

/// A deploy is refused, and just then its connector cannot be made.
fn refused_just_then(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    scene.policy["connector"]["ensure"] = "referenced".into();
    let wish = deploy(scene, 0, REGION, "wishful", "conn-w", chance.percent(70));
    match chance.below(4) {
        0 => {
            let reason = chance.pick(&["quotaExceeded", "forbidden", "backendError", "resourceNotReady"]);
            let status = if reason == "backendError" { 503 } else { 403 };
            let method = chance.pick(&["compute.subnetworks.insert", "vpcaccess.projects.locations.connectors.create"]);
            let nth = chance.pick(&[json!([1]), json!("all")]);
            let fault = json!({"method": method, "kind": "refuse", "status": status, "reason": reason, "nth": nth});
            vec![soon(Deed::Fault(fault)), soon(wish), (pause(chance), Deed::FaultsEnd)]
        }
        1 => {
            let written = scene.policy.clone();
            scene.policy["mode"] = "report".into();
            vec![soon(wish), later(Deed::Policy(written))]
        }
        2 => {
            let mut more = scene.policy.clone();
            scene.policy["connector"]["new_per_day"] = 1.into();
            more["connector"]["new_per_day"] = 20.into();
            vec![soon(deploy(scene, 0, REGION, "first", "conn-a", true)), later(wish), later(Deed::Policy(more))]
        }
        _ => {
            let method = chance.pick(&["compute.subnetworks.list", "compute.networks.get", "*.list"]);
            let fault = json!({"method": method, "kind": chance.pick(&["refuse", "stale"]), "nth": "all"});
            vec![soon(Deed::Fault(fault)), soon(wish), (pause(chance), Deed::FaultsEnd)]
        }
    }
}

/// A rule of one connector comes to be about all of them, while somebody's deny is about the other.
fn a_rule_loses_its_tags(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    enforced(scene);
    scene.policy["firewall"]["internet"] = json!([{"to": ["8.8.8.0/24"], "ports": ["udp:53"]}]);
    let other = chance.below(scene.projects.len() as u64) as usize;
    let mut deny = json!({
        "name": "security", "network": scene.network(), "direction": "EGRESS", "priority": chance.pick(&[985, 1200, 60000]),
        "denied": [{"IPProtocol": "udp", "ports": ["53"]}], "destinationRanges": ["8.8.8.8/32"],
    });
    if chance.percent(80) {
        deny["targetTags"] = json!([format!("vpc-connector-{REGION}-conn-b")]);
    }
    let strip = chance.pick(&[json!({"targetTags": []}), json!({"targetTags": [], "priority": 500})]);
    let part = chance.pick(&["-egress", "allow-", ""]);
    // In the same run, or where drift is left as it is.
    let strip = Deed::Ours { collection: "compute.firewalls", part, which: chance.below(8), patch: Some(strip) };
    let wish = deploy(scene, other, REGION, "two", "conn-b", true);
    let (first, second) = if chance.percent(50) { (strip, wish) } else { (wish, strip) };
    if chance.percent(30) {
        scene.policy["mode"] = "create".into();
    }
    vec![
        soon(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(insert_rule(scene, deny)),
        later(first),
        (Duration::from_millis(1 + chance.below(800)), second),
    ]
}

/// Somebody's small allow, and a deny of ours that somebody moves before everything.
fn the_deny_moves_up(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    enforced(scene);
    let allow = json!({
        "name": "small", "network": scene.network(), "direction": "EGRESS", "priority": chance.pick(&[150, 500, 925]),
        "allowed": [{"IPProtocol": "udp", "ports": ["53"]}], "destinationRanges": [chance.pick(&["8.8.8.8/32", "0.0.0.0/0"])],
    });
    let moved = json!({"priority": chance.pick(&[120, 150, 700])});
    let deny =
        Deed::Ours { collection: "compute.firewalls", part: "deny-", which: chance.below(8), patch: Some(moved) };
    vec![
        soon(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(insert_rule(scene, allow)),
        later(deny),
    ]
}

/// A connector of ours is in ERROR from the beginning, on a range that somebody's deny names.
fn a_connector_in_error(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    enforced(scene);
    scene.policy["connector"]["repair"] = true.into();
    scene.policy["connector"]["new_per_day"] = 20.into();
    let connector = format!("projects/{}/locations/{REGION}/connectors/conn-e", scene.projects[0]);
    let path = scene.subnet(REGION, "egress-broken");
    scene.start.push(Start {
        collection: "compute.subnetworks",
        document: json!({
            "network": scene.network(), "region": format!("projects/{}/regions/{REGION}", scene.host), "ipCidrRange": "10.8.0.0/28",
            "privateIpGoogleAccess": true, "creationTimestamp": "2026-11-01T12:00:00Z",
            "description": format!("managed-by=egress-reconciler owner={OWNER} self={path} for={connector} egress=all-traffic attempt=1"),
        }),
        path,
    });
    scene.connector(0, REGION, "conn-e", "egress-broken", "ERROR");
    let job = format!("projects/{}/locations/{REGION}/jobs/old", scene.projects[0]);
    let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
    let template = json!({"template": {"containers": [{"image": "a"}], "vpcAccess": access}});
    scene.start.push(Start { collection: "run.jobs", path: job, document: json!({"template": template}) });
    scene.rule(
        "by-range",
        json!({
            "network": scene.network(), "direction": "EGRESS", "priority": chance.pick(&[500, 985, 60000]),
            "denied": [{"IPProtocol": chance.pick(&["all", "tcp"])}], "destinationRanges": ["0.0.0.0/0"],
            "sourceRanges": ["10.8.0.0/28"],
        }),
    );
    vec![soon(Deed::Sweep { which: 0 }), later(Deed::Sweep { which: 1 })]
}

/// Another operator keeps a gateway of theirs on our router.
fn a_second_operator(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    scene.policy["nat"]["ensure"] = "always".into();
    let nat = json!({
        "name": "team", "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{"name": scene.subnet(REGION, "theirs"), "sourceIpRangesToNat": ["ALL_IP_RANGES"]}],
    });
    scene.start.retain(|start| start.collection != "compute.routers");
    let pause = Duration::from_millis(chance.below(4000));
    let add = Deed::Operator { which: chance.below(2), nat: Some(nat), pause };
    vec![
        soon(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(deploy(scene, 0, REGION, "one", "conn-a", true)),
        later(deploy(scene, 0, REGION, "two", "conn-b", true)),
        (Duration::from_millis(chance.below(30_000)), add.clone()),
        (Duration::from_millis(chance.below(200_000)), add),
        later(deploy(scene, 0, REGION, "two", "conn-b", true)),
    ]
}

fn enforced(scene: &mut Scene) {
    scene.policy["mode"] = "enforce".into();
    scene.policy["firewall"]["enforcement"] = "enforce".into();
    scene.policy["firewall"]["override_denies"] = json!([]);
}

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

fn insert_rule(scene: &Scene, rule: Value) -> Deed {
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

/// A firewall policy over the network, with a rule or two.
pub fn firewall_policy(scene: &mut Scene, chance: &mut Chance) {
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
    let (collection, path) = chance.pick(&[
        ("compute.firewallPolicies", "locations/global/firewallPolicies/77".to_owned()),
        ("compute.networkFirewallPolicies", format!("projects/{}/global/firewallPolicies/guard", scene.host)),
    ]);
    scene.start.push(Start { collection, path, document: json!({"rules": rules, "associations": associations}) });
}

/// One of the things that people do.
fn by_a_person(scene: &Scene, chance: &mut Chance) -> Deed {
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

/// A fault at Google.
fn fault(chance: &mut Chance) -> Value {
    let reads = [
        "compute.firewalls.list",
        "compute.subnetworks.list",
        "compute.routers.*",
        "vpcaccess.*.list",
        "run.*.list",
        "*.list",
        "*",
    ];
    let writes = [
        "compute.firewalls.insert",
        "compute.firewalls.patch",
        "compute.firewalls.*",
        "compute.subnetworks.insert",
        "compute.routers.*",
        "vpcaccess.*.create",
        "compute.*.insert",
        "*.patch",
    ];
    let operations = ["compute.globalOperations.*", "compute.regionOperations.*", "vpcaccess.*.operations.get"];
    let kind = chance.pick(&[
        "refuse",
        "refuse",
        "refuse",
        "rate",
        "reset-before",
        "reset-after",
        "truncate",
        "stale",
        "lose-operation",
        "fail-operation",
        "slow",
        "page-loop",
    ]);
    let method = match kind {
        "stale" | "page-loop" => chance.pick(&reads),
        "lose-operation" | "fail-operation" => chance.pick(&writes),
        _ if chance.percent(35) => chance.pick(&reads),
        _ if chance.percent(15) => chance.pick(&operations),
        _ => chance.pick(&writes),
    };
    let nth = match chance.below(4) {
        0 => json!([1]),
        1 => json!([1, 2, 3]),
        2 => json!([1 + chance.below(12), 13 + chance.below(8)]),
        _ => json!("all"),
    };
    let mut fault = json!({"method": method, "nth": nth, "kind": kind});
    if kind == "refuse" {
        let (status, reason) = chance.pick(&[
            (503, "backendError"),
            (500, "INTERNAL_ERROR"),
            (429, "rateLimitExceeded"),
            (403, "forbidden"),
            (403, "quotaExceeded"),
            (409, "alreadyExists"),
            (404, "notFound"),
            (400, "resourceNotReady"),
            (409, "operationInProgress"),
            (412, "conditionNotMet"),
            (403, "accessNotConfigured"),
        ]);
        fault["status"] = status.into();
        fault["reason"] = reason.into();
    } else if kind == "rate" || kind == "slow" {
        fault["ms"] = chance.below(40_000).into();
    }
    fault
}
