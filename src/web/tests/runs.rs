use super::*;
use futures_util::{FutureExt, future::join_all};

#[tokio::test(start_paused = true)]
async fn an_ignored_event_asks_google_nothing() {
    let service = TestService::new();
    for entry in [deployed().to_string().replace("UpdateJob", "RunJob"), elsewhere().to_string()] {
        assert_eq!(service.post("/", entry).await.status, 204);
    }
    assert_eq!(service.cloud.calls(), []);
    let text = service.get("/metrics").await;
    assert!(text.headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    for (disposition, reason) in [("ignored", "execution"), ("rejected", "out-of-scope")] {
        let line = format!("egress_reconciler_events_total{{disposition=\"{disposition}\",reason=\"{reason}\"}} 1");
        assert!(text.body.contains(&line), "{}", text.body);
    }
}

/// The entry that begins an operation asks for no run, and tells what the call asked of a router.
#[tokio::test(start_paused = true)]
async fn what_a_call_asked_of_a_router_is_remembered() {
    let service = TestService::new();
    let entry = json!({
        "logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Factivity",
        "insertId": "i", "timestamp": "2026-05-06T07:08:09Z",
        "operation": {"id": "operation-1", "producer": "compute.googleapis.com", "first": true},
        "resource": {"type": "gce_router", "labels": {"project_id": "demo-project", "region": "europe-west1"}},
        "protoPayload": {
            "serviceName": "compute.googleapis.com", "methodName": "v1.compute.routers.patch",
            "resourceName": "projects/demo-project/regions/europe-west1/routers/r",
            "request": {"nats": [{"name": "team-nat"}]},
        },
    });
    assert_eq!(service.post("/", entry.to_string()).await.status, 204);
    assert_eq!(service.cloud.calls(), []);
    let races = format!("{:?}", service.app.engine.history.lock().unwrap().races);
    assert!(races.contains("operation-1") && races.contains("team-nat"), "{races}");
}

#[tokio::test(start_paused = true)]
async fn in_sync_is_ten_reads_and_no_write() {
    let service = TestService::in_world(
        World::with_project("demo-project", "123456789012").network("demo-project", "vpc"),
        POLICY,
        ServerConfig { auth: Auth::Off, max_concurrent: 1000 },
    );
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    let before = service.cloud.calls().len();
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    assert_eq!(service.calls_since(before), (10, 0));
}

/// Where a connector exists, functions and App Engine may use it.
#[tokio::test(start_paused = true)]
async fn in_sync_beside_a_connector_is_twelve_reads_and_no_write() {
    let service = TestService::new();
    service.settle().await;
    let before = service.cloud.calls().len();
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    assert_eq!(service.calls_since(before), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_deliveries_at_once_share_two_runs() {
    let service = TestService::new();
    service.settle().await;
    let before = service.cloud.calls().len();
    let answers = join_all((0..100).map(|_| service.post("/", deployed().to_string()))).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
    let (reads, writes) = service.calls_since(before);
    assert!(reads <= 24 && writes == 0, "{reads} reads, {writes} writes");
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_stops_nothing() {
    let service = TestService::new();
    // Polled once, as a server would, and dropped.
    assert!(service.post("/", deployed().to_string()).now_or_never().is_none());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(service.calls_since(0).1 > 0);
    assert_eq!(service.topic.reports().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_pubsub_does() {
    let service = TestService::new();
    service.lay(json!({"method": "*", "nth": "all", "kind": "slow", "ms": 3_600_000}));
    let began = tokio::time::Instant::now();
    let answer = service.post("/", deployed().to_string()).await;
    assert_eq!(answer.status, 429);
    assert!(began.elapsed() <= Duration::from_secs(551), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn rejections_are_told_once_a_minute() {
    let service = TestService::new();
    let counts = || -> Vec<(String, u64)> {
        let heard = service.topic.reports();
        let told = heard.iter().map(|report| report.rejected.clone().unwrap());
        told.map(|rejected| (rejected.reason, rejected.count)).collect()
    };
    let reject = async |entry: &str| {
        assert_eq!(service.post("/", entry.to_owned()).await.status, 204);
        tokio::task::yield_now().await;
    };
    for entry in ["nothing", "nothing", &elsewhere().to_string(), "nothing"] {
        reject(entry).await;
    }
    assert_eq!(counts(), [("malformed".into(), 1), ("out-of-scope".into(), 1)]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    reject("nothing").await;
    assert_eq!(counts()[2..], [("malformed".into(), 3)]);
}

/// A member that an envelope would have makes no envelope of an entry, whatever it holds.
#[tokio::test(start_paused = true)]
async fn an_entry_counts_whatever_its_message_is() {
    for message in [r#""x""#, "null", "{}", r#"{"a":1,"a":2}"#] {
        let service = TestService::new();
        let entry = deployed().to_string().replacen('{', &format!(r#"{{"message":{message},"#), 1);
        assert_eq!(service.post("/", entry).await.status, 204);
        assert!(!service.topic.reports().is_empty(), "{message}");
        assert!(service.calls_since(0).0 > 0, "{message}");
    }
}
