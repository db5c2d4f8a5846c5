//! The simulated Google's audit log, on a topic of Google's own Pub/Sub emulator.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{emulator::Emulator, google::Google};

const TOPIC: &str = "projects/demo-project/topics/audit";
const SUBSCRIPTION: &str = "projects/demo-project/subscriptions/audit-reader";

/// The entries that come in until there are `many`, by their insert ids: a message may come twice and in any order.
async fn entries(emulator: &Emulator, many: usize) -> BTreeMap<String, Value> {
    let (begun, mut entries) = (Instant::now(), BTreeMap::new());
    while entries.len() < many {
        assert!(begun.elapsed() < Duration::from_secs(60), "only these came: {entries:#?}");
        let pulled = emulator.ask(Method::POST, &format!("{SUBSCRIPTION}:pull"), json!({"maxMessages": 10})).await;
        for received in pulled["receivedMessages"].as_array().into_iter().flatten() {
            let data = BASE64_STANDARD.decode(received["message"]["data"].as_str().unwrap()).unwrap();
            let entry: Value = serde_json::from_slice(&data).unwrap();
            entries.insert(entry["insertId"].as_str().unwrap().to_owned(), entry);
            let acknowledged = json!({"ackIds": [received["ackId"]]});
            emulator.ask(Method::POST, &format!("{SUBSCRIPTION}:acknowledge"), acknowledged).await;
        }
    }
    entries
}

#[tokio::test]
async fn the_audit_log_reaches_a_topic() {
    let emulator = Emulator::start().await;
    emulator.ask(Method::PUT, TOPIC, json!({})).await;
    emulator.ask(Method::PUT, SUBSCRIPTION, json!({"topic": TOPIC})).await;
    let google = Google::start(&["--audit-pubsub", &emulator.host, "--audit-topic", TOPIC]);

    let url = format!("http://{}/compute/v1/projects/demo-project/global/firewalls", google.address);
    let rule = json!({"name": "rule", "network": "global/networks/my-vpc", "allowed": [{"IPProtocol": "tcp"}]});
    let answer =
        reqwest::Client::new().post(url).bearer_auth("alice@example.com").body(rule.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    // A change of Compute is logged as it begins and as it ends.
    google.settle();
    let entries = entries(&emulator, 2).await;
    for end in ["first", "last"] {
        let entry = entries.values().find(|entry| entry["operation"][end] == true).unwrap();
        assert_eq!(entry["protoPayload"]["methodName"], "v1.compute.firewalls.insert", "{entry}");
        assert_eq!(entry["protoPayload"]["authenticationInfo"]["principalEmail"], "alice@example.com");
    }
}
