//! More than the service takes at once: what is shed comes again, and nothing that was accepted is lost.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{Router, body::Body};
use egress_reconciler::{
    google::transport::{BoxFuture, Request, Response, SendError, Transport},
    web::{Auth, ServerConfig, router},
};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::{
    lab::{ENFORCE, PROJECT, REGION, TestCloud, policy, signal, world},
    support::Topic,
};

const ELSEWHERE: &str = "us-central1";

/// The service's door, as Pub/Sub finds it.
#[derive(Default)]
struct Service {
    router: OnceLock<Router>,
    /// What deliveries were answered, and when.
    answers: Mutex<Vec<(Instant, StatusCode)>>,
}

impl Transport for Service {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let router = self.router.get().unwrap().clone();
            let status = router.oneshot(request.http.map(Body::from)).await.unwrap().status();
            self.answers.lock().unwrap().push((Instant::now(), status));
            Ok(http::Response::builder().status(status).body(bytes::Bytes::new()).unwrap())
        })
    }
}

struct TestService {
    lab: TestCloud,
    topic: Arc<Topic>,
    service: Arc<Service>,
}

impl TestService {
    /// Two regions, every report published, and a door of so many places.
    fn new(max_concurrent: usize) -> Self {
        let more = format!("{ENFORCE}reports: {{in_sync: true}}\n");
        let text = policy(&more).replace("regions: [", "regions: [us-central1, ");
        let mut world = world();
        world.regions.push(ELSEWHERE.to_owned());
        let service = Arc::new(Service::default());
        let lab = TestCloud::pushing(world, &text, service.clone());
        let topic = Topic::of(&lab.app);
        let door = ServerConfig { auth: Auth::Off, max_concurrent };
        service.router.set(router(lab.app.clone(), door)).unwrap();
        Self { lab, topic, service }
    }

