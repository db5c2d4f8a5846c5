//! Sweeps and wide events: what is read once for a project, what is asked besides, and what a run does by it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use egress_reconciler::{
    domain::{
        names::{ProjectId, Region},
        report::{Outcome, Report},
        target::Target,
    },
    reconcile::queue::RunRequest,
    sim::world::World,
};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    lab::{REGION, START, TestCloud},
    shared,
};

/// Regions in which something stands, of all that Cloud Run has.
const IN_USE: [&str; 2] = ["europe-west1", "europe-west2"];
const REGIONS: usize = 40;
const JOBS: usize = 5;

fn project(index: usize) -> String {
    format!("proj-{index:03}")
}

fn regions() -> Vec<String> {
    let others = (IN_USE.len()..REGIONS).map(|index| format!("region-{index}"));
    IN_USE.iter().map(|region| (*region).to_owned()).chain(others).collect()
}

/// Projects with a network, two connectors, and jobs that use them for private ranges.
fn world(projects: usize) -> World {
    let first = World::with_project(&project(0), "100000000000");
    let others = (1..projects)
        .fold(first, |world, index| world.project(&project(index), &format!("{}", 100_000_000_000 + index)));
    let mut world = (0..projects).fold(others, |world, index| {
        let id = project(index);
        let world = world.network(&id, "my-vpc");
        IN_USE.iter().fold(world, |world, region| {
            let connector = json!({
                "subnet": {"name": "sub"}, "state": "READY", "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3,
            });
            let under = format!("projects/{id}/locations/{region}");
            let cidr = if *region == IN_USE[0] { "10.20.0.0/28" } else { "10.20.1.0/28" };
            let world = world.subnetwork(&id, region, "sub", "my-vpc", cidr);
            let world = world.document("vpcaccess.connectors", &format!("{under}/connectors/conn"), connector);
            (0..JOBS).fold(world, |world, job| {
                let access = json!({"connector": format!("{under}/connectors/conn"), "egress": "PRIVATE_RANGES_ONLY"});
                let job_document =
                    json!({"template": {"template": {"containers": [{"image": "i"}], "vpcAccess": access}}});
                world.document("run.jobs", &format!("{under}/jobs/job-{job}"), job_document)
            })
        })
    });
    world.regions = regions();
    world
}

fn policy(projects: usize, more: &Value) -> String {
    let all: Vec<String> = (0..projects).map(project).collect();
    let mut policy = json!({
        "version": 1, "owner": "lab", "mode": "enforce",
        "scope": {"projects": all, "regions": "all"},
        "network": {"name": "my-vpc"},
        "connector": {"subnet_pools": ["10.8.0.0/20"]},
    });
    crate::case_file::lay_over(&mut policy, more.clone());
    policy.to_string()
}

/// A sweep of everything, and how often it called each method.
async fn sweep(lab: &TestCloud, projects: usize) -> (Vec<Arc<Report>>, BTreeMap<String, usize>) {
    let before = lab.cloud.calls().len();
    let targets = (0..projects).flat_map(|index| {
        regions().into_iter().map(move |region| Target {
            project: ProjectId::parse(&project(index)).unwrap(),
            region: Region::parse(&region).unwrap(),
        })
    });
    let requests = targets.map(|target| RunRequest { sweep: true, ..RunRequest::new(target) }).collect();
    let reports: Vec<_> = lab.app.expander.in_turn(requests).collect().await;
    let mut calls = BTreeMap::new();
    for call in lab.cloud.calls().into_iter().skip(before) {
        *calls.entry(call.call).or_default() += 1;
    }
    (reports, calls)
}

fn count(calls: &BTreeMap<String, usize>, piece: &str) -> usize {
    calls.iter().filter(|(method, _)| method.contains(piece)).map(|(_, count)| count).sum()
}

