//! A refused deploy whose connector cannot be made just then: it is not forgotten.

use std::{sync::Arc, time::Duration};

use egress_reconciler::{
    domain::{
        plan::Note,
        report::{Outcome, Report},
    },
    reconcile::queue::RunRequest,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::lab::{ENFORCE, PROJECT, REGION, TestCloud, policy, world};

const CREATE: &str = "vpcaccess.projects.locations.connectors.create";
const LIST: &str = "vpcaccess.projects.locations.connectors.list";

fn lab() -> TestCloud {
    TestCloud::new(world(), &policy(ENFORCE))
}

fn lay(lab: &TestCloud, fault: Value) {
    lab.cloud.inject(serde_json::from_value(fault).unwrap());
}

async fn sweep(lab: &TestCloud) -> Arc<Report> {
    lab.app.queue.submit(RunRequest { sweep: true, ..RunRequest::new(lab.target()) }).await
}

fn held(report: &Report) -> Vec<&Note> {
    report.findings.iter().filter(|note| note.code.word() == "held-wish").collect()
}

fn made(lab: &TestCloud) -> usize {
    let calls = lab.cloud.calls();
    calls.iter().filter(|call| call.call == CREATE && call.status == 200).count()
}

/// The workload's own entry of a later deploy, or of its deletion.
async fn call_job(lab: &TestCloud, method: &str, job: &str, body: Value) -> u16 {
    let base = format!("https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs");
    let url = if method == "POST" { format!("{base}?jobId={job}") } else { format!("{base}/{job}") };
    lab.call(method, &url, body).await.status().as_u16()
}

fn plain_job() -> Value {
    json!({"template": {"template": {"containers": [{"image": "i"}]}}})
}

/// Whatever keeps the connector from being made at first: a later sweep makes it.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_now_is_made_by_a_later_sweep() {
    let once = |method: &str, status: u16, reason: &str| json!({"method": method, "kind": "refuse", "status": status, "reason": reason, "nth": [1]});
    for fault in [
        once(CREATE, 403, "forbidden"),
        once(CREATE, 400, "FAILED_PRECONDITION"),
        once("compute.subnetworks.insert", 403, "quotaExceeded"),
        json!({"method": LIST, "kind": "refuse", "status": 403, "reason": "forbidden", "nth": "all"}),
        json!({"method": "compute.subnetworks.list", "kind": "refuse", "status": 403, "reason": "forbidden", "nth": "all"}),
    ] {
        let lab = lab();
        let id = fault.clone();
        lay(&lab, fault);
        assert_eq!(lab.deploy("nightly", "conn").await.status(), 400);
        let report = lab.hear(0).await.pop().unwrap();
        assert_eq!((report.outcome, made(&lab)), (Outcome::Blocked, 0), "{id}: {report:#?}");
        let note = held(&report).pop().unwrap_or_else(|| panic!("{id}: {report:#?}"));
        assert_eq!(note.object, "connector/conn");
        assert!(note.text.contains("job nightly"), "{}", note.text);
        clear(&lab);
        sleep(Duration::from_secs(600)).await;
        let report = sweep(&lab).await;
        assert_eq!(made(&lab), 1, "{id}: {report:#?}");
        assert_eq!(held(&report).len(), 0, "{id}: {report:#?}");
        sleep(Duration::from_secs(300)).await;
        assert_eq!(sweep(&lab).await.outcome, Outcome::InSync, "{id}");
    }
}

/// Takes every fault away.
fn clear(lab: &TestCloud) {
    lab.cloud.clear_faults();
}

/// A list that still shows the connector that was deleted before the deploy.
#[tokio::test(start_paused = true)]
async fn a_stale_list_does_not_end_a_wish() {
    let lab = lab();
    lab.deploy("first", "conn").await;
    lab.hear(0).await;
    sleep(Duration::from_secs(180)).await;
    let heard = lab.cloud.audit_entries().len();
    let url = format!("https://vpcaccess.googleapis.com/v1/projects/{PROJECT}/locations/{REGION}/connectors/conn");
    assert_eq!(lab.call("DELETE", &url, Value::Null).await.status(), 200);
    sleep(Duration::from_secs(180)).await;
    // Nothing else asks for it: its subnet is old, and its deletion was somebody's wish.
    lab.cloud.advance(Duration::from_secs(25 * 3600));
    let skip = lab.cloud.audit_entries().len();
    assert!(skip > heard);
    assert_eq!(sweep(&lab).await.outcome, Outcome::InSync);
    assert_eq!(lab.deploy("second", "conn").await.status(), 400);
    lay(&lab, json!({"method": LIST, "kind": "stale", "nth": [1]}));
    let report = lab.hear(skip).await.pop().unwrap();
    assert_eq!(made(&lab), 1, "the list shows it: {report:#?}");
    sleep(Duration::from_secs(600)).await;
    sweep(&lab).await;
    assert_eq!(made(&lab), 2);
}

