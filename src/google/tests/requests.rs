use std::collections::BTreeMap;

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{answer, stage};
use crate::google::{error::CallError, error_kind::ErrorKind};

const COMPUTE: &str = "compute.googleapis.com/compute/v1/projects/p";

#[tokio::test]
async fn reads_ask_the_documented_urls() {
    let stage = stage([answer(200, json!({}))]);
    let client = &stage.client;
    client.list_jobs::<Value>("p", "r").await.unwrap();
    client.list_services::<Value>("p", "r").await.unwrap();
    client.list_worker_pools::<Value>("p", "r").await.unwrap();
    client.list_locations::<Value>("example.com:app").await.unwrap();
    client.list_connectors::<Value>("123", "r").await.unwrap();
    client.get_connector::<Value>("p", "r", "c").await.unwrap();
    client.list_subnetworks::<Value>("p", "r").await.unwrap();
    client.list_all_subnetworks::<Value>("p").await.unwrap();
    client.get_subnetwork_utilization::<Value>("p", "r", "s").await.unwrap();
    client.list_routers::<Value>("p", "r").await.unwrap();
    client.get_router::<Value>("p", "r", "x").await.unwrap();
    client.list_firewalls::<Value>("p").await.unwrap();
    client.get_project::<Value>("123").await.unwrap();
    client.get_network::<Value>("p", "n").await.unwrap();
    client.list_routes::<Value>("p").await.unwrap();
    client.list_global_addresses::<Value>("p").await.unwrap();
    client.get_region::<Value>("p", "r").await.unwrap();
    client.get_effective_firewalls::<Value>("p", "n", "r").await.unwrap();
    let network = "https%3A%2F%2Fwww.googleapis.com%2Fcompute%2Fv1%2Fprojects%2Fp%2Fglobal%2Fnetworks%2Fn";
    let expected = [
        "GET run.googleapis.com/v2/projects/p/locations/r/jobs?pageSize=500".to_owned(),
        "GET run.googleapis.com/v2/projects/p/locations/r/services?pageSize=500".to_owned(),
        "GET run.googleapis.com/v2/projects/p/locations/r/workerPools?pageSize=500".to_owned(),
        "GET run.googleapis.com/v1/projects/example.com:app/locations?pageSize=500".to_owned(),
        "GET vpcaccess.googleapis.com/v1/projects/123/locations/r/connectors?pageSize=500".to_owned(),
        "GET vpcaccess.googleapis.com/v1/projects/p/locations/r/connectors/c".to_owned(),
        format!("GET {COMPUTE}/regions/r/subnetworks?maxResults=500"),
        format!("GET {COMPUTE}/aggregated/subnetworks?maxResults=500"),
        format!("GET {COMPUTE}/regions/r/subnetworks/s?views=WITH_UTILIZATION"),
        format!("GET {COMPUTE}/regions/r/routers?maxResults=500"),
        format!("GET {COMPUTE}/regions/r/routers/x"),
        format!("GET {COMPUTE}/global/firewalls?maxResults=500"),
        "GET compute.googleapis.com/compute/v1/projects/123".to_owned(),
        format!("GET {COMPUTE}/global/networks/n"),
        format!("GET {COMPUTE}/global/routes?maxResults=500"),
        format!("GET {COMPUTE}/global/addresses?maxResults=500"),
        format!("GET {COMPUTE}/regions/r"),
        format!("GET {COMPUTE}/regions/r/firewallPolicies/getEffectiveFirewalls?network={network}"),
    ];
    assert_eq!(stage.asked(), expected);
}

