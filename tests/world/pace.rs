//! A sweep of many targets on one host, at Google's quotas: nothing is refused, and no event waits for it.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::{
        audit::signal::Signal,
        names::{ProjectId, Region},
        report::{Outcome, Report},
        target::{Place, Target},
    },
    reconcile::{expand::MAX_CONCURRENT_RUNS, queue::RunRequest},
    sim::{http::calls::Logged, world::World},
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::lab::{TestCloud, signal};

const HOST: &str = "net-host";
const LATENCY: Duration = Duration::from_millis(50);
/// 1,500 a minute: what is beyond the burst comes at 16 a second.
const ONE_CALL: Duration = Duration::from_millis(63);

/// Regions of each project.
const REGIONS: [&str; 10] = [
    "asia-east1",
    "asia-south1",
    "europe-north1",
    "europe-west1",
    "europe-west2",
    "me-west1",
    "us-central1",
    "us-east1",
    "us-south1",
    "us-west1",
];

fn project(index: usize) -> String {
    format!("proj-{:03}", index / REGIONS.len())
}

fn region(index: usize) -> &'static str {
    REGIONS[index % REGIONS.len()]
}

fn target(index: usize) -> Target {
    Target { project: ProjectId::parse(&project(index)).unwrap(), region: Region::parse(region(index)).unwrap() }
}

/// Each target has a connector on a subnet of the host.
fn world(targets: usize) -> World {
    let world = World::with_project(HOST, "999999999999").network(HOST, "my-vpc").everywhere();
    (0..targets).fold(world, |world, index| {
        let (of, region, subnet) = (project(index), region(index), format!("sub-{index:03}"));
        let range = format!("10.{}.{}.0/28", 20 + index / 250, index % 250);
        let connector = json!({
            "subnet": {"name": subnet, "projectId": HOST}, "state": "READY", "machineType": "e2-micro",
            "minInstances": 2, "maxInstances": 3,
        });
        world
            .project(&of, &format!("{}", 100_000_000_000 + index / REGIONS.len()))
            .subnetwork(HOST, region, &subnet, "my-vpc", &range)
            .document("vpcaccess.connectors", &format!("projects/{of}/locations/{region}/connectors/conn"), connector)
    })
}

fn policy(targets: usize) -> String {
    let all: Vec<String> = (0..targets).step_by(REGIONS.len()).map(project).collect();
    json!({
        "version": 1, "owner": "lab", "mode": "report",
        "scope": {"projects": all, "regions": REGIONS, "hosts": [HOST]},
        "network": {"name": format!("projects/{HOST}/global/networks/my-vpc")},
        "connector": {"ensure": "never"},
    })
    .to_string()
}

/// A sweep of the targets.
fn requests(targets: usize) -> Vec<RunRequest> {
    (0..targets).map(|index| RunRequest { sweep: true, ..RunRequest::new(target(index)) }).collect()
}

/// So many sweeps of the targets, one after the other, in which each target has to be looked at itself.
fn sweeps(lab: &TestCloud, rounds: usize, targets: usize) -> JoinHandle<Vec<Arc<Report>>> {
    let queue = lab.app.queue.clone();
    let runs = (0..rounds).flat_map(move |_| requests(targets)).map(move |request| queue.submit(request));
    tokio::spawn(async move { stream::iter(runs).buffer_unordered(MAX_CONCURRENT_RUNS).collect().await })
}

fn is_sound(reports: &[Arc<Report>]) -> bool {
    reports.iter().all(|report| report.outcome != Outcome::Failed && !report.transient)
}

/// How long an event takes at a place, and its reports.
async fn hear(lab: &TestCloud, place: Place, at: &Target) -> (Duration, Vec<Arc<Report>>) {
    let begun = Instant::now();
    let signal = Signal { place, ..signal(at) };
    let reports = lab.app.expander.submit(signal).await.unwrap();
    (begun.elapsed(), reports)
}