    async fn deliver(&self, entry: Value) -> StatusCode {
        let router = self.service.router.get().unwrap().clone();
        let request = http::Request::post("/").body(Body::from(entry.to_string())).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    /// Google takes its time over every read of a region.
    fn slow(&self, region: &str, ms: u64) {
        let fault = json!({"method": "*", "resource": format!("*{region}*"), "nth": "all", "kind": "slow", "ms": ms});
        self.lab.cloud.inject(serde_json::from_value(fault).unwrap());
    }

    /// The events that reports name, and how many more there were.
    fn told(&self) -> (BTreeSet<String>, usize) {
        let reports = self.topic.reports();
        let named = reports.iter().flat_map(|report| &report.triggers);
        let named = named.map(|trigger| trigger.event_id.rsplit('/').next().unwrap().to_owned()).collect();
        (named, reports.iter().map(|report| report.more_triggers).sum())
    }
}

/// The entry of a deploy.
fn deployed(region: &str, id: &str) -> Value {
    let job = format!("projects/{PROJECT}/locations/{region}/jobs/a");
    json!({
        "insertId": id,
        "logName": format!("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"),
        "timestamp": "2026-11-23T12:00:00Z",
        "resource": {"type": "cloud_run_job", "labels": {"project_id": PROJECT, "location": region}},
        "protoPayload": {
            "serviceName": "run.googleapis.com",
            "methodName": "google.cloud.run.v2.Jobs.UpdateJob",
            "resourceName": job,
            "authenticationInfo": {"principalEmail": "alice@example.com"},
        },
    })
}

/// The entry of a job's execution.
fn executed() -> Value {
    serde_json::from_str(&deployed(REGION, "x").to_string().replace("UpdateJob", "RunJob")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_done_and_the_rest_comes_again() {
    // Places, deliveries at once, how many of them are taken.
    for (places, deliveries, taken) in [(1, 3, 1), (40, 30, 30), (40, 31, 30), (40, 1000, 30)] {
        let service = TestService::new(places);
        service.slow(REGION, 2_000);
        let entries = (0..deliveries).map(|n| deployed(REGION, &format!("e{n}")));
        let answers = join_all(entries.map(|entry| service.deliver(entry))).await;
        let with = |status: u16| -> BTreeSet<String> {
            let those = answers.iter().enumerate().filter(|(_, answer)| answer.as_u16() == status);
            those.map(|(n, _)| format!("e{n}")).collect()
        };
        let (accepted, shed) = (with(204), with(429));
        assert_eq!((accepted.len(), shed.len()), (taken, deliveries - taken), "{deliveries} at {places}");
        assert_eq!(service.told(), (accepted, 0), "{deliveries} at {places}");
        // The places are free again.
        assert_eq!(service.deliver(deployed(REGION, "late")).await, 204);
    }
}

#[tokio::test(start_paused = true)]
async fn an_irrelevant_event_waits_for_no_run() {
    let service = TestService::new(40);
    service.slow(REGION, 8_000);
    let flood = async { join_all((0..200).map(|n| service.deliver(deployed(REGION, &n.to_string())))).await };
    let between = async {
        sleep(Duration::from_secs(1)).await;
        let calls = service.lab.cloud.calls().len();
        let begun = Instant::now();
        for _ in 0..1000 {
            assert_eq!(service.deliver(executed()).await, 204);
        }
        assert_eq!((service.lab.cloud.calls().len(), begun.elapsed()), (calls, Duration::ZERO));
        assert_eq!(service.deliver(deployed(REGION, "more")).await, 429, "the places are taken");
    };
    tokio::join!(flood, between);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_keeps_his_place_until_the_run_has_ended() {
    let service = TestService::new(40);
    service.slow(REGION, 8_000);
    for n in 0..1000 {
        let delivery = tokio::time::timeout(Duration::from_millis(1), async {
            service.deliver(deployed(REGION, &format!("e{n}"))).await
        });
        let expected = if n < 30 { None } else { Some(StatusCode::TOO_MANY_REQUESTS) };
        assert_eq!(delivery.await.ok(), expected, "{n}");
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(service.told().0.len(), 30, "the runs went on");
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_events_make_one_small_report() {
    let service = TestService::new(1);
    service.slow(REGION, 1_000);
    let signals = (0..10_000).map(|n| {
        let mut signal = signal(&service.lab.target());
        std::sync::Arc::make_mut(&mut signal.trigger).event_id = format!("e{n}");
        signal
    });
    join_all(signals.map(|signal| service.lab.app.expander.submit(signal))).await;
    let (named, more) = service.told();
    assert_eq!((named.len() + more, named.len() <= 200), (10_000, true), "{} named", named.len());
    for report in &*service.topic.reports() {
        assert!(serde_json::to_string(report).unwrap().len() < 100_000);
    }
}

/// A region whose reads hang keeps every place taken for ten minutes. Meanwhile a deploy in another region fails for want of
/// its connector: its entry is the only one that says so, and Pub/Sub brings it again and again.
#[tokio::test(start_paused = true)]
async fn a_wanted_connector_outlives_ten_minutes_of_overload() {
    const OVERLOAD: Duration = Duration::from_secs(600);
    let service = TestService::new(40);
    service.slow(ELSEWHERE, 9_000);
    let begun = Instant::now();
    let flood = join_all((0..35).map(|n| {
        let (service, entry) = (&service, deployed(ELSEWHERE, &format!("e{n}")));
        async move {
            while begun.elapsed() < OVERLOAD {
                // Who is answered has another one at once, so that no place is free for longer than a moment.
                if service.deliver(entry.clone()).await == 429 {
                    sleep(Duration::from_secs(5)).await;
                }
            }
        }
    }));
    let deploy = async {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(service.lab.deploy("nightly-export", "vpc-conn-europe").await.status(), 400);
        sleep(OVERLOAD - Duration::from_secs(2)).await;
        assert_eq!(service.lab.writes(0), Vec::<String>::new());
    };
    tokio::join!(flood, deploy);
    let shed = service.service.answers.lock().unwrap().iter().filter(|(_, status)| *status == 429).count();
    assert!(shed > 10, "shed {shed} times");
    // The longest pause of the subscription, and the run.
    sleep(Duration::from_secs(120)).await;
    let writes = service.lab.writes(0);
    let made = "vpcaccess.projects.locations.connectors.create".to_owned();
    assert!(writes.contains(&made), "{writes:?}, {:?}", service.service.answers.lock().unwrap().last());
}
