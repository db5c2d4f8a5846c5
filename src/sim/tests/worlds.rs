//! Worlds as documents, and what is pushed out of them.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{ACCESS, COMPUTE, Caller, RUN, cloud, connector, job, listened, network, options, world};
use crate::sim::{cloud::Cloud, world::World};

#[tokio::test(start_paused = true)]
async fn a_world_survives_being_written_down() {
    let caller = Caller::new(world().allow("demo", "sre@example.com", &["*"]).topic("projects/demo/topics/reports"));
    caller
        .done(
            Method::POST,
            &format!("{COMPUTE}/global/networks"),
            json!({"name": "other", "autoCreateSubnetworks": true}),
        )
        .await;
    // One operation that is done, and two that are not.
    caller.send(Method::POST, &format!("{ACCESS}/connectors?connectorId=egress"), connector()).await;
    caller.send(Method::DELETE, &format!("{COMPUTE}/regions/europe-west1/subnetworks/other"), Value::Null).await;
    let written = caller.cloud.world().written();
    let again = Cloud::new(World::read(written.clone()).expect("a world"), options(), None).expect("a world");
    assert_eq!(again.world().written(), written);
    again.advance(Duration::from_secs(66));
    let caller = Caller { cloud: again, name: "sre@example.com" };
    assert_eq!(caller.get(&format!("{ACCESS}/connectors/egress")).await.1["state"], "READY");
    assert_eq!(caller.get(&format!("{COMPUTE}/regions/europe-west1/subnetworks/other")).await.0, 404);
}

#[test]
fn a_world_file_is_told_where_it_is_wrong() {
    let cases = [
        ("[]", "document"),
        ("{", "document"),
        (r#"{"version": 2, "projects": {}}"#, "version"),
        (r#"{"version": 1}"#, "projects"),
        (r#"{"version": 1, "projects": {"demo": {}}}"#, "projects.demo"),
        (r#"{"version": 1, "projects": {}, "extra": 1}"#, "extra"),
        (
            r#"{"version": 1, "projects": {}, "resources": {"pubsub.topics": [{"name": 1}]}}"#,
            "resources.pubsub.topics[0]",
        ),
        (r#"{"version": 1, "projects": {}, "resources": {"compute.cats": []}}"#, "resources.compute.cats"),
        (
            r#"{"version": 1, "projects": {}, "resources": {"compute.firewalls": [{}]}}"#,
            "resources.compute.firewalls[0].selfLink",
        ),
        (
            r#"{"version": 1, "projects": {}, "resources": {"compute.firewalls": [{"priority": "x"}]}}"#,
            "resources.compute.firewalls[0]",
        ),
        (r#"{"version": 1, "projects": {}, "resources": {"run.jobs": [{"uid": "x"}]}}"#, "resources.run.jobs[0].name"),
    ];
    for (text, at) in cases {
        assert_eq!(World::parse(text).expect_err(text).at, at, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_seed_is_a_world() {
    let story = async |seed: u64| {
        let caller = Caller { cloud: cloud(World { seed, ..world() }), name: "sre@example.com" };
        let rule = json!({"name": "rule", "network": network(), "allowed": [{"IPProtocol": "tcp"}]});
        caller.send(Method::POST, &format!("{COMPUTE}/global/firewalls"), rule).await;
        caller
            .send(
                Method::POST,
                &format!("{RUN}/jobs?jobId=a"),
                job("projects/demo/locations/europe-west1/connectors/none"),
            )
            .await;
        caller.cloud.advance(Duration::from_secs(5));
        caller.cloud.audit_entries()
    };
    assert_eq!(story(1).await, story(1).await);
    assert_ne!(story(1).await, story(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_push_is_repeated_until_it_is_acknowledged() {
    let (caller, ear) = listened(world());
    ear.answers.lock().expect("no panic").extend([429, 500, 404]);
    let rule = json!({"name": "rule", "network": network(), "allowed": [{"IPProtocol": "tcp"}]});
    caller.send(Method::POST, &format!("{COMPUTE}/global/firewalls"), rule).await;
    sleep(Duration::from_secs(5)).await;
    let pushes = ear.pushes();
    assert_eq!(pushes.len(), 2);
    let message = &pushes[0]["message"];
    assert_eq!(message["messageId"], message["message_id"]);
    assert_eq!(message["publishTime"], message["publish_time"]);
    assert_eq!(pushes[0]["subscription"], "projects/simulated/subscriptions/audit");
    let entries = ear.entries();
    assert_eq!(entries[0]["logName"], "projects/demo/logs/cloudaudit.googleapis.com%2Factivity");
    let request = &entries.iter().find(|entry| entry["operation"]["first"] == true).expect("a first entry")["protoPayload"]
        ["request"];
    assert_eq!(request["alloweds"], json!([{"IPProtocol": "tcp"}]));
}

#[test]
fn a_world_may_have_every_region() {
    let regions = |world: Value| World::parse(&world.to_string()).map(|world| world.regions.len());
    assert_eq!(regions(json!({"version": 1, "projects": {}, "regions": "all"})), Ok(43));
    assert_eq!(regions(json!({"version": 1, "projects": {}, "regions": ["us-east1"]})), Ok(1));
    assert_eq!(regions(json!({"version": 1, "projects": {}})), Ok(6));
    let wrong = regions(json!({"version": 1, "projects": {}, "regions": "some"})).expect_err("no regions");
    assert_eq!(wrong.at, "regions");
}