#[tokio::test(start_paused = true)]
async fn the_daily_limit_puts_a_wish_off() {
    let lab = TestCloud::new(
        world(),
        &policy("connector: {subnet_pools: [10.8.0.0/20], new_per_day: 1}\nfirewall: {enforcement: enforce}\n"),
    );
    lab.deploy("first", "one").await;
    lab.hear(0).await;
    sleep(Duration::from_secs(3600)).await;
    let heard = lab.cloud.audit_entries().len();
    lab.deploy("second", "two").await;
    let report = lab.hear(heard).await.pop().unwrap();
    assert_eq!((report.outcome, held(&report).len(), made(&lab)), (Outcome::Blocked, 1, 1));
    for hours in 2..=24 {
        let report = sweep(&lab).await;
        assert_eq!((report.outcome, held(&report).len()), (Outcome::Blocked, 1), "{hours}: {report:#?}");
        lab.cloud.advance(Duration::from_secs(3600));
    }
    sweep(&lab).await;
    assert_eq!(made(&lab), 2);
}

/// Until its workload is deployed or deleted, and for a day at most.
#[tokio::test(start_paused = true)]
async fn a_wish_ends_with_its_workload() {
    #[derive(Debug, Clone, Copy)]
    enum End {
        Deployed,
        DeployedUnheard,
        Deleted,
        DeletedUnheard,
        ADayLater,
    }
    for end in [End::Deployed, End::DeployedUnheard, End::Deleted, End::DeletedUnheard, End::ADayLater] {
        let lab = lab();
        let exists = matches!(end, End::Deleted | End::DeletedUnheard);
        if exists {
            assert_eq!(call_job(&lab, "POST", "nightly", plain_job()).await, 200);
            sleep(Duration::from_secs(5)).await;
        }
        let heard = lab.cloud.audit_entries().len();
        // With a subnet of its own it would be known for a day whatever becomes of the wish.
        let subnets = "compute.subnetworks.insert";
        lay(&lab, json!({"method": subnets, "kind": "refuse", "status": 403, "reason": "quotaExceeded", "nth": "all"}));
        let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/conn");
        let mut wanting = plain_job();
        wanting["template"]["template"]["vpcAccess"] = json!({"connector": connector, "egress": "ALL_TRAFFIC"});
        let method = if exists { "PATCH" } else { "POST" };
        assert_eq!(call_job(&lab, method, "nightly", wanting.clone()).await, 400);
        let report = lab.hear(heard).await.pop().unwrap();
        assert_eq!(held(&report).len(), 1, "{end:?}: {report:#?}");
        clear(&lab);
        let entries = lab.cloud.audit_entries().len();
        match end {
            End::Deployed | End::DeployedUnheard => {
                // Otherwise than it was refused.
                assert_eq!(call_job(&lab, "POST", "nightly", plain_job()).await, 200);
            }
            End::Deleted | End::DeletedUnheard => {
                assert_eq!(call_job(&lab, "DELETE", "nightly", Value::Null).await, 200)
            }
            End::ADayLater => lab.cloud.advance(Duration::from_secs(24 * 3600 + 60)),
        }
        sleep(Duration::from_secs(5)).await;
        match end {
            End::Deployed | End::Deleted => drop(lab.hear(entries).await),
            End::DeployedUnheard | End::DeletedUnheard | End::ADayLater => {}
        }
        let report = sweep(&lab).await;
        assert_eq!((held(&report).len(), made(&lab)), (0, 0), "{end:?}: {report:#?}");
        // The old entry comes again.
        let again = lab.signals(heard).into_iter().find(|signal| signal.wanted.is_some()).unwrap();
        if matches!(end, End::Deployed | End::Deleted) {
            lab.app.expander.submit(again).await.unwrap();
            assert_eq!(made(&lab), 0, "{end:?}: brought back by an old entry");
        }
    }
}

/// Where the mode lets nothing be made, a wish is named and never made, though the mode changes.
#[tokio::test(start_paused = true)]
async fn what_was_refused_under_report_or_off_is_named_and_never_made() {
    for mode in ["report", "off"] {
        let text = policy(ENFORCE).replace("mode: enforce", &format!("mode: {mode}"));
        let lab = TestCloud::new(world(), &text);
        assert_eq!(lab.deploy("nightly", "conn").await.status(), 400);
        let report = lab.hear(0).await.pop().unwrap();
        assert_eq!(held(&report).len(), 1, "{mode}: {report:#?}");
        lab.change_policy(&policy(ENFORCE)).await;
        for _ in 0..3 {
            let report = sweep(&lab).await;
            let note = held(&report).pop().unwrap();
            assert!(note.text.contains(&format!("`mode: {mode}`")), "{}", note.text);
            lab.cloud.advance(Duration::from_secs(600));
        }
        assert_eq!(made(&lab), 0);
        // A deploy of today is another statement.
        let heard = lab.cloud.audit_entries().len();
        assert_eq!(lab.deploy("nightly", "conn").await.status(), 400);
        lab.hear(heard).await;
        assert_eq!(made(&lab), 1, "{mode}");
    }
}

