//! What Google makes of what it is sent: fields that it fills in, leaves out, or writes otherwise.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{ACCESS, COMPUTE, Caller, RUN, World, connector, network, world};

const EUROPE: &str = "regions/europe-west1";

/// Creates what `body` names in a collection of Compute, and reads it.
async fn made(caller: &Caller, collection: &str, body: Value) -> Value {
    let url = format!("{COMPUTE}/{collection}");
    let name = body["name"].as_str().expect("a name").to_owned();
    caller.done(Method::POST, &url, body).await;
    caller.get(&format!("{url}/{name}")).await.1
}

#[tokio::test(start_paused = true)]
async fn compute_fills_in_and_leaves_out() {
    let caller = Caller::new(world());
    let plain = made(
        &caller,
        "global/networks",
        json!({"name": "plain", "autoCreateSubnetworks": false, "enableUlaInternalIpv6": false}),
    )
    .await;
    assert!(plain["enableUlaInternalIpv6"].is_null() && plain["internalIpv6Range"].is_null(), "{plain}");
    let url = format!("{COMPUTE}/global/networks/plain");
    caller.done(Method::PATCH, &url, json!({"enableUlaInternalIpv6": true})).await;
    let range = caller.get(&url).await.1["internalIpv6Range"].clone();
    assert!(range.as_str().is_some_and(|range| range.starts_with("fd20:") && range.ends_with("/48")), "{range}");

    let nat = json!({"name": "nat", "network": network(), "ipCidrRange": "10.3.0.0/16", "purpose": "PRIVATE_NAT"});
    assert!(made(&caller, &format!("{EUROPE}/subnetworks"), nat).await["stackType"].is_null());

    let address = made(&caller, &format!("{EUROPE}/addresses"), json!({"name": "ip"})).await;
    assert_eq!((&address["networkTier"], &address["description"]), (&json!("PREMIUM"), &json!("")));
    assert!(address["labelFingerprint"].is_string());

    let rule = json!({"ruleNumber": 100, "match": "destination.ip == '192.0.2.1'", "action": {}});
    let nat = json!({
        "name": "nat",
        "natIpAllocateOption": "AUTO_ONLY",
        "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES",
        "rules": [rule],
    });
    let router = json!({"name": "router", "network": network(), "nats": [nat]});
    let router = made(&caller, &format!("{EUROPE}/routers"), router).await;
    assert_eq!(router["nats"][0]["rules"][0]["ruleNumber"], 100);
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_names_its_status() {
    let caller = Caller::new(world());
    let operation = caller.done(Method::DELETE, &format!("{COMPUTE}/global/networks/vpc"), Value::Null).await;
    let name = operation["name"].as_str().expect("a name");
    let (status, failed) = caller.get(&format!("{COMPUTE}/global/operations/{name}")).await;
    assert_eq!((status, &failed["status"], &failed["httpErrorStatusCode"]), (200, &json!("DONE"), &json!(400)));
    assert_eq!(failed["httpErrorMessage"], "BAD REQUEST");
    // The list of all regions tells of it too, under its scope.
    let (_, all) = caller.get(&format!("{COMPUTE}/aggregated/operations")).await;
    assert_eq!(all["items"]["global"]["operations"][0]["name"], name);
    assert_eq!(all["items"]["regions/europe-west1"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
}

fn job() -> Value {
    json!({"template": {"template": {"containers": [{"image": "image"}]}}})
}

#[tokio::test(start_paused = true)]
async fn a_run_operation_shows_the_resource_as_it_settles() {
    let caller = Caller::new(world());
    let made = caller.done(Method::POST, &format!("{RUN}/jobs?jobId=job"), job()).await;
    assert_eq!(made["metadata"]["terminalCondition"], json!({"state": "CONDITION_PENDING"}));
    assert!(made["metadata"]["uid"].is_null(), "{made}");
    let changed = caller.done(Method::PATCH, &format!("{RUN}/jobs/job"), job()).await;
    let condition = &changed["metadata"]["terminalCondition"];
    assert_eq!((&condition["type"], &condition["state"]), (&json!("Ready"), &json!("CONDITION_PENDING")));
    assert!(condition["lastTransitionTime"].is_string(), "{changed}");
}

#[tokio::test(start_paused = true)]
async fn enums_are_numbers_for_who_asks() {
    let caller = Caller::new(world());
    let asked =
        |url: &str| format!("{url}{}$alt=json%3Benum-encoding%3Dint", if url.contains('?') { '&' } else { '?' });
    let mut service = json!({"template": {"containers": [{"image": "image"}]}, "ingress": 2, "launchStage": 4});
    service["template"]["executionEnvironment"] = 2.into();
    let url = format!("{RUN}/services/web");
    let made = caller.done(Method::POST, &asked(&format!("{RUN}/services?serviceId=web")), service).await;
    assert_eq!(made["metadata"]["ingress"], 2);
    // By name for everybody else, whichever way it came in.
    let (_, named) = caller.get(&url).await;
    let (_, numbered) = caller.get(&asked(&url)).await;
    for (pointer, name, number) in [
        ("/ingress", "INGRESS_TRAFFIC_INTERNAL_ONLY", 2),
        ("/launchStage", "GA", 4),
        ("/template/executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2", 2),
        ("/terminalCondition/state", "CONDITION_SUCCEEDED", 4),
    ] {
        assert_eq!(named.pointer(pointer), Some(&json!(name)), "{named}");
        assert_eq!(numbered.pointer(pointer), Some(&json!(number)), "{numbered}");
    }
    assert_eq!(caller.get(&asked(&format!("{RUN}/services"))).await.1["services"][0]["ingress"], 2);

    caller.done(Method::POST, &format!("{ACCESS}/connectors?connectorId=conn"), connector()).await;
    assert_eq!(caller.get(&asked(&format!("{ACCESS}/connectors/conn"))).await.1["state"], 2);
    assert_eq!(caller.get(&format!("{ACCESS}/connectors/conn")).await.1["state"], "CREATING");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_one_in_both_versions() {
    let caller = Caller::new(world());
    let url = "http://europe-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/demo/jobs";
    let variable = json!({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "latest"}}});
    let containers = json!([{"image": "image", "env": [variable]}]);
    let body = json!({"metadata": {"name": "job"}, "spec": {"template": {"spec": {"template": {"spec": {"containers": containers}}}}}});
    caller.done(Method::POST, url, body).await;
    let secret = json!({"secretKeyRef": {"secret": "token", "version": "latest"}});
    let (_, v2) = caller.get(&format!("{RUN}/jobs/job")).await;
    assert_eq!(v2["template"]["template"]["containers"][0]["env"][0]["valueSource"], secret, "{v2}");
    let (_, v1) = caller.get(&format!("{url}/job")).await;
    let read = &v1["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]["env"][0];
    assert_eq!(read["valueFrom"], json!({"secretKeyRef": {"name": "token", "key": "latest"}}), "{v1}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_without_a_network_is_of_the_default_one() {
    let caller = Caller::new(world().network("demo", "default"));
    let rule = made(&caller, "global/firewalls", json!({"name": "rule", "denied": [{"IPProtocol": "all"}]})).await;
    assert!(rule["network"].as_str().is_some_and(|network| network.ends_with("/networks/default")), "{rule}");
}

/// A connector's own subnetwork and rules are in no list, and yet in the way.
#[tokio::test(start_paused = true)]
async fn what_a_connector_hides_is_in_the_way() {
    let caller = Caller::new(World::with_project("demo", "123456789012").network("demo", "vpc"));
    let body = json!({"network": "vpc", "ipCidrRange": "10.9.0.0/28", "minInstances": 2, "maxInstances": 3});
    caller.done(Method::POST, &format!("{ACCESS}/connectors?connectorId=my-conn"), body).await;
    let subnets = format!("{COMPUTE}/{EUROPE}/subnetworks");
    let clash = json!({"name": "clash", "network": network(), "ipCidrRange": "10.9.0.0/24"});
    let (status, refused) = caller.send(Method::POST, &subnets, clash).await;
    assert_eq!(status, 400);
    assert!(refused.to_string().contains("aet-europewest1-my--conn-sbnt"), "{refused}");
    let operation = caller.done(Method::DELETE, &format!("{COMPUTE}/global/networks/vpc"), Value::Null).await;
    let (_, failed) = caller.get(operation["selfLink"].as_str().expect("a link")).await;
    assert!(failed.to_string().contains("firewalls/aet-europewest1-my--conn-egrfw"), "{failed}");
    for list in [subnets, format!("{COMPUTE}/global/firewalls")] {
        assert!(caller.get(&list).await.1["items"].is_null(), "{list}");
    }
    // Its rules stay for a minute when it is gone.
    caller.cloud.advance(Duration::from_secs(60));
    caller.done(Method::DELETE, &format!("{ACCESS}/connectors/my-conn"), Value::Null).await;
    caller.cloud.advance(Duration::from_secs(60));
    assert_eq!(caller.get(&format!("{ACCESS}/connectors/my-conn")).await.0, 404);
    for (wait, status) in [(0, 200), (60, 404)] {
        caller.cloud.advance(Duration::from_secs(wait));
        caller.done(Method::DELETE, &format!("{COMPUTE}/global/networks/vpc"), Value::Null).await;
        assert_eq!(caller.get(&format!("{COMPUTE}/global/networks/vpc")).await.0, status);
    }
}
