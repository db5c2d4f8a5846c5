//! Writes that a person must make possible are tried at doubling intervals, and sooner when something was changed.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::report::{Outcome, Report, StepOutcome},
    reconcile::queue::RunRequest,
};
use serde_json::{Value, json};

use crate::lab::{ENFORCE, PROJECT, REGION, TestCloud, policy, signal, world_with_job};

/// A job names a connector that does not exist.
fn lab() -> TestCloud {
    TestCloud::new(world_with_job(), &policy(ENFORCE))
}

async fn sweep(lab: &TestCloud) -> Arc<Report> {
    lab.app.queue.submit(RunRequest { sweep: true, ..RunRequest::new(lab.target()) }).await
}

fn tries(lab: &TestCloud, method: &str, name: &str) -> usize {
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
        assert!((6..=12).contains(&tried), "{method} {reason}: tried {tried} times in a day");
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

/// A change of roles or organization policies, by an entry as Google writes it.
fn grant(log: &str, service: &str, method: &str, resource: &str) -> Value {
    json!({
        "logName": format!("{log}/logs/cloudaudit.googleapis.com%2Factivity"),
        "insertId": "grant",
        "timestamp": "2026-11-23T12:30:00Z",
        "resource": {"type": "project", "labels": {}},
        "protoPayload": {
            "serviceName": format!("{service}.googleapis.com"),
            "methodName": method,
            "resourceName": resource,
            "authenticationInfo": {"principalEmail": "admin@example.com"},
            "status": {},
        },
    })
}

/// What was refused is tried again when rights change, wherever that is logged; where nothing was refused, nothing is asked.
#[tokio::test(start_paused = true)]
async fn a_change_of_rights_ends_the_wait() {
    const INSERT: &str = "compute.routers.insert";
    let project = format!("projects/{PROJECT}");
    let org_policy = "google.cloud.orgpolicy.v2.OrgPolicy.UpdatePolicy";
    for entry in [
        grant(&project, "cloudresourcemanager", "SetIamPolicy", &project),
        grant("folders/12", "cloudresourcemanager", "SetIamPolicy", "folders/12"),
        grant("organizations/34", "orgpolicy", org_policy, "organizations/34/policies/compute.restrictCloudNATUsage"),
        grant(&project, "iam", "google.iam.admin.v1.UpdateRole", &format!("{project}/roles/egressReconciler")),
    ] {
        let lab = lab();
        let before = lab.cloud.calls().len();
        assert_eq!(lab.hear_entry(&entry).await.len(), 0, "{entry}");
        assert_eq!(lab.cloud.calls().len(), before, "{entry}");
        let fault = json!({"method": INSERT, "kind": "refuse", "status": 403, "reason": "forbidden", "nth": "all"});
        lab.cloud.inject(serde_json::from_value(fault).unwrap());
        for _ in 0..3 {
            assert_eq!(sweep(&lab).await.outcome, Outcome::Blocked, "{entry}");
        }
        let tried = tries(&lab, INSERT, "egress-my-vpc-europe-west2");
        sweep(&lab).await;
        assert_eq!(tries(&lab, INSERT, "egress-my-vpc-europe-west2"), tried, "{entry}: it rests");
        lab.cloud.clear_faults();
        let reports = lab.hear_entry(&entry).await;
        let steps: Vec<_> = reports.iter().flat_map(|report| &report.steps).map(|step| step.step.to_string()).collect();
        assert_eq!(steps, ["router/egress-my-vpc-europe-west2"], "{entry}");
    }
}

/// An API that is not enabled is not asked at every run, but before anything is denied or removed.
#[tokio::test(start_paused = true)]
async fn an_api_that_was_off_is_asked_again_before_anything_is_stopped() {
    let off = ["cloudfunctions.googleapis.com", "appengine.googleapis.com"];
    let world = off.iter().fold(world_with_job(), |world, api| world.without_api(PROJECT, api));
    let enforce = policy(&ENFORCE.replace("20]}", "20], prune: 7d}"));
    let lab = TestCloud::new(world, &enforce.replace("enforce,", "allow-only,"));
    let position = |wanted: &str, what: &str| {
        let calls = lab.cloud.calls();
        calls.iter().position(|call| call.call == wanted && call.body.to_string().contains(what))
    };
    let asked = |until: Option<usize>| {
        let calls = lab.cloud.calls();
        let until = calls.into_iter().take(until.unwrap());
        until.filter(|call| call.call.starts_with("cloudfunctions.")).count()
    };
    let now = || Some(lab.cloud.calls().len());
    lab.run().await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    lab.run().await;
    let before = asked(now());
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    assert_eq!(asked(now()), before, "nothing is stopped because of it");
    lab.change_policy(&enforce).await;
    lab.run().await;
    assert!(asked(position("compute.firewalls.insert", "deny-conn")) > before, "anew for the deny");
    let before = asked(now());
    assert_eq!(lab.run().await.outcome, Outcome::InSync);
    let job = format!("https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs/nightly");
    assert_eq!(lab.call("DELETE", &job, Value::Null).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(sweep(&lab).await.outcome, Outcome::Changed, "the infra rule says since when");
    assert_eq!(asked(now()), before, "nothing is stopped because of it");
    lab.cloud.advance(Duration::from_secs(8 * 86_400));
    sweep(&lab).await;
    let deleted =
        lab.cloud.calls().iter().position(|call| call.call == "vpcaccess.projects.locations.connectors.delete");
    assert!(asked(deleted) > before, "anew for the deletion");
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

/// Where the role for deletions is missing, a watch rule does not stay above the deny: it is disabled, and the report says so
/// beside the permission that is missing.
#[tokio::test(start_paused = true)]
async fn a_watch_rule_that_may_not_be_deleted_is_disabled() {
    let lab =
        TestCloud::new(world_with_job(), &policy(&ENFORCE.replace("enforcement: enforce", "enforcement: observe")));
    for _ in 0..3 {
        lab.run().await;
        tokio::time::sleep(Duration::from_secs(150)).await;
    }
    let watch = async || -> Value {
        let url = format!("https://compute.googleapis.com/compute/v1/projects/{PROJECT}/global/firewalls");
        let rules: Value = serde_json::from_slice(&lab.call("GET", &url, Value::Null).await.into_body()).unwrap();
        let rules = rules["items"].as_array().unwrap().clone();
        rules.into_iter().find(|rule| rule["name"].as_str().unwrap().starts_with("watch-")).unwrap()
    };
    assert_eq!(watch().await["disabled"], false);
    let denied = json!({
        "method": "compute.firewalls.delete", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden",
    });
    lab.cloud.inject(serde_json::from_value(denied).unwrap());
    lab.change_policy(&policy(ENFORCE)).await;
    let mut reports = Vec::new();
    for _ in 0..3 {
        reports.push(lab.run().await);
        tokio::time::sleep(Duration::from_secs(150)).await;
    }
    assert_eq!(watch().await["disabled"], true);
    let last = reports.last().unwrap();
    assert_eq!(last.egress[0].state.word(), "scoped", "{last:#?}");
    assert_eq!(last.outcome, Outcome::Blocked, "{last:#?}");
    let told = reports.iter().flat_map(|report| &report.steps).any(|step| {
        matches!(&step.outcome, StepOutcome::Failed { error, .. } if error.ends_with("; it was disabled instead"))
    });
    assert!(told, "{reports:#?}");
}