/// A workload that was refused for one connector and then for another wants the later one, in whatever order the entries
/// came into one run.
#[tokio::test(start_paused = true)]
async fn of_two_refusals_of_one_workload_the_later_counts() {
    for reversed in [false, true] {
        let lab = lab();
        assert_eq!(lab.deploy("nightly", "conn").await.status(), 400);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(lab.deploy("nightly", "conn-b").await.status(), 400);
        sleep(Duration::from_secs(5)).await;
        let mut signals: Vec<_> = lab.signals(0).into_iter().filter(|signal| signal.wanted.is_some()).collect();
        assert_eq!(signals.len(), 2);
        if reversed {
            signals.reverse();
        }
        let request = RunRequest {
            wanted: signals.iter().filter_map(|signal| signal.wanted.clone()).collect(),
            triggers: signals.iter().map(|signal| signal.trigger.clone()).collect(),
            ..RunRequest::new(lab.target())
        };
        let report = lab.app.queue.submit(request).await;
        let steps: Vec<_> = report.steps.iter().map(|step| step.step.to_string()).collect();
        let connectors: Vec<_> = steps.iter().filter(|step| step.starts_with("connector/")).collect();
        assert_eq!(connectors, ["connector/conn-b"], "reversed: {reversed}, {report:#?}");
    }
}

/// A deploy that Cloud Run refuses in words of no meaning to us still says that somebody is about to use the connector.
#[tokio::test(start_paused = true)]
async fn a_connector_that_a_refused_deploy_names_is_not_offered_for_removal() {
    let lab = lab();
    lab.deploy("first", "conn").await;
    lab.hear(0).await;
    sleep(Duration::from_secs(180)).await;
    lab.cloud.advance(Duration::from_secs(25 * 3600));
    let idle = |report: &Report| {
        let found = report.findings.iter().find(|note| note.code.word() == "idle");
        found.unwrap_or_else(|| panic!("{report:#?}")).text.clone()
    };
    assert!(idle(&*sweep(&lab).await).contains("connectors delete"));

    let mut entry = lab.cloud.audit_entries().remove(0);
    entry["insertId"] = "refused".into();
    let payload = &mut entry["protoPayload"];
    payload["resourceName"] = format!("projects/{PROJECT}/locations/{REGION}/jobs/nightly").into();
    payload["status"]["message"] = "The network is not ready.".into();
    let mut last = entry.clone();
    last["insertId"] = "last".into();
    last["operation"] = json!({"id": "o", "last": true});
    last["protoPayload"]["request"] = json!({"@type": "type.googleapis.com/google.cloud.run.v2.CreateJobRequest"});
    for (mut entry, says) in [(entry, "names it"), (last, "may name it")] {
        lab.cloud.advance(Duration::from_secs(1));
        entry["timestamp"] = lab.cloud.now().to_string().into();
        let report = lab.hear_entry(&entry).await.pop().unwrap();
        let told = |report: &Report| {
            let text = idle(report);
            assert!(!text.contains("delete") && text.contains("deploy of job nightly"), "{text}");
            assert!(text.contains(says) && text.contains("Google said: The network is not ready."), "{text}");
        };
        told(&report);
        told(&*sweep(&lab).await);
    }
    assert_eq!(call_job(&lab, "POST", "nightly", plain_job()).await, 200);
    sleep(Duration::from_secs(5)).await;
    assert!(idle(&*sweep(&lab).await).contains("connectors delete"), "a look tells, though nothing was heard");
}

/// A connector whose seven days are up, and that a deploy names at that moment, is not pruned.
#[tokio::test(start_paused = true)]
async fn who_was_refused_just_now_keeps_a_connector() {
    for named in [true, false] {
        let prune = "connector: {subnet_pools: [10.8.0.0/20], prune: 7d}\nfirewall: {enforcement: enforce}\n";
        let off = ["cloudfunctions.googleapis.com", "appengine.googleapis.com"];
        let world = off.iter().fold(world(), |world, api| world.without_api(PROJECT, api));
        let lab = TestCloud::new(world, &policy(prune));
        lab.deploy("first", "conn").await;
        lab.hear(0).await;
        let mut entry = lab.cloud.audit_entries().remove(0);
        sleep(Duration::from_secs(300)).await;
        sweep(&lab).await;
        lab.cloud.advance(Duration::from_secs(8 * 86_400));
        entry["insertId"] = "refused".into();
        entry["timestamp"] = lab.cloud.now().to_string().into();
        entry["protoPayload"]["status"]["message"] = "The network is not ready.".into();
        if named {
            lab.hear_entry(&entry).await;
        }
        sweep(&lab).await;
        let calls = lab.cloud.calls();
        let deleted = calls.iter().any(|call| call.call == "vpcaccess.projects.locations.connectors.delete");
        assert_eq!(deleted, !named);
    }
}

