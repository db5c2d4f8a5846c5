//! The whole path, once: from a deployment that fails for want of a connector to one that succeeds behind a firewall.

use http::Method;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::{ACCESS, COMPUTE, CONNECTOR, Caller, RUN, connector, job, listened, network};
use crate::sim::world::World;

#[tokio::test(start_paused = true)]
async fn a_job_gets_its_way_out() {
    let (sre, ear) = listened(World::with_project("demo", "123456789012"));
    sre.done(
        Method::POST,
        &format!("{COMPUTE}/global/networks"),
        json!({"name": "vpc", "autoCreateSubnetworks": false}),
    )
    .await;

    // The deployment fails, and nothing but the audit log knows what was wanted.
    let jobs = format!("{RUN}/jobs?jobId=nightly");
    let (status, refused) = sre.send(Method::POST, &jobs, job(CONNECTOR)).await;
    let sentence =
        format!("VPC connector {CONNECTOR} does not exist, or Cloud Run does not have permission to use it.");
    assert_eq!((status, refused["error"]["message"].as_str()), (400, Some(sentence.as_str())));
    sleep(Duration::from_secs(1)).await;
    let entry = ear.entries().pop().expect("an entry");
    assert_eq!(entry["protoPayload"]["methodName"], "google.cloud.run.v2.Jobs.CreateJob");
    assert_eq!(entry["protoPayload"]["status"], json!({"code": 3, "message": sentence}));
    assert_eq!(entry["protoPayload"]["authorizationInfo"][0]["granted"], true);
    assert_eq!(entry["protoPayload"]["request"]["job"]["template"]["template"]["vpcAccess"]["connector"], CONNECTOR);
    assert_eq!(entry["protoPayload"]["request"]["jobId"], "nightly");
    assert_eq!(entry["resource"]["labels"]["location"], "europe-west1");

    build_the_path(&sre).await;
    connector_comes(&sre, &ear).await;

    let (status, operation) = sre.send(Method::POST, &jobs, job(CONNECTOR)).await;
    assert_eq!((status, &operation["metadata"]["reconciling"]), (200, &json!(true)));
    assert!(operation["done"].is_null());
    sleep(Duration::from_secs(3)).await;
    let name = operation["name"].as_str().expect("a name");
    let (_, operation) = sre.get(&format!("https://run.googleapis.com/v2/{name}")).await;
    assert_eq!(operation["response"]["terminalCondition"]["state"], "CONDITION_SUCCEEDED");
    let settled = ear.entries().pop().expect("an entry");
    assert_eq!(settled["protoPayload"]["methodName"], "/Jobs.CreateJob");
    assert_eq!(settled["severity"], "INFO");

    disable_the_deny(&sre, &ear).await;
}

async fn build_the_path(sre: &Caller) {
    let subnet =
        json!({"name": "egress", "network": network(), "ipCidrRange": "10.8.0.0/28", "privateIpGoogleAccess": true});
    sre.done(Method::POST, &format!("{COMPUTE}/regions/europe-west1/subnetworks"), subnet).await;
    let subnet = "projects/demo/regions/europe-west1/subnetworks/egress";
    let nat = json!({
        "name": "egress-nat",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "LIST_OF_SUBNETWORKS",
        "subnetworks": [{"name": subnet, "sourceIpRangesToNat": ["ALL_IP_RANGES"]}],
    });
    let router = json!({"name": "egress-router", "network": network(), "nats": [nat]});
    sre.done(Method::POST, &format!("{COMPUTE}/regions/europe-west1/routers"), router).await;
    for (name, priority, rule) in [("allow-web", 930, "allowed"), ("deny-all", 990, "denied")] {
        let protocol = if rule == "allowed" {
            json!([{"IPProtocol": "tcp", "ports": ["443"]}])
        } else {
            json!([{"IPProtocol": "all"}])
        };
        let firewall = json!({
            "name": name,
            "network": network(),
            "direction": "EGRESS",
            "priority": priority,
            "targetTags": ["vpc-connector-europe-west1-egress"],
            rule: protocol,
        });
        sre.done(Method::POST, &format!("{COMPUTE}/global/firewalls"), firewall).await;
    }
    let (_, read) = sre.get(&format!("{COMPUTE}/global/firewalls/deny-all")).await;
    assert_eq!(read["destinationRanges"], json!(["0.0.0.0/0"]));
    assert_eq!((&read["kind"], &read["disabled"]), (&json!("compute#firewall"), &json!(false)));
}

/// The connector is READY a little after its operation is done, and its last entry says when that is.
async fn connector_comes(sre: &Caller, ear: &super::Ear) {
    let (status, operation) =
        sre.send(Method::POST, &format!("{ACCESS}/connectors?connectorId=egress"), connector()).await;
    assert_eq!(status, 200, "{operation}");
    let operation = format!("https://vpcaccess.googleapis.com/v1/{}", operation["name"].as_str().expect("a name"));
    let one = format!("{ACCESS}/connectors/egress");
    for (wait, done, state) in
        [(0, false, "CREATING"), (59, false, "CREATING"), (2, true, "CREATING"), (5, true, "READY")]
    {
        sleep(Duration::from_secs(wait)).await;
        assert_eq!(sre.get(&operation).await.1["done"].as_bool().unwrap_or(false), done, "after {wait} s more");
        assert_eq!(sre.get(&one).await.1["state"], state, "after {wait} s more");
    }
    let (_, read) = sre.get(&one).await;
    assert!(read["network"].is_null() && read["ipCidrRange"].is_null());
    let last = ear.entries().pop().expect("an entry");
    assert_eq!(last["protoPayload"]["methodName"], "google.cloud.vpcaccess.v1.VpcAccessService.CreateConnector");
    assert_eq!(last["operation"]["last"], true);
    assert_eq!(last["protoPayload"]["resourceName"], CONNECTOR);
    assert_eq!(
        last["protoPayload"]["request"],
        json!({"@type": "type.googleapis.com/google.cloud.vpcaccess.v1.CreateConnectorRequest"})
    );
}

async fn disable_the_deny(sre: &Caller, ear: &super::Ear) {
    let deny = format!("{COMPUTE}/global/firewalls/deny-all");
    let (status, operation) = sre.send(Method::PATCH, &deny, json!({"disabled": true})).await;
    assert_eq!((status, &operation["status"]), (200, &json!("RUNNING")));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(sre.get(&deny).await.1["disabled"], true);
    let entries = ear.entries();
    let [.., first, last] = entries.as_slice() else { panic!("two entries") };
    for entry in [first, last] {
        assert_eq!(entry["protoPayload"]["methodName"], "v1.compute.firewalls.patch");
        assert_eq!(entry["operation"]["id"], operation["name"]);
    }
    assert_eq!((&first["operation"]["first"], &last["operation"]["last"]), (&json!(true), &json!(true)));
    let permissions: Vec<_> = first["protoPayload"]["authorizationInfo"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["permission"])
        .collect();
    assert_eq!(permissions, ["compute.firewalls.update", "compute.networks.updatePolicy"]);
    assert!(last["protoPayload"]["authorizationInfo"].is_null());
    assert_ne!(first["insertId"], last["insertId"]);
}
