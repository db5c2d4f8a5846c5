//! Connectors that nothing uses: a person who looks is shown them, and a run is as it was.

use egress_reconciler::{
    domain::{plan::Note, report::Report},
    reconcile::queue::RunRequest,
    sim::world::World,
};
use serde_json::json;

use crate::lab::{PROJECT, REGION, TestCloud, policy, world};

const LOOKS: &str = "connector: {subnet_pools: [10.8.0.0/20]}\n";

/// Thirty connectors of others, of which jobs use all but seven.
fn thirty() -> World {
    let at = format!("projects/{PROJECT}/locations/{REGION}");
    (0..30).fold(world(), |world, number| {
        let name = format!("team-{number:02}");
        let path = format!("{at}/connectors/{name}");
        let connector = json!({
            "name": path, "state": "READY", "network": "my-vpc", "ipCidrRange": format!("10.9.{number}.0/28"),
            "minInstances": 2, "maxInstances": 3, "machineType": "e2-micro", "connectedProjects": [PROJECT],
        });
        let world = world.document("vpcaccess.connectors", &path, connector);
        if number % 4 == 0 && number < 28 {
            return world;
        }
        let access = json!({"connector": path, "egress": "PRIVATE_RANGES_ONLY"});
        let job = json!({"template": {"template": {"containers": [{"image": "i"}], "vpcAccess": access}}});
        world.document("run.jobs", &format!("{at}/jobs/job-{number:02}"), job)
    })
}

fn told(report: &Report) -> Vec<&Note> {
    report.findings.iter().filter(|note| note.code.word() == "unreferenced").collect()
}

async fn look(lab: &TestCloud) -> Report {
    lab.app.engine.dry_run(RunRequest::new(lab.target())).await.report
}

#[tokio::test(start_paused = true)]
async fn seven_of_thirty_connectors() {
    let lab = TestCloud::new(thirty(), &policy(LOOKS).replace("mode: enforce", "mode: report"));
    let plan = look(&lab).await;
    assert_eq!(plan.egress.len(), 23);
    let [note] = told(&plan)[..] else { panic!("{plan:#?}") };
    let names = "team-00, team-04, team-08, team-12, team-16, team-20, team-24; without a user no firewall rules are written, even if `firewall.adopt` names the connector";
    assert_eq!(note.object, "region/europe-west2");
    assert_eq!(note.text, format!("7 connectors are used by no workload that demo-project shows: {names}"));
    // What a run asks and says is the same as without it.
    let run = lab.run().await;
    assert_eq!((told(&run).len(), &run.calls), (0, &plan.calls));
    assert_eq!(run.outcome, plan.outcome);
}

/// Who may use them all the same is said: another project, or what could not be read.
#[tokio::test(start_paused = true)]
async fn what_may_use_them_all_the_same() {
    let path = format!("projects/{PROJECT}/locations/{REGION}/connectors/hub");
    let hub = json!({
        "name": path, "state": "READY", "network": "my-vpc", "ipCidrRange": "10.9.0.0/28", "minInstances": 2,
        "maxInstances": 3, "machineType": "e2-micro", "connectedProjects": [PROJECT, "team-b-project"],
    });
    let world = world().project("team-b-project", "222222222222").document("vpcaccess.connectors", &path, hub);
    let both = policy(LOOKS).replace(&format!("[{PROJECT}]"), &format!("[{PROJECT}, team-b-project]"));
    let lab = TestCloud::new(world, &both);
    let plan = look(&lab).await;
    let text = "1 connector is used by no workload that demo-project shows: hub (connected: team-b-project); without a user no firewall rules are written, even if `firewall.adopt` names the connector";
    assert_eq!(told(&plan)[0].text, text);
    let fault = json!({"method": "run.projects.locations.jobs.list", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"});
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    let plan = look(&lab).await;
    assert!(told(&plan)[0].text.contains("shows, though not every workload could be read: hub"), "{plan:#?}");
}
