//! What happens in a scene: deeds by chance, and between them, in some scenes, a story that takes several deeds in order.

use std::time::Duration;

use serde_json::json;

use crate::{
    chance::Chance,
    deeds::Deed,
    faults::fault,
    people::{by_a_person, deploy, insert_rule},
    scene::{REGION, Scene, Start},
};

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
        users_of_other_kinds,
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
    scene.connector_of_ours("conn-e", ("egress-broken", "10.8.0.0/28"), "ERROR");
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

/// A connector of ours that no template names, while something else uses it: an old revision with all the traffic, a
/// function of the first generation, an App Engine version, an instance, an execution under way, or a project out of scope.
/// Weeks go by.
fn users_of_other_kinds(scene: &mut Scene, chance: &mut Chance) -> Deeds {
    enforced(scene);
    scene.policy["connector"]["prune"] = "7d".into();
    let app = scene.projects[0].clone();
    let connector = format!("projects/{app}/locations/{REGION}/connectors/conn-u");
    scene.connector_of_ours("conn-u", ("egress-used", "10.8.3.0/28"), "READY");
    let (collection, path, document) = match chance.below(6) {
        0 => {
            let service = format!("projects/{app}/locations/{REGION}/services/api");
            let revision = format!("{service}/revisions/api-00001-abc");
            let shares = json!([{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "api-00001-abc", "percent": 100}]);
            let document = json!({
                "template": {"containers": [{"image": "a"}]}, "traffic": shares, "trafficStatuses": shares,
                "latestReadyRevision": format!("{service}/revisions/api-00002-def"),
                "latestCreatedRevision": format!("{service}/revisions/api-00002-def"),
            });
            scene.start.push(Start { collection: "run.services", path: service, document });
            let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
            ("run.revisions", revision, json!({"vpcAccess": access}))
        }
        1 => {
            let path = format!("projects/{app}/locations/{REGION}/functions/old");
            ("cloudfunctions.functions", path, json!({"vpcConnector": connector, "status": "ACTIVE"}))
        }
        2 => {
            let path = format!("projects/{app}/locations/{REGION}/instances/box");
            let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
            ("run.instances", path, json!({"containers": [{"image": "a"}], "vpcAccess": access}))
        }
        3 => {
            let job = format!("projects/{app}/locations/{REGION}/jobs/long");
            let template = json!({"template": {"containers": [{"image": "a"}]}});
            let document = json!({"template": template, "latestCreatedExecution": {"name": "long-abc"}});
            scene.start.push(Start { collection: "run.jobs", path: job.clone(), document });
            let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
            ("run.executions", format!("{job}/executions/long-abc"), json!({"template": {"vpcAccess": access}}))
        }
        4 => {
            let standing = scene.start.iter_mut().find(|start| start.path == connector);
            let connected = json!([app, "stranger-project"]);
            standing.expect("it was put there").document["connectedProjects"] = connected;
            let path = format!("projects/{app}/locations/{REGION}/jobs/plain");
            ("run.jobs", path, json!({"template": {"template": {"containers": [{"image": "a"}]}}}))
        }
        _ => {
            let region = json!({"locationId": REGION});
            scene.start.push(Start { collection: "appengine.apps", path: format!("apps/{app}"), document: region });
            let service = format!("apps/{app}/services/default");
            scene.start.push(Start { collection: "appengine.services", path: service.clone(), document: json!({}) });
            let access = json!({"vpcAccessConnector": {"name": connector}, "servingStatus": "SERVING"});
            ("appengine.versions", format!("{service}/versions/v1"), access)
        }
    };
    scene.used.push(connector);
    scene.start.push(Start { collection, path, document });
    let week = || soon(Deed::Advance(8 * 86_400));
    vec![
        later(Deed::Sweep { which: 0 }),
        week(),
        later(Deed::Sweep { which: 0 }),
        week(),
        later(Deed::Sweep { which: 1 }),
    ]
}

fn enforced(scene: &mut Scene) {
    scene.policy["mode"] = "enforce".into();
    scene.policy["firewall"]["enforcement"] = "enforce".into();
    scene.policy["firewall"]["override_denies"] = json!([]);
}
