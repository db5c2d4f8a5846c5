//! Our gateway beside the networks of teams.

use std::time::Duration;

use egress_reconciler::domain::report::Outcome;
use serde_json::json;

use crate::lab::{ENFORCE, TestCloud, policy, world};

const ROUTERS: &str = "https://compute.googleapis.com/compute/v1/projects/demo-project/regions/europe-west2/routers";

/// A team wants a NAT for all subnets, and Google refuses it because ours exists: the next report says so, once.
#[tokio::test(start_paused = true)]
async fn a_nat_refused_because_of_ours_is_told() {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    lab.deploy("nightly-export", "conn").await;
    lab.hear(0).await;
    tokio::time::sleep(Duration::from_secs(180)).await;
    assert_eq!(lab.run().await.outcome, Outcome::InSync);

    let heard = lab.cloud.audit_entries().len();
    let calls = lab.cloud.calls().len();
    let all = json!([{"name": "all", "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}]);
    let network = "projects/demo-project/global/networks/my-vpc";
    let team = json!({"name": "team-router", "network": network, "nats": all});
    assert_eq!(lab.call_as("dev@example.com", "POST", ROUTERS, team).await.status(), 400);

    let reports = lab.hear(heard).await;
    assert_eq!(reports.len(), 1, "{reports:#?}");
    let note = reports[0].findings.iter().find(|note| note.code.word() == "nat-refused").expect("the refusal is told");
    assert_eq!((note.object.as_str(), note.by.as_deref()), ("router/team-router", Some("dev@example.com")));
    for words in ["egress-nat", "egress-my-vpc-europe-west2", "--project=demo-project", "Google said: "] {
        assert!(note.text.contains(words), "{words}: {}", note.text);
    }
    assert!(lab.writes(calls).is_empty());
    let later = lab.run().await;
    assert!(later.findings.iter().all(|note| note.code.word() != "nat-refused"), "{later:#?}");
    // What was refused changed nothing: nobody is said to have touched the router.
    assert_eq!(later.outcome, Outcome::InSync);
}

/// Two gateways may not list one subnet, and Google's words do not say which other one does: ours, or another team's.
#[tokio::test(start_paused = true)]
async fn a_nat_refused_because_of_another_teams_is_not_blamed_on_ours() {
    let network = "projects/demo-project/global/networks/my-vpc";
    let region = "projects/demo-project/regions/europe-west2";
    let nat = |name: &str, subnet: &str, endpoints: &str| {
        json!([{"name": name, "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
            "endpointTypes": [endpoints], "subnetworks": [{"name": subnet, "sourceIpRangesToNat": ["PRIMARY_IP_RANGE"]}]}])
    };
    let apps = format!("{region}/subnetworks/apps");
    let (first, subnet) = (
        json!({"network": network, "region": region, "nats": nat("apps", &apps, "ENDPOINT_TYPE_VM")}),
        json!({"network": network, "region": region, "ipCidrRange": "10.20.0.0/24"}),
    );
    let world = world().document("compute.subnetworks", &apps, subnet).document(
        "compute.routers",
        &format!("{region}/routers/first"),
        first,
    );
    let lab = TestCloud::new(world, &policy(ENFORCE));
    lab.deploy("nightly-export", "conn").await;
    lab.hear(0).await;
    tokio::time::sleep(Duration::from_secs(180)).await;
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    let ours = format!("{region}/subnetworks/egress-conn-europe-west2");
    for (subnet, told) in [(&apps, 0), (&ours, 1)] {
        let heard = lab.cloud.audit_entries().len();
        let team = json!({"name": "second", "network": network, "nats": nat("mine", subnet, "ENDPOINT_TYPE_VM")});
        assert_eq!(lab.call_as("dev@example.com", "POST", ROUTERS, team).await.status(), 400, "{subnet}");
        let reports = lab.hear(heard).await;
        let notes = reports.iter().flat_map(|report| &report.findings).filter(|note| note.code.word() == "nat-refused");
        assert_eq!(notes.count(), told, "{subnet}");
    }
}
