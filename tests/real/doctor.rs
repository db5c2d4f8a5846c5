//! The doctor's Pub/Sub calls, against Google's own emulator.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use egress_reconciler::{
    app::http_transport,
    domain::doctor::facts::{Subscription, Topic},
    google::{client::Client, credentials::Credentials, endpoints::Endpoints, error_kind::ErrorKind},
};
use serde_json::{Value, json};

use super::emulator::Emulator;

const PROJECT: &str = "demo-project";

fn client(emulator: &Emulator) -> Client {
    let at = format!("http://{}/", emulator.host);
    let endpoints =
        Endpoints::from_lookup(&|name| (name == "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB").then(|| at.clone())).unwrap();
    Client::new(http_transport(), endpoints, Credentials::anonymous())
}

#[tokio::test]
async fn what_a_probe_needs_of_pubsub() {
    let emulator = Emulator::start().await;
    let client = client(&emulator);
    let missing = client.get_topic::<Topic>(PROJECT, "reports").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");

    emulator.ask(reqwest::Method::PUT, &format!("projects/{PROJECT}/topics/reports"), json!({})).await;
    assert_eq!(client.get_topic::<Topic>(PROJECT, "reports").await.unwrap(), Topic::default());

    let topic = format!("projects/{PROJECT}/topics/reports");
    let body = json!({"topic": topic, "ackDeadlineSeconds": 60, "expirationPolicy": {"ttl": "86400s"}});
    client.create_subscription(PROJECT, "egress-reconciler-probe-1", &body).await.unwrap();
    let made: Subscription = client.get_subscription(PROJECT, "egress-reconciler-probe-1").await.unwrap();
    assert_eq!((made.topic, made.ack_deadline_seconds), (topic, 60));

    let data = BASE64_STANDARD.encode("{}");
    client.publish(PROJECT, "reports", &data, &json!({"ce-subject": "in-sync"})).await.unwrap();
    let pulled: Value = client.pull(PROJECT, "egress-reconciler-probe-1", 10).await.unwrap();
    let message = &pulled["receivedMessages"][0]["message"];
    assert_eq!((&message["data"], &message["attributes"]["ce-subject"]), (&json!(data), &json!("in-sync")));

    client.delete_subscription(PROJECT, "egress-reconciler-probe-1").await.unwrap();
    let gone = client.pull::<Value>(PROJECT, "egress-reconciler-probe-1", 10).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
}