/// Functions and App Engine name their connectors in requests of their own form.
#[tokio::test(start_paused = true)]
async fn a_refused_function_or_version_gets_its_connector() {
    let at = format!("projects/{PROJECT}/locations/{REGION}");
    let conn = format!("{at}/connectors/conn");
    let entry = |service: &str, method: &str, resource: &str, message: String, request: Value| {
        json!({
            "insertId": "i1", "logName": format!("projects/{PROJECT}/logs/cloudaudit.googleapis.com%2Factivity"),
            "timestamp": "2026-11-23T12:00:00Z", "resource": {"type": "x", "labels": {"project_id": PROJECT}},
            "protoPayload": {
                "serviceName": format!("{service}.googleapis.com"), "methodName": method, "resourceName": resource,
                "authenticationInfo": {"principalEmail": "alice@example.com"},
                "authorizationInfo": [{"permission": format!("{service}.create"), "granted": true, "resource": resource}],
                "resourceLocation": {"currentLocations": [REGION]},
                "status": {"code": 3, "message": message}, "request": request,
            },
        })
    };
    let function = json!({"function": {"vpcConnector": conn, "vpcConnectorEgressSettings": "ALL_TRAFFIC"}});
    let version = json!({"version": {"vpcAccessConnector": {"name": conn, "egressSetting": "ALL_TRAFFIC"}}});
    let cases = [
        entry(
            "cloudfunctions",
            "google.cloud.functions.v1.CloudFunctionsService.CreateFunction",
            &format!("{at}/functions/resize"),
            format!("VPC connector {conn} is not ready yet or does not exist."),
            function,
        ),
        entry(
            "appengine",
            "google.appengine.v1.Versions.CreateVersion",
            &format!("apps/{PROJECT}/services/default/versions/v1"),
            format!("Connector '{conn}' was not found."),
            version,
        ),
    ];
    for entry in cases {
        let lab = lab();
        let report = lab.hear_entry(&entry).await.pop().unwrap();
        assert_eq!(made(&lab), 1, "{entry}: {report:#?}");
    }
}

/// A person's wish is held to what the policy lets a deploy's do, and leaves no note of a refused deploy.
#[tokio::test(start_paused = true)]
async fn a_wish_by_the_command_line_obeys_the_policy() {
    use egress_reconciler::domain::{audit::wanted::WantedConnector, state::egress::Egress};
    let names = "connector: {subnet_pools: [10.8.0.0/20], names: [\"team-*\"]}\n";
    let cases = [
        (policy(ENFORCE), Outcome::Waiting, 1, None),
        (policy(ENFORCE).replace("mode: enforce", "mode: report"), Outcome::Drift, 0, Some("mode")),
        (policy(ENFORCE).replace("mode: enforce", "mode: off"), Outcome::InSync, 0, None),
        (policy(&format!("{ENFORCE}budget: {{changes_per_run: 1}}\n")), Outcome::Drift, 0, Some("budget")),
        (policy(names), Outcome::Blocked, 0, Some("name-not-allowed")),
        (policy("connector: {subnet_pools: [10.8.0.0/20], ensure: never}\n"), Outcome::Blocked, 0, Some("not-ensured")),
    ];
    for (text, outcome, count, why) in cases {
        let lab = TestCloud::new(world(), &text);
        let connector = format!("projects/{PROJECT}/locations/{REGION}/connectors/conn").try_into().unwrap();
        let wanted = WantedConnector { connector, egress: Egress::AllTraffic, workload: None };
        let request = RunRequest::of_targets(vec![lab.target()], Some(&wanted)).pop().unwrap();
        let report = lab.app.queue.submit(request).await;
        assert_eq!((report.outcome, made(&lab)), (outcome, count), "{text}: {report:#?}");
        assert_eq!(held(&report).len(), 0, "{text}");
        let held_back = report.withheld.iter().map(|held| format!("{:?}", held.why).to_lowercase());
        let mut told = held_back.chain(report.blocked_by.iter().map(|note| note.code.word().to_owned()));
        assert!(why.is_none_or(|why| told.any(|word| word == why)), "{text}: {report:#?}");
    }
}