fn of<'a>(reports: &'a [Arc<Report>], region: &str) -> &'a Report {
    reports.iter().find(|report| report.target.as_ref().is_some_and(|target| target.region.as_str() == region)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_reads_a_project_once() {
    const PROJECTS: usize = 10;
    let lab = TestCloud::new(world(PROJECTS), &policy(PROJECTS, &json!({})));
    // The first one asks every region for everything.
    let (first, full) = sweep(&lab, PROJECTS).await;
    assert_eq!(count(&full, "workerPools.list"), PROJECTS * REGIONS);
    sleep(Duration::from_secs(600)).await;
    let (reports, calls) = sweep(&lab, PROJECTS).await;
    for (first, report) in first.iter().zip(&reports) {
        assert_eq!((first.outcome, report.outcome), (Outcome::InSync, Outcome::InSync), "{report:#?}");
        assert!(report.snapshot_at.is_some());
    }
    for once in [
        "compute.firewalls.list",
        "compute.routes.list",
        "compute.routers.aggregatedList",
        "compute.subnetworks.aggregatedList",
        "run.namespaces.jobs.list",
        "run.namespaces.services.list",
        "vpcaccess.projects.locations.connectors.list",
    ] {
        assert_eq!(calls[once], PROJECTS, "{once}: {calls:#?}");
    }
    let in_use = PROJECTS * IN_USE.len();
    assert_eq!(count(&calls, "workerPools.list"), in_use);
    let all: usize = calls.values().sum();
    assert!(all <= 12 * PROJECTS + 6 * in_use, "{all}: {calls:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_list_of_all_regions_lacks_is_asked_there() {
    let lab = TestCloud::new(world(1), &policy(1, &json!({})));
    sweep(&lab, 1).await;
    let [one, other] = IN_USE;
    for method in ["compute.*.aggregatedList", "run.namespaces.*.list"] {
        let fault = json!({"method": method, "kind": "unreachable", "regions": [one], "nth": "all"});
        lab.cloud.inject(serde_json::from_value(fault).unwrap());
    }
    sleep(Duration::from_secs(600)).await;
    let (reports, calls) = sweep(&lab, 1).await;
    for region in IN_USE {
        assert_eq!(of(&reports, region).outcome, Outcome::InSync);
        assert_eq!(of(&reports, region).egress.len(), 1);
    }
    assert_eq!(of(&reports, one).calls["run.projects.locations.jobs.list"], 1);
    assert_eq!(of(&reports, one).calls["compute.subnetworks.list"], 1);
    assert!(!of(&reports, other).calls.contains_key("run.projects.locations.jobs.list"));
    assert_eq!(count(&calls, "run.projects.locations.jobs.list"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_form_of_a_list_that_google_refuses_is_tried_again_after_an_hour() {
    let lab = TestCloud::new(world(1), &policy(1, &json!({})));
    let fault = json!({
        "method": "vpcaccess.projects.locations.connectors.list", "resource": "projects/*/locations/-/*",
        "kind": "refuse", "status": 400, "reason": "badRequest", "nth": "all",
    });
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    let lists = |calls: &BTreeMap<String, usize>| count(calls, "connectors.list");
    let (reports, calls) = sweep(&lab, 1).await;
    assert!(reports.iter().all(|report| report.outcome == Outcome::InSync), "{reports:#?}");
    assert_eq!(of(&reports, IN_USE[0]).egress.len(), 1);
    assert_eq!(lists(&calls), REGIONS + 1);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(lists(&sweep(&lab, 1).await.1), REGIONS);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(lists(&sweep(&lab, 1).await.1), REGIONS + 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_by_lists_that_others_share() {
    let more = json!({"firewall": {"enforcement": "enforce", "adopt": ["*"]}});
    let lab = TestCloud::new(world(1), &policy(1, &more));
    let (reports, calls) = sweep(&lab, 1).await;
    for region in IN_USE {
        let report = of(&reports, region);
        assert_eq!(report.outcome, Outcome::Changed, "{report:#?}");
        // It wrote after looks of its own, and ended with one.
        assert_eq!(report.snapshot_at, None);
        assert!(report.calls["run.projects.locations.jobs.list"] >= 2);
    }
    assert_eq!(of(&reports, "region-5").outcome, Outcome::InSync);
    assert_eq!(count(&calls, "run.namespaces.jobs.list"), 1);
}

/// A worker pool in a region where no list of the whole project shows anything, and whose connector is gone.
#[tokio::test(start_paused = true)]
async fn what_no_list_of_the_project_shows_is_found_every_hour_and_not_forgotten_meanwhile() {
    const ELSEWHERE: &str = "region-7";
    let under = format!("projects/{}/locations/{ELSEWHERE}", project(0));
    let container = json!({"image": "i"});
    let access = json!({"connector": format!("{under}/connectors/conn"), "egress": "ALL_TRAFFIC"});
    let pool = json!({"template": {"containers": [container], "vpcAccess": access}});
    let mut world = world(1).document("run.workerPools", &format!("{under}/workerPools/pool"), pool);
    let made: Timestamp = START.parse().unwrap();
    world.resources.last_mut().unwrap().from = Some(made + SignedDuration::from_mins(5));
    let lab = TestCloud::new(world, &policy(1, &json!({"mode": "report"})));
    let (reports, _) = sweep(&lab, 1).await;
    assert_eq!(of(&reports, ELSEWHERE).outcome, Outcome::InSync);
    let mut found = Vec::new();
    for _ in 0..8 {
        sleep(Duration::from_secs(600)).await;
        let (reports, calls) = sweep(&lab, 1).await;
        found.push((of(&reports, ELSEWHERE).outcome, count(&calls, "workerPools.list")));
    }
    let quiet = (Outcome::InSync, IN_USE.len());
    // The sixth asks everywhere, and once more where it found something; those after it look there again.
    let seen = (Outcome::Drift, IN_USE.len() + 2);
    assert_eq!(found, [quiet, quiet, quiet, quiet, quiet, (Outcome::Drift, REGIONS + 1), seen, seen]);
}

/// A region that is closed to the project.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_read_again_though_nothing_stands_there() {
    const CLOSED: &str = "region-9";
    let lab = TestCloud::new(world(1), &policy(1, &json!({})));
    let fault = json!({
        "method": "run.projects.locations.*.list", "resource": format!("*/locations/{CLOSED}/*"),
        "kind": "refuse", "status": 403, "reason": "forbidden", "nth": "all",
        "message": format!("Permission denied on 'locations/{CLOSED}' (or it may not exist)."),
    });
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    let (first, _) = sweep(&lab, 1).await;
    assert_eq!(of(&first, CLOSED).outcome, Outcome::Blocked);
    sleep(Duration::from_secs(600)).await;
    let (again, _) = sweep(&lab, 1).await;
    assert_eq!(of(&again, CLOSED).outcome, Outcome::Blocked);
    assert_eq!(of(&again, CLOSED).blocked_by, of(&first, CLOSED).blocked_by);
}

/// Lists of a host are as old as they are, however young those of the project that they are used for.
#[tokio::test(start_paused = true)]
async fn older_lists_of_the_host_overrule_no_later_look() {
    let nothing =
        json!({"mode": "report", "connector": {"declared": []}, "firewall": {"adopt": []}, "nat": {"ensure": "never"}});
    let lab = TestCloud::new(shared::standing(3), &shared::policy(3, &nothing));
    let snapshot = lab.app.engine.snapshot(true);
    let target = |index| Target {
        project: ProjectId::parse(&shared::project(index)).unwrap(),
        region: Region::parse(REGION).unwrap(),
    };
    let swept = async |index| {
        let lists = Some(snapshot.of(target(index).project));
        lab.app.queue.submit(RunRequest { sweep: true, lists, ..RunRequest::new(target(index)) }).await
    };
    let first = swept(0).await;
    assert_eq!((first.outcome, first.snapshot_at.is_some()), (Outcome::InSync, true), "{first:#?}");
    sleep(Duration::from_secs(60)).await;
    lab.app.queue.submit(RunRequest::new(target(1))).await;
    sleep(Duration::from_secs(60)).await;
    // One knows better by now; the other tells how old the lists of the host are.
    assert_eq!(swept(1).await.snapshot_at, None);
    assert_eq!(swept(2).await.snapshot_at, first.snapshot_at);
}
