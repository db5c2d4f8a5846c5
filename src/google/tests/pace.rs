//! The client and Google's quotas.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Answer, Stage, answer, response, stage, with_header};
use crate::google::{
    calls::QuotaWait,
    endpoints::Endpoints,
    error::CallError,
    error_kind::ErrorKind,
    method::{Api, Call, Method},
};

fn list() -> Answer {
    answer(200, json!({}))
}

/// As Compute Engine refuses, with the limit that the project has.
fn used_up(limit: &str) -> Value {
    json!({"error": {"code": 403, "message": "Quota exceeded for quota metric 'List requests' and limit 'List requests per minute' of service 'compute.googleapis.com' for consumer 'project_number:7'.",
        "errors": [{"reason": "rateLimitExceeded"}],
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com",
            "metadata": {"consumer": "projects/7", "quota_limit": "ListRequestsPerMinutePerProject", "quota_limit_value": limit}}]}})
}

#[test]
fn a_call_counts_for_the_project_and_region_it_names() {
    let endpoints = Endpoints::from_lookup(&|_| None).unwrap();
    let key = |api, id, path, args: &[&str]| {
        let method = Method { id, api, verb: ::http::Method::GET, path };
        let key = Call::new(&endpoints, &method, args).unwrap().bucket;
        (key.quota.metric, key.project, key.region)
    };
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        (
            key(
                Api::Compute,
                "compute.routers.get",
                "projects/{project}/regions/{region}/routers/{router}",
                &["p", "r", "x"],
            ),
            ("compute.googleapis.com/read_requests_per_region", some("p"), some("r")),
        ),
        (
            key(Api::Compute, "compute.firewalls.list", "projects/{project}/global/firewalls", &["p"]),
            ("compute.googleapis.com/list_requests", some("p"), None),
        ),
        (
            key(
                Api::Run,
                "run.projects.locations.jobs.list",
                "v2/projects/{project}/locations/{location}/jobs",
                &["p", "r"],
            ),
            ("run.googleapis.com/read_regional", some("p"), some("r")),
        ),
        (
            key(Api::Run, "run.namespaces.jobs.list", "apis/run.googleapis.com/v1/namespaces/{project}/jobs", &["p"]),
            ("run.googleapis.com/read_regional", some("p"), None),
        ),
        (
            key(
                Api::VpcAccess,
                "vpcaccess.projects.locations.connectors.list",
                "v1/projects/{project}/locations/{location}/connectors",
                &["p", "r"],
            ),
            ("vpcaccess.googleapis.com/read_requests", some("p"), None),
        ),
        (
            key(Api::AppEngine, "appengine.apps.services.list", "v1/apps/{app}/services", &["p"]),
            ("appengine.googleapis.com/default_requests", some("p"), None),
        ),
        (
            key(Api::ResourceManager, "cloudresourcemanager.projects.get", "v3/projects/{project}", &["p"]),
            ("cloudresourcemanager.googleapis.com/read_requests", None, None),
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

/// What a wait is told to: the log of the run, and whoever observes the client.
#[tokio::test(start_paused = true)]
async fn calls_beyond_the_quota_wait_and_say_so() {
    let stage = stage([list()]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let client = stage.client.observed(Arc::new(move |api, waited: Duration| tell.lock().unwrap().push((api, waited))));
    let begun = Instant::now();
    for _ in 0..375 {
        client.list_firewalls::<Value>("p").await.unwrap();
    }
    assert_eq!((begun.elapsed(), stage.log.longest_wait()), (Duration::ZERO, None));
    client.list_firewalls::<Value>("p").await.unwrap();
    let wait = stage.log.longest_wait().unwrap();
    assert_eq!((wait.metric, wait.project.as_deref()), ("compute.googleapis.com/list_requests", Some("p")));
    assert!(wait.waited > Duration::ZERO && wait.waited < Duration::from_millis(70), "{wait:?}");
    assert_eq!(*told.lock().unwrap(), [("compute.googleapis.com", wait.waited)]);
    // Other metrics and other projects do not wait.
    client.get_network::<Value>("p", "n").await.unwrap();
    client.list_firewalls::<Value>("q").await.unwrap();
    assert_eq!(stage.log.longest_wait(), Some(wait));
}

#[tokio::test(start_paused = true)]
async fn one_refusal_holds_the_others_back() {
    // A service that asks for time asks all for it.
    for status in [429, 503] {
        holds_the_others_back(status).await;
    }
}

async fn holds_the_others_back(status: u16) {
    let wait = with_header(response(status, "{}"), "retry-after", "40");
    let stage = stage([Answer::Comes(wait), list()]);
    let begun = Instant::now();
    let (first, second, other) = tokio::join!(
        stage.client.list_routes::<Value>("p"),
        stage.client.list_firewalls::<Value>("p"),
        stage.client.list_routes::<Value>("q"),
    );
    for result in [first, second, other] {
        result.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_secs(40));
    // The one that was refused, the one that was under way and the other project's, and the first again.
    assert_eq!(stage.attempts(), 4);
    let longest = stage.log.longest_wait().map(|QuotaWait { waited, .. }| waited.as_secs());
    assert_eq!(longest, Some(40));
}

/// The limit of a project may be less than the default.
#[tokio::test(start_paused = true)]
async fn what_a_refusal_says_of_the_limit_is_kept_to() {
    let stage = stage([answer(403, used_up("60")), list()]);
    let begun = Instant::now();
    for _ in 0..16 {
        stage.client.list_firewalls::<Value>("p").await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(stage.attempts(), 17);
}

#[tokio::test(start_paused = true)]
async fn operations_under_way_hold_nobody_back() {
    let concurrent = json!({"error": {"errors": [{"reason": "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED"}]}});
    let stage = stage([answer(403, concurrent), list()]);
    stage.client.list_firewalls::<Value>("p").await.unwrap();
    assert_eq!(stage.log.longest_wait(), None);
}

/// Nothing is sent while Google's word stands, for ten minutes at most, and what is not sent may be sent later.
#[tokio::test(start_paused = true)]
async fn who_cannot_wait_that_long_is_told() {
    let stage = stage([Answer::Comes(with_header(response(429, "{}"), "retry-after", "3600")), list()]);
    let refused = stage.client.list_firewalls::<Value>("p").await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused}");
    let held = stage.client.list_routes::<Value>("p").await.unwrap_err();
    assert_eq!(held.kind(), ErrorKind::RateLimited);
    assert_eq!(
        held.to_string(),
        "compute.routes.list was not sent: calls that count against compute.googleapis.com/list_requests wait for 600 s more"
    );
    assert_eq!(stage.attempts(), 1);
}

/// A router is written from what was read a moment ago, or not at all.
#[tokio::test(start_paused = true)]
async fn a_write_of_a_whole_list_does_not_wait() {
    let patch = async |stage: &Stage| {
        let begun = Instant::now();
        let sent = stage.client.begin_router_patch("p", "r", "x", &json!({}), Uuid::nil()).await;
        (sent, begun.elapsed())
    };
    let wait = with_header(response(429, "{}"), "retry-after", "40");
    let stage = stage([Answer::Comes(wait), answer(200, json!({"name": "o", "status": "DONE"}))]);
    patch(&stage).await.0.unwrap_err();
    let (sent, took) = patch(&stage).await;
    assert!(matches!(sent, Err(CallError::Held { .. })) && took <= Duration::from_secs(1), "{sent:?}, {took:?}");
    assert_eq!(stage.attempts(), 1);
    sleep(Duration::from_secs(40)).await;
    patch(&stage).await.0.unwrap();
}
