//! Resources that stand in a project without a region and change at once.

use http::Method;
use serde_json::json;

use super::{Caller, world};

const PUBSUB: &str = "https://pubsub.googleapis.com/v1/projects/demo";

#[tokio::test(start_paused = true)]
async fn a_subscription_stays_on_its_topic() {
    let caller = Caller::new(world());
    for topic in ["events", "others"] {
        caller.done(Method::PUT, &format!("{PUBSUB}/topics/{topic}"), json!({})).await;
    }
    let url = format!("{PUBSUB}/subscriptions/events");
    let topic = "projects/demo/topics/events";
    caller.done(Method::PUT, &url, json!({"topic": topic})).await;
    let cases = [
        (json!({"ackDeadlineSeconds": 600}), 200),
        (json!({"topic": topic, "ackDeadlineSeconds": 300}), 200),
        (json!({"topic": "projects/demo/topics/others"}), 400),
        (json!({"filter": "attributes.a = \"b\""}), 400),
    ];
    for (change, expected) in cases {
        let body = json!({"subscription": change, "updateMask": "topic"});
        let (status, answer) = caller.send(Method::PATCH, &url, body).await;
        assert_eq!(status, expected, "{change}: {answer}");
    }
    let (_, shown) = caller.get(&url).await;
    assert_eq!((&shown["topic"], &shown["ackDeadlineSeconds"]), (&json!(topic), &json!(300)));
}

#[tokio::test(start_paused = true)]
async fn the_subscriptions_of_a_topic() {
    let caller = Caller::new(world());
    for (topic, subscriptions) in [("events", &["one", "two"][..]), ("others", &["three"]), ("none", &[])] {
        let of = format!("projects/demo/topics/{topic}");
        caller.done(Method::PUT, &format!("{PUBSUB}/topics/{topic}"), json!({})).await;
        for name in subscriptions {
            caller.done(Method::PUT, &format!("{PUBSUB}/subscriptions/{name}"), json!({"topic": of})).await;
        }
        let names: Vec<_> = subscriptions.iter().map(|name| format!("projects/demo/subscriptions/{name}")).collect();
        let wanted = if names.is_empty() { json!({}) } else { json!({"subscriptions": names}) };
        assert_eq!(caller.get(&format!("{PUBSUB}/topics/{topic}/subscriptions")).await, (200, wanted));
    }
    assert_eq!(caller.get(&format!("{PUBSUB}/topics/absent/subscriptions")).await.0, 404);
}

/// Cloud SQL's API answers at both of its addresses.
#[tokio::test(start_paused = true)]
async fn cloud_sql_has_two_forms() {
    let caller = Caller::new(world());
    for base in ["v1", "sql/v1beta4"] {
        let url = format!("https://sqladmin.googleapis.com/{base}/projects/demo/instances");
        assert_eq!((caller.get(&url).await.0, caller.get(&format!("{url}/none")).await.0), (200, 404), "{base}");
    }
}

/// gcloud asks before it makes a role of a file.
#[tokio::test(start_paused = true)]
async fn permissions_of_a_role() {
    let caller = Caller::new(world());
    let url = "https://iam.googleapis.com/v1/permissions:queryTestablePermissions";
    for (project, wanted) in [("demo", 200), ("123456789012", 200), ("none", 403)] {
        let body = json!({"fullResourceName": format!("//cloudresourcemanager.googleapis.com/projects/{project}")});
        let (status, answer) = caller.send(Method::POST, url, body).await;
        assert_eq!(status, wanted, "{project}: {answer}");
        assert_eq!(answer.to_string().contains("compute.firewalls.create"), status == 200, "{project}");
    }
}
