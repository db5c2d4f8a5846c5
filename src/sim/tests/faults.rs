//! Every kind of fault, once.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{COMPUTE, Caller, network, world};
use crate::sim::faults::Fault;

const RULES: &str = "https://compute.googleapis.com/compute/v1/projects/demo/global/firewalls";

fn rule(name: &str) -> Value {
    json!({"name": name, "network": network(), "allowed": [{"IPProtocol": "tcp"}]})
}

fn lay(caller: &Caller, fault: Value) {
    let fault: Fault = serde_json::from_value(fault).expect("a fault");
    caller.cloud.inject(fault);
}

#[tokio::test(start_paused = true)]
async fn refusals_count_the_calls_they_match() {
    let caller = Caller::new(world());
    let fault = json!({
        "method": "compute.firewalls.*",
        "resource": "projects/demo/global/firewalls/a*",
        "nth": [2],
        "kind": "refuse",
        "status": 409,
        "reason": "operationInProgress",
    });
    lay(&caller, fault);
    for (name, status) in [("a1", 200), ("b1", 200), ("a2", 409), ("a3", 200)] {
        let (got, answer) = caller.send(Method::POST, RULES, rule(name)).await;
        assert_eq!(got, status, "{name}: {answer}");
        if got != 200 {
            assert_eq!(answer["error"]["errors"][0]["reason"], "operationInProgress");
        }
    }
    lay(&caller, json!({"method": "compute.networks.get", "nth": "all", "kind": "rate", "ms": 1500}));
    for _ in 0..2 {
        let (status, answer) = caller.get(&format!("{COMPUTE}/global/networks/vpc")).await;
        assert_eq!((status, &answer["error"]["errors"][0]["reason"]), (429, &json!("rateLimitExceeded")));
    }
}

/// Statuses and reasons with the words that Google says with them.
#[tokio::test(start_paused = true)]
async fn refusals_have_googles_words() {
    let caller = Caller::new(world());
    for (status, reason, says) in [
        (409, "alreadyExists", "The resource 'projects/demo/global/firewalls/a' already exists"),
        (404, "notFound", "The resource 'projects/demo/global/firewalls/a' was not found"),
        (400, "resourceNotReady", "is not ready"),
        (409, "operationInProgress", "another operation in progress"),
        (403, "rateLimitExceeded", "limit 'Queries per minute' of service 'compute.googleapis.com'"),
        (403, "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED", "concurrent operations"),
        (403, "quotaExceeded", "Quota 'FIREWALLS' exceeded. Limit: 500.0 globally."),
        (412, "conditionNotMet", "Supplied fingerprint does not match current metadata fingerprint."),
        (403, "forbidden", "Required 'compute.firewalls.create' permission for 'projects/demo/global/firewalls/a'"),
    ] {
        lay(
            &caller,
            json!({"method": "compute.firewalls.insert", "kind": "refuse", "status": status, "reason": reason}),
        );
        let (got, answer) = caller.send(Method::POST, RULES, rule("a")).await;
        let error = &answer["error"];
        assert_eq!((got, &error["errors"][0]["reason"]), (status, &json!(reason)));
        assert!(error["message"].as_str().expect("a message").contains(says), "{answer}");
        let concurrent = reason.starts_with("CONCURRENT");
        assert_eq!(error["details"][0]["reason"] == reason, concurrent, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn connections_break_before_and_after() {
    for (kind, made) in [("reset-before", 404), ("reset-after", 200)] {
        let caller = Caller::new(world());
        lay(&caller, json!({"method": "compute.firewalls.insert", "kind": kind}));
        assert!(caller.try_send(Method::POST, RULES, rule("a")).await.is_err());
        caller.cloud.advance(Duration::from_secs(2));
        assert_eq!(caller.get(&format!("{RULES}/a")).await.0, made, "{kind}");
        assert_eq!(caller.cloud.calls()[0].status, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_come_late_or_in_part() {
    let caller = Caller::new(world());
    lay(&caller, json!({"method": "compute.networks.list", "nth": [1], "kind": "truncate"}));
    lay(&caller, json!({"method": "compute.networks.list", "nth": [2], "kind": "slow", "ms": 20_000}));
    lay(&caller, json!({"method": "compute.networks.list", "nth": [3], "kind": "slow", "ms": 40_000}));
    let networks = format!("{COMPUTE}/global/networks");
    let (_, body) = caller.try_send(Method::GET, &networks, Value::Null).await.expect("an answer");
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    let began = tokio::time::Instant::now();
    assert_eq!(caller.get(&networks).await.0, 200);
    assert_eq!(began.elapsed(), Duration::from_secs(20));
    assert!(caller.try_send(Method::GET, &networks, Value::Null).await.is_err(), "beyond the deadline");
}

#[tokio::test(start_paused = true)]
async fn reads_lag_a_write() {
    let caller = Caller::new(world());
    caller.done(Method::POST, RULES, rule("a")).await;
    let one = format!("{RULES}/a");
    lay(&caller, json!({"method": "compute.firewalls.*", "nth": [1, 2, 5], "kind": "stale"}));
    assert_eq!(caller.get(&one).await.0, 404);
    assert!(caller.get(RULES).await.1["items"].is_null());
    assert_eq!(caller.get(&one).await.0, 200);
    caller.done(Method::PATCH, &one, json!({"disabled": true})).await;
    assert_eq!(caller.get(&one).await.1["disabled"], false);
    assert_eq!(caller.get(&one).await.1["disabled"], true);
}

#[tokio::test(start_paused = true)]
async fn operations_fail_and_get_lost() {
    let caller = Caller::new(world());
    lay(
        &caller,
        json!({"method": "compute.firewalls.insert", "nth": [1], "kind": "fail-operation", "status": 400, "reason": "QUOTA_EXCEEDED"}),
    );
    lay(&caller, json!({"method": "compute.firewalls.insert", "nth": [2], "kind": "lose-operation"}));
    let operation = caller.done(Method::POST, RULES, rule("a")).await;
    let link = |operation: &Value| operation["selfLink"].as_str().expect("a link").to_owned();
    let (status, failed) = caller.get(&link(&operation)).await;
    assert_eq!((status, &failed["error"]["errors"][0]["code"]), (200, &json!("QUOTA_EXCEEDED")));
    assert_eq!(caller.get(&format!("{RULES}/a")).await.0, 404);
    let last = caller.cloud.audit_entries().pop().expect("an entry");
    assert_eq!((&last["severity"], &last["protoPayload"]["status"]["code"]), (&json!("ERROR"), &json!(3)));
    let operation = caller.done(Method::POST, RULES, rule("a")).await;
    assert_eq!(caller.get(&link(&operation)).await.0, 404);
    assert_eq!(caller.get(&format!("{RULES}/a")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn pages_go_round() {
    let caller = Caller::new(world());
    lay(&caller, json!({"method": "compute.networks.list", "nth": "all", "kind": "page-loop"}));
    let networks = format!("{COMPUTE}/global/networks");
    let token = |page: Value| page["nextPageToken"].as_str().expect("a token").to_owned();
    let first = token(caller.get(&networks).await.1);
    let second = token(caller.get(&format!("{networks}?pageToken={first}")).await.1);
    assert_eq!(first, second);
}
