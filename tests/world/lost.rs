//! Steps of which no good answer came: what took effect is told as done, in the same run.

use std::sync::Arc;

use egress_reconciler::domain::report::{Outcome, Report, StepOutcome};
use serde_json::{Value, json};

use crate::lab::{ENFORCE, TestCloud, policy, world};

const CREATE: &str = "vpcaccess.projects.locations.connectors.create";

async fn deployed_with(faults: &[Value]) -> (TestCloud, Arc<Report>) {
    let lab = TestCloud::new(world(), &policy(ENFORCE));
    for fault in faults {
        lab.cloud.inject(serde_json::from_value(fault.clone()).unwrap());
    }
    lab.deploy("nightly-export", "conn").await;
    let report = lab.hear(0).await.pop().unwrap();
    (lab, report)
}

fn not_done(report: &Report) -> Vec<String> {
    let steps = report.steps.iter().filter(|step| !step.is_done());
    steps.map(|step| format!("{}: {:?}", step.step, step.outcome)).collect()
}

/// The run made everything that there is to make, and says so.
fn assert_whole(report: &Report, fault: &Value) {
    assert_eq!(report.outcome, Outcome::Waiting, "{fault}: {report:#?}");
    assert!(!report.transient, "{fault}");
    let failed = report.steps.iter().filter(|step| matches!(step.outcome, StepOutcome::Failed { .. }));
    assert_eq!(failed.count(), 0, "{fault}: {:?}", not_done(report));
    for step in ["subnet/", "connector/", "router/", "firewall/allow-", "firewall/deny-"] {
        let is_done = report.steps.iter().any(|done| done.is_done() && done.step.to_string().starts_with(step));
        assert!(is_done, "{fault}: {step} {:?}", not_done(report));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_for_in_the_same_run() {
    let writes = [
        "compute.subnetworks.insert",
        "compute.routers.insert",
        "compute.firewalls.insert",
        "compute.firewalls.patch",
        CREATE,
    ];
    for method in writes {
        for (kind, nth) in [
            ("reset-after", json!([1])),
            ("reset-after", json!("all")),
            ("truncate", json!([1])),
            ("truncate", json!("all")),
            ("lose-operation", json!([1])),
        ] {
            if method == CREATE && kind == "lose-operation" {
                continue;
            }
            let fault = json!({"method": method, "kind": kind, "nth": nth});
            let (lab, report) = deployed_with(std::slice::from_ref(&fault)).await;
            assert_whole(&report, &fault);
            tokio::time::sleep(std::time::Duration::from_secs(200)).await;
            lab.cloud.inject(serde_json::from_value(json!({"method": "none", "kind": "refuse"})).unwrap());
            let writes = lab.writes(0);
            let made = writes.iter().filter(|call| *call == CREATE).count();
            assert_eq!(made, 1, "{fault}: {writes:?}");
        }
    }
}

/// Google answers the question about an operation with a conflict: that says nothing of the write.
#[tokio::test(start_paused = true)]
async fn a_conflict_about_an_operation_is_no_lost_race() {
    for method in ["compute.globalOperations.*", "compute.regionOperations.*"] {
        for (status, reason) in [(409, "alreadyExists"), (409, "resourceInUse"), (412, "conditionNotMet")] {
            for nth in [json!([1]), json!([1, 2, 3]), json!("all")] {
                let fault = json!({"method": method, "kind": "refuse", "status": status, "reason": reason, "nth": nth});
                let (_, report) = deployed_with(std::slice::from_ref(&fault)).await;
                assert_whole(&report, &fault);
                if nth != "all" {
                    assert_eq!(not_done(&report), Vec::<String>::new(), "{fault}");
                }
            }
        }
    }
}

/// What did not take effect has failed for now, and the event comes again.
#[tokio::test(start_paused = true)]
async fn what_did_not_take_effect_comes_again() {
    for kind in ["reset-before", "refuse"] {
        for method in ["compute.firewalls.insert", "compute.subnetworks.insert"] {
            let (lab, report) = deployed_with(&[json!({"method": method, "kind": kind, "nth": "all"})]).await;
            assert_eq!((report.outcome, report.transient), (Outcome::Failed, true), "{method} {kind}: {report:#?}");
            assert!(lab.writes(0).len() < 60, "{:?}", lab.writes(0));
        }
    }
}
