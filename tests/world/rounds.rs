//! What a run makes of hands that are quicker, of lists that lag, and of its own limits.

use std::time::Duration;

use egress_reconciler::{
    domain::report::{Outcome, Report, StepOutcome},
    sim::world::World,
};
use serde_json::{Value, json};

use crate::lab::{ENFORCE, REGION, TestCloud, policy, world};

fn lab() -> TestCloud {
    TestCloud::new(world(), &policy(ENFORCE))
}

fn lay(lab: &TestCloud, fault: Value) {
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
}

/// A connector that stands, behind its deny.
async fn settled() -> TestCloud {
    settle(lab()).await
}

async fn settle(lab: TestCloud) -> TestCloud {
    lab.deploy("nightly-export", "conn").await;
    lab.hear(0).await;
    tokio::time::sleep(Duration::from_secs(180)).await;
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    lab
}

fn left_over(report: &Report) -> Vec<(String, String)> {
    let steps = report.steps.iter().filter_map(|step| match &step.outcome {
        StepOutcome::Skipped { why } => Some((format!("{} {}", step.verb.word(), step.step), why.clone())),
        StepOutcome::Done | StepOutcome::Failed { .. } => None,
    });
    steps.collect()
}

/// The rule is gone between the look and the write.
#[tokio::test(start_paused = true)]
async fn what_vanished_is_no_failure() {
    for (method, broken) in [("patch", None), ("delete", Some("{enforcement: allow-only}"))] {
        let lab = settled().await;
        match broken {
            None => {
                let deny = format!(
                    "https://compute.googleapis.com/compute/v1/projects/demo-project/global/firewalls/deny-conn-{REGION}-egress"
                );
                assert_eq!(lab.call("PATCH", &deny, json!({"disabled": true})).await.status(), 200);
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            Some(section) => {
                lab.change_policy(&policy(&format!(
                    "connector: {{subnet_pools: [10.8.0.0/20]}}\nfirewall: {section}\n"
                )))
                .await;
            }
        }
        let call = format!("compute.firewalls.{method}");
        lay(&lab, json!({"method": call, "nth": [1], "kind": "refuse", "status": 404, "reason": "notFound"}));
        let report = lab.run().await;
        assert_eq!(report.outcome, Outcome::Changed, "{method}: {report:#?}");
        assert!(!report.steps.iter().any(|step| matches!(step.outcome, StepOutcome::Failed { .. })), "{method}");
    }
}

/// The list does not show the connector yet that the run has just made.
#[tokio::test(start_paused = true)]
async fn what_this_run_made_is_not_made_again() {
    let lab = lab();
    lay(&lab, json!({"method": "vpcaccess.projects.locations.connectors.list", "nth": [2], "kind": "stale"}));
    lab.deploy("nightly-export", "conn").await;
    let reports = lab.hear(0).await;
    let report = reports.last().unwrap();
    assert_eq!((report.outcome, left_over(report)), (Outcome::Waiting, Vec::new()), "{report:#?}");
    let writes = lab.writes(0);
    assert_eq!(writes.iter().filter(|call| call.ends_with("connectors.create")).count(), 1, "{writes:?}");
    assert!(report.steps.iter().any(|step| step.step.to_string().starts_with("firewall/deny-") && step.is_done()));
}

/// Another change was first, once or thrice in one run: nothing is left to the next.
#[tokio::test(start_paused = true)]
async fn a_round_lost_to_another_change_is_not_counted() {
    let exists = |nth: &[u32]| json!({"method": "compute.firewalls.insert", "nth": nth, "kind": "refuse", "status": 409, "reason": "alreadyExists"});
    let taken = |nth: &[u32]| {
        json!({"method": "compute.subnetworks.insert", "nth": nth, "kind": "refuse", "status": 400, "reason": "invalid",
            "message": "Invalid IPCidrRange: 10.8.0.0/28 conflicts with existing subnetwork 'x'"})
    };
    for (fault, lost) in [(exists(&[1]), 1), (taken(&[1]), 1), (taken(&[1, 2, 3]), 3)] {
        let lab = lab();
        lay(&lab, fault.clone());
        lab.deploy("nightly-export", "conn").await;
        let reports = lab.hear(0).await;
        let report = reports.last().unwrap();
        assert_eq!(left_over(report).iter().filter(|(_, why)| why.starts_with("another")).count(), lost, "{fault}");
        assert_eq!(report.outcome, Outcome::Waiting, "{fault}: {report:#?}");
        assert!(!left_over(report).iter().any(|(_, why)| why.contains("no round")), "{fault}: {report:#?}");
        assert!(
            report.steps.iter().any(|step| step.step.to_string().starts_with("firewall/deny-") && step.is_done()),
            "{fault}"
        );
        let rest = lab.run().await;
        assert!(rest.steps.is_empty(), "{fault}: {rest:#?}");
    }
}

/// Somebody is always first.
#[tokio::test(start_paused = true)]
async fn what_the_last_round_leaves_over_is_told() {
    let lab = lab();
    lay(
        &lab,
        json!({"method": "compute.firewalls.insert", "nth": (1..60).collect::<Vec<_>>(), "kind": "refuse", "status": 409, "reason": "alreadyExists"}),
    );
    lab.deploy("nightly-export", "conn").await;
    let reports = lab.hear(0).await;
    let report = reports.last().unwrap();
    assert_eq!(report.rounds, 6);
    let (_, why) = left_over(report).pop().expect("rules are left over");
    assert!(why.contains("no round was left"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn what_a_stopping_process_leaves_over_is_told() {
    let lab = lab();
    lab.deploy("nightly-export", "conn").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    lab.app.engine.stop.cancel();
    let signals = lab.signals(0);
    assert!(!signals.is_empty());
    for signal in signals {
        let reports = lab.app.expander.submit(signal).await.unwrap();
        let left = left_over(&reports[0]);
        assert!(!left.is_empty() && left.iter().all(|(_, why)| why.contains("stopping")), "{left:?}");
        assert_eq!(reports[0].outcome, Outcome::Drift);
    }
    assert_eq!(lab.writes(0), Vec::<String>::new());
}

/// One rule that somebody disabled: the lists of a look, the write, the wait for it, and the one list that the write changed.
/// Where functions and App Engine are off, which is remembered, a look is ten lists; else it is twelve.
#[tokio::test(start_paused = true)]
async fn a_repaired_rule_takes_thirteen_calls() {
    let without = |world: World, api: &str| world.without_api("demo-project", api);
    let off = without(without(world(), "cloudfunctions.googleapis.com"), "appengine.googleapis.com");
    for (world, look) in [(off, 10), (world(), 12)] {
        let lab = settle(TestCloud::new(world, &policy(ENFORCE))).await;
        let rule = format!(
            "https://compute.googleapis.com/compute/v1/projects/demo-project/global/firewalls/allow-conn-{REGION}-egress"
        );
        assert_eq!(lab.call("PATCH", &rule, json!({"disabled": true})).await.status(), 200);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let from = lab.cloud.calls().len();
        let report = lab.run().await;
        assert_eq!((report.outcome, report.done_steps()), (Outcome::Changed, 1), "{report:#?}");
        let calls: Vec<String> = lab.cloud.calls().into_iter().skip(from).map(|call| call.call).collect();
        let last = ["compute.firewalls.patch", "compute.globalOperations.wait", "compute.firewalls.list"];
        assert_eq!((calls.len(), &calls[look..]), (look + 3, &last.map(str::to_owned)[..]), "{calls:#?}");
        assert_eq!(report.calls.values().sum::<u32>() as usize, look + 3, "{:?}", report.calls);
    }
}
