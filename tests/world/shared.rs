//! Many service projects on one host network and region, at once: none waits for another without need.

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
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::lab::{REGION, TestCloud};

const HOST: &str = "net-host";
const LATENCY: Duration = Duration::from_millis(50);

pub fn project(index: usize) -> String {
    format!("proj-{index:03}")
}

fn empty(projects: usize) -> World {
    let mut world = World::with_project(HOST, "999999999999").network(HOST, "my-vpc");
    world.regions.push(REGION.to_owned());
    (0..projects).fold(world, |world, index| world.project(&project(index), &format!("{}", 100_000_000_000 + index)))
}

/// Each project's connector exists, on a subnet of the host.
pub fn standing(projects: usize) -> World {
    (0..projects).fold(empty(projects), |world, index| {
        let (of, subnet) = (project(index), format!("sub-{index:03}"));
        let connector = json!({
            "subnet": {"name": subnet, "projectId": HOST}, "state": "READY", "machineType": "e2-micro",
            "minInstances": 2, "maxInstances": 3,
        });
        world.subnetwork(HOST, REGION, &subnet, "my-vpc", &format!("10.20.{index}.0/28")).document(
            "vpcaccess.connectors",
            &format!("projects/{of}/locations/{REGION}/connectors/conn"),
            connector,
        )
    })
}

pub fn policy(projects: usize, more: &Value) -> String {
    let all: Vec<String> = (0..projects).map(project).collect();
    let declared = all.iter().map(|project| json!({"project": project, "region": REGION, "name": "conn"}));
    let mut policy = json!({
        "version": 1, "owner": "lab", "mode": "enforce",
        "scope": {"projects": all, "regions": [REGION], "hosts": [HOST]},
        "network": {"name": format!("projects/{HOST}/global/networks/my-vpc")},
        "connector": {"subnet_pools": ["10.8.0.0/20"], "declared": declared.collect::<Vec<_>>()},
        "firewall": {"enforcement": "enforce", "adopt": ["*"]},
    });
    crate::case_file::lay_over(&mut policy, more.clone());
    policy.to_string()
}

/// A sweep of every project; the reports, and how long it took.
async fn sweep(lab: &TestCloud, projects: usize) -> (Vec<Arc<Report>>, Duration) {
    let begun = Instant::now();
    let targets = (0..projects).map(|index| Target {
        project: ProjectId::parse(&project(index)).unwrap(),
        region: Region::parse(REGION).unwrap(),
    });
    let requests = targets.map(|target| RunRequest { sweep: true, ..RunRequest::new(target) }).collect();
    let reports = lab.app.expander.in_turn(requests).collect().await;
    (reports, begun.elapsed())
}

fn calls(report: &Report) -> u32 {
    report.calls.values().sum()
}

fn documents(lab: &TestCloud, collection: &str) -> Vec<Value> {
    lab.cloud.world().written()["resources"][collection].as_array().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn rules_of_many_projects_are_written_side_by_side() {
    for projects in [1, 8, 16] {
        let lab =
            TestCloud::distant(standing(projects), &policy(projects, &json!({"nat": {"ensure": "never"}})), LATENCY);
        let (reports, took) = sweep(&lab, projects).await;
        for report in &reports {
            assert_eq!(report.outcome, Outcome::Changed, "{projects}: {report:#?}");
            assert!(calls(report) <= 75, "{projects}: {} calls: {:#?}", calls(report), report.calls);
        }
        assert!(took <= Duration::from_secs(20), "{projects}: {took:?}");
        let rules = documents(&lab, "compute.firewalls");
        let denies = rules.iter().filter(|rule| rule["name"].as_str().unwrap().starts_with("deny-"));
        assert_eq!(denies.count(), projects);
        let (again, _) = sweep(&lab, projects).await;
        // What the project's lists show is read once; of its own each target reads four lists of users.
        assert!(again.iter().all(|report| report.outcome == Outcome::InSync && calls(report) == 4), "{again:#?}");
    }
}

/// They all add to one list of gateways, one after the other; nothing of any of them is lost.
#[tokio::test(start_paused = true)]
async fn every_project_gets_its_line_of_the_shared_gateway() {
    for projects in [8, 16] {
        let lab =
            TestCloud::distant(standing(projects), &policy(projects, &json!({"nat": {"ensure": "always"}})), LATENCY);
        let (reports, took) = sweep(&lab, projects).await;
        for report in &reports {
            assert_eq!(report.outcome, Outcome::Changed, "{projects}: {report:#?}");
            assert!(calls(report) <= 90, "{projects}: {} calls: {:#?}", calls(report), report.calls);
            assert!(report.findings.iter().all(|note| note.code.word() != "router-raced"), "{:#?}", report.findings);
        }
        assert!(took <= Duration::from_secs(60), "{projects}: {took:?}");
        let routers = documents(&lab, "compute.routers");
        assert_eq!(routers.len(), 1);
        assert_eq!(routers[0]["nats"][0]["subnetworks"].as_array().unwrap().len(), projects);
    }
}

/// Nothing exists yet: each gets a range of its own in the first attempt.
#[tokio::test(start_paused = true)]
async fn no_two_projects_cut_the_same_range() {
    let projects = 16;
    let lab = TestCloud::distant(empty(projects), &policy(projects, &json!({})), LATENCY);
    let (reports, took) = sweep(&lab, projects).await;
    for report in &reports {
        assert_eq!(report.outcome, Outcome::Waiting, "{report:#?}");
        assert!(report.steps.iter().all(|step| step.is_done()), "{report:#?}");
        assert!(calls(report) <= 80, "{} calls: {:#?}", calls(report), report.calls);
    }
    assert!(took <= Duration::from_secs(20), "{took:?}");
    let inserts = lab.cloud.calls().into_iter().filter(|call| call.call == "compute.subnetworks.insert").count();
    let ranges: BTreeMap<String, ()> = documents(&lab, "compute.subnetworks")
        .iter()
        .map(|subnet| (subnet["ipCidrRange"].as_str().unwrap().to_owned(), ()))
        .collect();
    assert_eq!((inserts, ranges.len()), (projects, projects));
}
