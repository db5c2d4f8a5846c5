//! Connectors that are used from other projects, and Shared VPC hosts.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::{
        names::{ProjectId, Region},
        report::{Outcome, Report},
        target::{Place, Target},
    },
    reconcile::queue::RunRequest,
    sim::world::World,
};
use serde_json::{Value, json};

use crate::lab::{PROJECT, REGION, TestCloud, policy, signal, world};

const HUB: &str = "projects/other-project/locations/europe-west2/connectors/hub";
const ROUTER: &str = "/compute/v1/projects/other-project/regions/europe-west2/routers/egress-my-vpc-europe-west2";

/// A job whose traffic all goes through a connector of another project.
fn shared() -> World {
    let job = format!("projects/{PROJECT}/locations/{REGION}/jobs/nightly");
    let template = json!({"containers": [{"image": "app"}], "vpcAccess": {"connector": HUB, "egress": "ALL_TRAFFIC"}});
    world().project("other-project", "210987654321").network("other-project", "my-vpc").document(
        "run.jobs",
        &job,
        json!({"template": {"template": template}}),
    )
}

fn standing() -> World {
    let connector = json!({
        "subnet": {"name": "by-hand"}, "machineType": "e2-micro", "minInstances": 2, "maxInstances": 3, "state": "READY",
    });
    shared().subnetwork("other-project", REGION, "by-hand", "my-vpc", "10.9.0.0/28").document(
        "vpcaccess.connectors",
        HUB,
        connector,
    )
}

fn both(scope: &str, more: &str) -> String {
    policy(more).replace(&format!("scope: {{projects: [{PROJECT}]"), &format!("scope: {{{scope}"))
}

const PROJECTS: &str = "projects: [demo-project, other-project]";

fn other() -> Target {
    Target { project: ProjectId::parse("other-project").unwrap(), region: Region::parse(REGION).unwrap() }
}

async fn router(lab: &TestCloud) -> u16 {
    lab.call("GET", &format!("https://compute.googleapis.com{ROUTER}"), Value::Null).await.status().as_u16()
}

async fn run_there(lab: &TestCloud) -> Arc<Report> {
    lab.app.queue.submit(RunRequest::new(other())).await
}

/// The connector's own project sees nobody who needs the internet: it is told.
#[tokio::test(start_paused = true)]
async fn a_user_in_another_project_gets_its_way_out() {
    let lab = TestCloud::new(standing(), &both(PROJECTS, "connector: {subnet_pools: [10.8.0.0/20]}\n"));
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(router(&lab).await, 200, "the connector's project was asked");

    let deleted = lab.call("DELETE", &format!("https://compute.googleapis.com{ROUTER}"), Value::Null).await;
    assert_eq!(deleted.status(), 200);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(run_there(&lab).await.outcome, Outcome::Changed, "who uses it is remembered");
    assert_eq!(router(&lab).await, 200);

    let calls = lab.cloud.calls().len();
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let asked =
        lab.cloud.calls().split_off(calls).into_iter().filter(|call| call.url.contains("other-project/")).count();
    assert_eq!(asked, 1, "a look at the connector, and no further run");
}

/// What keeps the connector from being made there is told here, instead of waiting for ever.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_made_there_is_not_waited_for() {
    for (more, why) in [
        ("connector: {subnet_pools: [10.8.0.0/20], names: [\"egress*\"]}\n", "`connector.names` allows egress*"),
        ("connector: {ensure: never}\n", "connector.ensure: never"),
        (
            "connector: {subnet_pools: [10.8.0.0/20]}\noverrides: [{match: {projects: [other-project]}, mode: report}]\n",
            "report",
        ),
    ] {
        let lab = TestCloud::new(shared(), &both(PROJECTS, more));
        assert_eq!(lab.run().await.outcome, Outcome::Waiting, "{more}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let report = lab.run().await;
        assert_eq!((report.outcome, report.waiting_on.len()), (Outcome::Blocked, 0), "{more}: {report:#?}");
        assert!(report.blocked_by[0].text.contains(why), "{}", report.blocked_by[0].text);
    }
}

/// The connector of a host is looked after like any other: an event of the host reaches it.
#[tokio::test(start_paused = true)]
async fn a_hosts_own_events_reach_its_connectors() {
    let scope = "projects: [demo-project], hosts: [other-project]";
    let declared = "[{project: other-project, region: europe-west2, name: hub}]";
    let more = format!("connector: {{subnet_pools: [10.8.0.0/20], declared: {declared}}}\nnat: {{ensure: always}}\n");
    let lab = TestCloud::new(shared(), &both(scope, &more));
    let event = || {
        let mut event = signal(&lab.target());
        event.place = Place::Target(other());
        event
    };
    let reports = lab.app.expander.submit(event()).await.unwrap();
    assert!(reports.iter().any(|report| report.target.as_ref() == Some(&other()) && report.changed()), "{reports:#?}");
    tokio::time::sleep(Duration::from_secs(180)).await;
    let deleted = lab.call("DELETE", &format!("https://compute.googleapis.com{ROUTER}"), Value::Null).await;
    assert_eq!(deleted.status(), 200);
    lab.app.expander.submit(event()).await.unwrap();
    assert_eq!(router(&lab).await, 200);
}
