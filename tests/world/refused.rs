//! Writes that a person must make possible are tried at doubling intervals, and sooner when something was changed.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::report::{Outcome, Report},
    reconcile::queue::RunRequest,
};
use serde_json::json;

use crate::lab::{ENFORCE, Lab, PROJECT, REGION, policy, signal, world};

/// A job names a connector that does not exist.
fn lab() -> Lab {
    let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/conn");
    let access = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
    let job = json!({"template": {"template": {"containers": [{"image": "i"}], "vpcAccess": access}}});
    let path = format!("projects/{PROJECT}/locations/{REGION}/jobs/nightly");
    Lab::new(world().document("run.jobs", &path, job), &policy(ENFORCE))
}

async fn sweep(lab: &Lab) -> Arc<Report> {
    lab.app.queue.submit(RunRequest { sweep: true, ..RunRequest::new(lab.target()) }).await
}

fn tries(lab: &Lab, method: &str, name: &str) -> usize {
    let calls = lab.cloud.calls();
    calls.iter().filter(|call| call.call == method && (call.body["name"] == name || call.url.contains(name))).count()
}

#[tokio::test(start_paused = true)]
async fn refused_writes_rest_longer_and_longer() {
    let deny = format!("allow-conn-{REGION}-int");
    for (method, object, status, reason) in [
        ("compute.firewalls.insert", deny.as_str(), 403, "forbidden"),
        ("compute.firewalls.insert", deny.as_str(), 403, "quotaExceeded"),
        ("compute.routers.insert", "egress-my-vpc-europe-west2", 403, "accessNotConfigured"),
        ("vpcaccess.projects.locations.connectors.create", "connectorId=conn", 403, "forbidden"),
    ] {
        let lab = lab();
        let resource = format!("*{}", object.trim_start_matches("connectorId="));
        let fault = json!({"method": method, "resource": resource, "kind": "refuse", "status": status, "reason": reason, "nth": "all"});
        lab.cloud.inject(serde_json::from_value(fault).unwrap());
        for _ in 0..24 * 6 {
            lab.cloud.advance(Duration::from_secs(600));
            let report = sweep(&lab).await;
            assert_eq!(report.outcome, Outcome::Blocked, "{method} {reason}: {report:#?}");
        }
        let tried = tries(&lab, method, object);
        // Nothing that is heard tells of a granted permission, so that one is tried again every hour.
        let most = if reason == "forbidden" { 30 } else { 12 };
        assert!((6..=most).contains(&tried), "{method} {reason}: tried {tried} times in a day");
        // An API was enabled: it may be possible now.
        let mut enabled = signal(&lab.target());
        let trigger = Arc::make_mut(&mut enabled.trigger);
        trigger.method = "google.api.serviceusage.v1.ServiceUsage.EnableService".into();
        trigger.resource = format!("projects/{PROJECT}/services/compute.googleapis.com");
        trigger.told.permits = true;
        lab.app.expander.submit(enabled).await.unwrap();
        assert_eq!(tries(&lab, method, object), tried + 1, "{method} {reason}: after an event");
    }
}

/// A policy that was changed is a new question.
#[tokio::test(start_paused = true)]
async fn a_changed_policy_tries_again() {
    let lab = lab();
    let fault = json!({"method": "compute.routers.insert", "kind": "refuse", "status": 403, "reason": "forbidden", "nth": "all"});
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
    for _ in 0..4 {
        sweep(&lab).await;
    }
    assert_eq!(tries(&lab, "compute.routers.insert", "egress-my-vpc-europe-west2"), 2);
    lab.change_policy(&policy(&format!("{ENFORCE}nat: {{log: all}}\n"))).await;
    sweep(&lab).await;
    assert_eq!(tries(&lab, "compute.routers.insert", "egress-my-vpc-europe-west2"), 3);
}
