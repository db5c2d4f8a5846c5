//! How operations are waited for.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{COMPUTE, Caller, options, world};
use crate::sim::cloud::{Cloud, Options};

fn caller(operation: u64) -> Caller {
    let options = Options { operation: Duration::from_secs(operation), ..options() };
    Caller { cloud: Cloud::new(world(), options, None).unwrap(), name: "sre@example.com" }
}

/// The URL at which a network that is being made is waited for.
async fn begun(caller: &Caller) -> String {
    let network = json!({"name": "young", "autoCreateSubnetworks": false});
    let (_, operation) = caller.send(Method::POST, &format!("{COMPUTE}/global/networks"), network).await;
    format!("{COMPUTE}/global/operations/{}/wait", operation["name"].as_str().unwrap())
}

/// A caller has more patience than the client of the other tests.
async fn waited(caller: &Caller, url: &str) -> (u16, Value, u64) {
    let begun = Instant::now();
    let http = http::Request::post(url).body(bytes::Bytes::new()).unwrap();
    let request = crate::google::transport::Request { call: "test", http, deadline: Duration::from_secs(200) };
    let answer = caller.cloud.transport().send(request).await.unwrap();
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap(), begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_operation_or_after_two_minutes() {
    for (takes, waits) in [(0, vec![("DONE", 0)]), (7, vec![("DONE", 7)]), (150, vec![("RUNNING", 120), ("DONE", 30)])]
    {
        let caller = caller(takes);
        let url = begun(&caller).await;
        for (status, seconds) in waits {
            let (code, operation, took) = waited(&caller, &url).await;
            assert_eq!((code, operation["status"].as_str(), took), (200, Some(status), seconds), "{takes}");
        }
    }
    let caller = caller(0);
    let (code, _, took) = waited(&caller, &format!("{COMPUTE}/global/operations/operation-unknown/wait")).await;
    assert_eq!((code, took), (404, 0));
}

/// What is waited for is a simulated time, which may come at once.
#[tokio::test(start_paused = true)]
async fn a_wait_follows_the_simulated_clock() {
    let caller = caller(3600);
    let url = begun(&caller).await;
    let advanced = async {
        for _ in 0..2 {
            sleep(Duration::from_secs(1)).await;
            caller.cloud.advance(Duration::from_secs(30));
        }
        sleep(Duration::from_secs(1)).await;
        caller.cloud.advance(Duration::from_secs(3600));
    };
    let ((_, operation, took), ()) = tokio::join!(waited(&caller, &url), advanced);
    assert_eq!((operation["status"].as_str(), took), (Some("DONE"), 3));
}
