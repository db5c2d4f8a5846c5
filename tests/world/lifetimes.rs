//! What nothing uses leaves once, over days, whatever repair would do to it meanwhile.

use std::{collections::BTreeMap, time::Duration};

use egress_reconciler::sim::world::World;
use serde_json::{Value, json};

use crate::{
    cases::runtime,
    lab::{PROJECT, REGION, TestCloud, policy, world},
};

const NAME: &str = "egress-egress-europe-west2";

fn subnet(world: World, attempt: u32, created: &str) -> World {
    let name = if attempt == 1 { NAME.to_owned() } else { format!("{NAME}-{attempt}") };
    let path = format!("projects/{PROJECT}/regions/{REGION}/subnetworks/{name}");
    let description = format!(
        "managed-by=egress-reconciler owner=lab self={path} for=projects/{PROJECT}/locations/{REGION}/connectors/egress egress=private-ranges-only attempt={attempt}"
    );
    let document = json!({
        "name": name,
        "description": description,
        "network": format!("projects/{PROJECT}/global/networks/my-vpc"),
        "region": format!("projects/{PROJECT}/regions/{REGION}"),
        "ipCidrRange": format!("10.8.0.{}/28", (attempt - 1) * 16),
        "creationTimestamp": created,
        "privateIpGoogleAccess": true,
    });
    world.document("compute.subnetworks", &path, document)
}

fn marked(world: World, since: &str) -> World {
    let path = format!("projects/{PROJECT}/global/firewalls/allow-egress-{REGION}-infra");
    let description = format!(
        "managed-by=egress-reconciler owner=lab self={path} for=projects/{PROJECT}/locations/{REGION}/connectors/egress unused-since={since}"
    );
    let document = json!({
        "name": format!("allow-egress-{REGION}-infra"),
        "description": description,
        "network": format!("projects/{PROJECT}/global/networks/my-vpc"),
        "direction": "EGRESS",
        "priority": 900,
        "creationTimestamp": "2026-11-01T12:00:00Z",
        "allowed": [{"IPProtocol": "tcp", "ports": ["667"]}, {"IPProtocol": "udp", "ports": ["665-666"]}, {"IPProtocol": "icmp"}],
        "destinationRanges": ["35.199.224.0/19"],
        "targetTags": [format!("vpc-connector-{REGION}-egress")],
    });
    world.document("compute.firewalls", &path, document)
}

fn connector(world: World, attempt: u32, state: &str) -> World {
    let subnet = if attempt == 1 { NAME.to_owned() } else { format!("{NAME}-{attempt}") };
    let path = format!("projects/{PROJECT}/locations/{REGION}/connectors/egress");
    let document = json!({"subnet": {"name": subnet}, "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3, "state": state});
    world.document("vpcaccess.connectors", &path, document)
}

/// How often each thing was made or deleted.
fn counts(lab: &TestCloud, verb: &str) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for call in lab.cloud.calls().into_iter().filter(|call| call.method == verb && call.caller.starts_with("runner@")) {
        let name = call.body["name"].as_str().unwrap_or_default().to_owned();
        let query = call.url.split_once("?connectorId=").map(|(_, id)| id.split('&').next().unwrap_or_default());
        let path = call.url.split('?').next().unwrap_or_default();
        let key = if verb == "POST" { format!("{path} {name} {}", query.unwrap_or_default()) } else { path.to_owned() };
        if call.status == 200 {
            *counts.entry(key).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn what_nothing_uses_leaves_once_and_nothing_is_made_twice() {
    let old = "2026-11-01T12:00:00Z";
    let fresh = "2026-11-23T11:00:00Z";
    // An hour is left of seven days.
    let since = "2026-11-16T13:00:00Z";
    let two = |world| subnet(subnet(world, 1, old), 2, fresh);
    let worlds: [(&str, World, u32); 6] = [
        ("in ERROR and marked", connector(marked(subnet(world(), 1, old), since), 1, "ERROR"), 1),
        ("in ERROR and not marked yet", connector(subnet(world(), 1, old), 1, "ERROR"), 1),
        ("in ERROR, with a subnet for the next attempt", connector(marked(two(world()), since), 1, "ERROR"), 1),
        ("replaced just now", connector(marked(two(world()), since), 2, "READY"), 1),
        ("in ERROR on the second attempt", connector(marked(two(world()), since), 2, "ERROR"), 1),
        ("deleted just now", marked(two(world()), since), 0),
    ];
    for (title, world, deletions) in worlds {
        runtime().block_on(async {
            let more = "connector: {subnet_pools: [10.8.0.0/20], prune: 7d, repair: true}\nfirewall: {enforcement: allow-only}\n";
            let lab = TestCloud::new(world, &policy(more));
            for _ in 0..9 * 24 {
                lab.run().await;
                lab.cloud.advance(Duration::from_secs(3600));
            }
            let made = counts(&lab, "POST");
            assert!(made.values().all(|times| *times == 1), "{title}: {made:#?}");
            let connectors = made.keys().filter(|key| key.contains("/connectors")).count();
            assert_eq!(connectors, 0, "{title}: a connector that nothing uses is made: {made:#?}");
            let gone = counts(&lab, "DELETE");
            assert!(gone.values().all(|times| *times == 1), "{title}: {gone:#?}");
            let connectors = gone.iter().filter(|(key, _)| key.contains("/connectors/")).count();
            assert_eq!(connectors, deletions as usize, "{title}: {gone:#?}");
            let left = lab.cloud.world();
            let ours = left.resources.iter().filter(|it| it.from.is_none()).filter_map(|it| it.document.as_ref());
            let ours = ours.filter(|it| it["description"].as_str().is_some_and(|text| text.contains("for=projects/")));
            let ours: Vec<&Value> = ours.filter(|it| it["description"].as_str().is_some_and(|text| text.contains("connectors/egress"))).collect();
            assert!(ours.is_empty(), "{title}: {ours:#?}");
        });
    }
}