#[tokio::test]
async fn writes_ask_the_documented_urls() {
    let stage = stage([answer(200, json!({"name": "o", "status": "DONE", "done": true}))]);
    let (client, body, id) = (&stage.client, &json!({}), Uuid::nil());
    client.insert_network("p", body, id).await.unwrap();
    client.insert_subnetwork("p", "r", body, id).await.unwrap();
    client.set_private_ip_google_access("p", "r", "s", true, id).await.unwrap();
    client.delete_subnetwork("p", "r", "s", id).await.unwrap();
    client.insert_router("p", "r", body, id).await.unwrap();
    client.begin_router_patch("p", "r", "x", body, id).await.unwrap();
    client.delete_router("p", "r", "x", id).await.unwrap();
    client.insert_firewall("p", body, id).await.unwrap();
    client.patch_firewall("p", "f", body, id).await.unwrap();
    client.delete_firewall("p", "f", id).await.unwrap();
    client.create_connector("p", "r", "c", body).await.unwrap();
    client.patch_connector("p", "r", "c", &["minInstances", "maxInstances"], body).await.unwrap();
    client.delete_connector("p", "r", "c").await.unwrap();
    let (id, connectors) = ("requestId=00000000-0000-0000-0000-000000000000", "vpcaccess.googleapis.com/v1/projects/p");
    let expected = [
        format!("POST {COMPUTE}/global/networks?{id}"),
        format!("POST {COMPUTE}/regions/r/subnetworks?{id}"),
        format!("POST {COMPUTE}/regions/r/subnetworks/s/setPrivateIpGoogleAccess?{id}"),
        format!("DELETE {COMPUTE}/regions/r/subnetworks/s?{id}"),
        format!("POST {COMPUTE}/regions/r/routers?{id}"),
        format!("PATCH {COMPUTE}/regions/r/routers/x?{id}"),
        format!("DELETE {COMPUTE}/regions/r/routers/x?{id}"),
        format!("POST {COMPUTE}/global/firewalls?{id}"),
        format!("PATCH {COMPUTE}/global/firewalls/f?{id}"),
        format!("DELETE {COMPUTE}/global/firewalls/f?{id}"),
        format!("POST {connectors}/locations/r/connectors?connectorId=c"),
        format!("PATCH {connectors}/locations/r/connectors/c?updateMask=minInstances%2CmaxInstances"),
        format!("DELETE {connectors}/locations/r/connectors/c"),
    ];
    assert_eq!(stage.asked(), expected);
}

#[tokio::test]
async fn what_google_would_not_name_is_never_sent() {
    let long = "a".repeat(129);
    let names = ["", "-", "..", "a/b", "a%2fb", "A", "a?b", "a#b", "a b", "a\n", "é", "a.", "-a", &long];
    for name in names {
        let stage = stage([answer(200, json!({}))]);
        let (client, body, id) = (&stage.client, json!({}), Uuid::nil());
        let errors = [
            client.list_firewalls::<Value>(name).await.map(drop),
            client.get_subnetwork_utilization::<Value>("p", name, "s").await.map(drop),
            client.get_subnetwork_utilization::<Value>("p", "r", name).await.map(drop),
            client.get_effective_firewalls::<Value>("p", name, "r").await.map(drop),
            client.create_connector("p", "r", name, &body).await.map(drop),
            client.delete_firewall("p", name, id).await,
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert!(matches!(error, CallError::BadSegment { .. }), "{name:?}: {error}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        assert_eq!(stage.attempts(), 0, "{name:?}");
    }
}

#[tokio::test]
async fn requests_say_what_they_carry_and_hide_the_token() {
    let stage = stage([answer(200, json!({"name": "o", "status": "DONE"}))]);
    stage.client.begin_router_patch("p", "r", "x", &json!({"nats": []}), Uuid::nil()).await.unwrap();
    stage.client.get_router::<Value>("p", "r", "x").await.unwrap();

    let asked = stage.script.asked.lock().unwrap();
    let (write, read) = (&asked[0], &asked[1]);
    assert_eq!(write.call, "compute.routers.patch");
    assert_eq!(write.http.body(), r#"{"nats":[]}"#);
    for (request, content_type) in [(write, Some("application/json")), (read, None)] {
        let headers = request.http.headers();
        assert_eq!(headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap()), content_type);
        assert_eq!(headers[ACCEPT], "application/json");
        assert_eq!(headers[AUTHORIZATION], "Bearer s3cret");
        assert!(headers[USER_AGENT].to_str().unwrap().starts_with("egress-reconciler/"));
        assert!(!format!("{request:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn calls_are_counted_where_asked_for() {
    let stage = stage([answer(200, json!({}))]);
    stage.client.list_routes::<Value>("p").await.unwrap();
    let other = crate::google::calls::CallLog::default();
    stage.client.with_log(other.clone()).get_region::<Value>("p", "r").await.unwrap();
    assert_eq!(stage.log.counts(), BTreeMap::from([("compute.routes.list".to_owned(), 1)]));
    assert_eq!(other.counts(), BTreeMap::from([("compute.regions.get".to_owned(), 1)]));
}

#[tokio::test]
async fn calls_can_run_on_any_thread() {
    let stage = stage([answer(200, json!({"name": "o", "status": "DONE"}))]);
    let client = stage.client.clone();
    let calls = async move {
        client.list_firewalls::<Value>("p").await?;
        client.insert_firewall("p", &json!({}), Uuid::nil()).await
    };
    tokio::spawn(calls).await.unwrap().unwrap();
}
