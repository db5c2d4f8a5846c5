//! Rate limits by bucket, and answers that take their time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{ACCESS, COMPUTE, Caller, RUN, World, options, world};
use crate::sim::{
    cloud::{Cloud, Quotas},
    faults::Fault,
};

const REGION: &str = "regions/europe-west1";

fn caller(fault: Value) -> Caller {
    let caller = Caller::new(world().project("other", "210987654321"));
    caller.cloud.inject(serde_json::from_value::<Fault>(fault).expect("a fault"));
    caller
}

/// What each service says when a bucket is empty, and which calls are in it.
#[tokio::test(start_paused = true)]
async fn every_call_has_its_bucket() {
    let quota = |metric: &str, limit: &str, service: &str| {
        format!(
            "Quota exceeded for quota metric '{metric}' and limit '{limit}' of service '{service}.googleapis.com' for \
             consumer 'project_number:123456789012'."
        )
    };
    let compute = |metric: &str, limit: &str| quota(metric, limit, "compute");
    let cases = [
        (Method::GET, "global/networks/vpc", "read_requests", compute("Read requests", "Read requests per minute")),
        (Method::GET, "global/firewalls", "list_requests", compute("List requests", "List requests per minute")),
        (Method::POST, "global/firewalls", "default", compute("Queries", "Queries per minute")),
        (
            Method::GET,
            "aggregated/subnetworks",
            "heavy_weight_read_requests",
            compute("Heavy-weight read requests", "Heavy-weight read requests per minute"),
        ),
        (
            Method::GET,
            "global/operations/x",
            "operation_read_requests",
            compute("Operation read requests", "Operation read requests per minute"),
        ),
        (
            Method::GET,
            "regions/europe-west1/routers",
            "list_requests_per_region",
            compute("List requests", "List requests per minute per region"),
        ),
        (
            Method::PATCH,
            "regions/europe-west1/routers/r",
            "default_per_region",
            compute("Queries", "Queries per minute per region"),
        ),
    ];
    for (method, url, metric, says) in cases {
        let metric = format!("compute.googleapis.com/{metric}");
        let caller = caller(json!({"method": metric, "nth": "all", "kind": "rate"}));
        let (status, answer) = caller.send(method, &format!("{COMPUTE}/{url}"), Value::Null).await;
        let error = &answer["error"];
        assert_eq!((status, &error["errors"][0]["reason"]), (403, &json!("rateLimitExceeded")), "{answer}");
        assert_eq!(error["message"], says);
        assert_eq!(error["details"][0]["reason"], "RATE_LIMIT_EXCEEDED");
        assert_eq!(error["details"][0]["metadata"]["quota_metric"], metric);
    }
    for (url, metric, says) in [
        (
            format!("{RUN}/jobs"),
            "run.googleapis.com/read_regional",
            quota("Read requests", "Read requests per minute per region", "run"),
        ),
        (
            format!("{ACCESS}/connectors"),
            "vpcaccess.googleapis.com/read_requests",
            quota("Read requests", "Read requests per minute", "vpcaccess"),
        ),
    ] {
        let caller = caller(json!({"method": metric, "nth": "all", "kind": "rate"}));
        let (status, answer) = caller.get(&url).await;
        assert_eq!((status, &answer["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")), "{answer}");
        assert_eq!(answer["error"]["message"], says);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_full_again_with_the_next_minute() {
    let caller =
        caller(json!({"method": "compute.googleapis.com/list_requests*", "nth": [2], "kind": "rate", "ms": 900}));
    let list = async |url: &str| caller.get(&format!("{COMPUTE}/{url}")).await.0;
    let statuses = async || {
        let mut statuses = Vec::new();
        for collection in ["global/firewalls", "global/networks", "global/routes"] {
            statuses.push(list(collection).await);
        }
        statuses
    };
    caller.cloud.advance(Duration::from_secs(55));
    assert_eq!(statuses().await, [200, 200, 403]);
    // Other buckets, other regions and other projects have their own.
    assert_eq!(list("global/networks/vpc").await, 200);
    assert_eq!((list(&format!("{REGION}/routers")).await, list(&format!("{REGION}/subnetworks")).await), (200, 200));
    assert_eq!(list(&format!("{REGION}/addresses")).await, 403);
    assert_eq!(list("regions/us-central1/routers").await, 200);
    let other = COMPUTE.replace("demo", "other");
    assert_eq!(caller.get(&format!("{other}/global/networks")).await.0, 200);
    caller.cloud.advance(Duration::from_secs(5));
    assert_eq!(statuses().await, [200, 200, 403]);
    // One fault may be laid on many buckets.
    caller.cloud.inject(
        serde_json::from_value(json!({"method": "compute.googleapis.com/*", "kind": "rate"})).expect("a fault"),
    );
    caller.cloud.advance(Duration::from_secs(60));
    assert_eq!((list("global/networks/vpc").await, list("global/networks").await), (200, 200));
    assert_eq!((list("global/networks/vpc").await, list("global/networks").await), (403, 403));
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_as_long_as_it_is_told_to() {
    let options = crate::sim::cloud::Options { latency: Duration::from_millis(250), ..options() };
    let cloud = Cloud::new(World::with_project("demo", "123456789012"), options, None).expect("a world");
    let caller = Caller { cloud, name: "sre@example.com" };
    let began = tokio::time::Instant::now();
    assert_eq!(caller.get(&format!("{COMPUTE}/global/networks")).await.0, 200);
    // A refusal takes as long.
    assert_eq!(caller.get(&format!("{COMPUTE}/global/cats")).await.0, 404);
    assert_eq!(began.elapsed(), Duration::from_millis(500));
    let took: Vec<_> = caller.cloud.calls().into_iter().map(|call| call.ms).collect();
    assert_eq!(took, [250, 250]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_on_a_bucket_may_have_words_of_its_own() {
    let caller =
        caller(json!({"method": "compute.googleapis.com/*", "nth": "all", "kind": "rate", "message": "Slow down."}));
    let (status, answer) = caller.get(&format!("{COMPUTE}/global/networks")).await;
    assert_eq!((status, &answer["error"]["message"]), (403, &json!("Slow down.")), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn googles_default_quotas_may_hold_from_the_start() {
    let options = crate::sim::cloud::Options { quotas: Quotas::Google, ..options() };
    let cloud = Cloud::new(World::with_project("demo", "123456789012"), options, None).expect("a world");
    let caller = Caller { cloud, name: "sre@example.com" };
    let list = async |url: &str| caller.get(&format!("{COMPUTE}/{url}")).await;
    for _ in 0..1_500 {
        assert_eq!(list("global/networks").await.0, 200);
    }
    // They are no faults, and stay when those are removed.
    caller.cloud.clear_faults();
    let (status, answer) = list("global/firewalls").await;
    let metadata = &answer["error"]["details"][0]["metadata"];
    assert_eq!((status, &metadata["quota_limit_value"]), (403, &json!("1500")), "{answer}");
    assert_eq!(metadata["quota_limit"], "ListRequestsPerMinutePerProject");
    assert_eq!(list("regions/europe-west1/routers").await.0, 200);
    let counted = Request::get("/sim/quotas").body(Body::empty()).expect("a request");
    let counted = caller.cloud.router().oneshot(counted).await.expect("an answer");
    let counted: Value =
        serde_json::from_slice(&to_bytes(counted.into_body(), 1 << 10).await.expect("a body")).expect("JSON");
    assert_eq!(counted, json!({"refused": {"compute.googleapis.com/list_requests": 1}}));
    caller.cloud.advance(Duration::from_secs(60));
    assert_eq!(list("global/firewalls").await.0, 200);
}