fn to_host(lab: &TestCloud, call: &str) -> Vec<Logged> {
    lab.cloud.calls().into_iter().filter(|logged| logged.call == call && logged.url.contains(HOST)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_at_googles_quotas_is_refused_nothing_and_delays_no_event() {
    const TARGETS: usize = 500;
    let lab = TestCloud::rationed(world(TARGETS), &policy(TARGETS), LATENCY);
    let last = target(TARGETS - 1);
    let (alone, _) = hear(&lab, Place::Target(last.clone()), &last).await;
    sleep(Duration::from_secs(120)).await;

    let begun = Instant::now();
    // Two of them: their 2,000 lists of the host's rules and routes are more than a minute's quota.
    let sweep = sweeps(&lab, 2, TARGETS);
    sleep(Duration::from_secs(20)).await;
    assert!(!sweep.is_finished());
    // The sweep has used up what it may, and has not come to these.
    for _ in 0..2 {
        let (took, reports) = hear(&lab, Place::Target(last.clone()), &last).await;
        assert!(is_sound(&reports) && took <= alone + ONE_CALL, "{took:?}, alone {alone:?}");
    }
    // An event of a whole project has room beside the sweep's runs.
    let (took, reports) = hear(&lab, Place::Project(last.project.clone()), &last).await;
    assert!(
        reports.len() == REGIONS.len() && is_sound(&reports) && took <= alone + ONE_CALL,
        "{took:?}, alone {alone:?}"
    );
    let reports = sweep.await.unwrap();
    let took = begun.elapsed();
    assert!(reports.len() == 2 * TARGETS && is_sound(&reports));
    assert_eq!(lab.cloud.quota_refusals().len(), 0, "{:?}", lab.cloud.quota_refusals());
    // No slower than the quota asks: 16 lists of the host a second.
    let lists = (to_host(&lab, "compute.firewalls.list").len() + to_host(&lab, "compute.routes.list").len()) as f64;
    let expected = Duration::from_secs_f64(lists / 16.0);
    assert!(took <= expected + Duration::from_secs(5), "{took:?} for {lists} lists");
    let metrics = lab.app.metrics.text();
    let waits = "egress_reconciler_google_quota_wait_seconds_total{api=\"compute.googleapis.com\"}";
    assert!(metrics.lines().any(|line| line.starts_with(waits)), "{metrics}");
}

/// The lists of the host are read once for all its targets.
#[tokio::test(start_paused = true)]
async fn a_sweep_of_five_hundred_targets_of_one_host_waits_for_no_quota() {
    const TARGETS: usize = 500;
    let lab = TestCloud::rationed(world(TARGETS), &policy(TARGETS), LATENCY);
    let begun = Instant::now();
    let reports: Vec<_> = lab.app.expander.in_turn(requests(TARGETS)).collect().await;
    assert!(reports.len() == TARGETS && is_sound(&reports));
    assert_eq!(lab.cloud.quota_refusals().len(), 0, "{:?}", lab.cloud.quota_refusals());
    assert_eq!(to_host(&lab, "compute.firewalls.list").len(), 1);
    assert!(reports.iter().all(|report| report.quota_wait.is_none()));
    assert!(begun.elapsed() <= Duration::from_secs(15), "{:?}", begun.elapsed());
}

/// An event for a target that a sweep has under way waits for that run, which from then on gives way to none.
#[tokio::test(start_paused = true)]
async fn a_run_that_an_event_waits_for_is_a_sweep_no_more() {
    const TARGETS: usize = 200;
    let lab = TestCloud::rationed(world(TARGETS), &policy(TARGETS), LATENCY);
    let (alone, _) = hear(&lab, Place::Target(target(0)), &target(0)).await;
    sleep(Duration::from_secs(120)).await;
    let mut progress = lab.app.engine.progress.subscribe();
    let sweep = sweeps(&lab, 1, TARGETS);
    sleep(Duration::from_secs(5)).await;
    // The run that began last has most of its calls before it.
    let mut began = None;
    while let Ok(told) = progress.try_recv() {
        if let egress_reconciler::reconcile::Progress::Started { target } = told {
            began = Some(target);
        }
    }
    let busy = began.unwrap();
    let (took, reports) = hear(&lab, Place::Target(busy.clone()), &busy).await;
    assert!(is_sound(&reports) && took <= 2 * (alone + ONE_CALL), "{took:?}, alone {alone:?}");
    assert!(is_sound(&sweep.await.unwrap()));
    assert_eq!(lab.cloud.quota_refusals().len(), 0);
}

/// A project may have less than the default: what is refused first holds all others until Google's time is up.
#[tokio::test(start_paused = true)]
async fn a_smaller_quota_holds_the_sweep_and_fails_nothing() {
    const TARGETS: usize = 80;
    let lab = TestCloud::distant(world(TARGETS), &policy(TARGETS), LATENCY);
    let metric = "compute.googleapis.com/list_requests";
    let fault = json!({"method": metric, "nth": [80], "kind": "rate", "ms": 45_000});
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    let reports = sweeps(&lab, 1, TARGETS).await.unwrap();
    assert!(reports.len() == TARGETS && is_sound(&reports));
    // No more than were under way when the first was refused.
    let refused = lab.cloud.quota_refusals()[metric];
    assert!((1..=2 * MAX_CONCURRENT_RUNS as u64).contains(&refused), "{refused}");

    let mut lists = to_host(&lab, "compute.firewalls.list");
    lists.extend(to_host(&lab, "compute.routes.list"));
    let at = |call: &Logged| call.at.parse::<Timestamp>().unwrap();
    let first = lists.iter().filter(|call| call.status == 403).map(at).min().unwrap();
    let since = |call: &&Logged| at(call).duration_since(first).as_secs_f64();
    let held = lists.iter().filter(|call| (0.1..45.0).contains(&since(call))).count();
    assert_eq!(held, 0);
    assert!(lists.iter().any(|call| since(&call) > 45.0));
    // Whoever was held up for long says so.
    let waits: Vec<_> = reports.iter().filter_map(|report| report.quota_wait.clone()).collect();
    assert!(!waits.is_empty());
    assert!(waits.iter().all(|wait| wait.metric == metric && wait.project.as_deref() == Some(HOST)), "{waits:?}");
    assert!(waits.iter().any(|wait| wait.seconds >= 40), "{waits:?}");
}
