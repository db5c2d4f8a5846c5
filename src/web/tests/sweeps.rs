use super::*;
use crate::reconcile::expand::MAX_CONCURRENT_RUNS;

#[tokio::test(start_paused = true)]
async fn bad_bodies_are_told_by_field() {
    let cases = [
        ("[]", "body: found [], expected a JSON object"),
        ("{", "body: found EOF while parsing an object"),
        (r#"{"project":["demo-project"]}"#, r#"body: found the key "project", expected projects, regions or dry_run"#),
        (r#"{"projects":"demo-project"}"#, r#"projects: found "demo-project", expected a list of names"#),
        (r#"{"projects":null}"#, "projects: found null, expected a list of names"),
        (r#"{"projects":["demo-project",7]}"#, "projects[1]: found 7, expected a name"),
        (r#"{"projects":["X"]}"#, r#"projects[0]: found "X", expected a project id"#),
        (
            r#"{"projects":["other-project"]}"#,
            r#"projects[0]: found "other-project", expected one of the policy's scope"#,
        ),
        (r#"{"regions":["us-central1"]}"#, r#"regions[0]: found "us-central1", expected one of the policy's scope"#),
        (r#"{"regions":["../x"]}"#, r#"regions[0]: found "../x", expected a region"#),
        (r#"{"dry_run":"true"}"#, r#"dry_run: found "true", expected true or false"#),
    ];
    let service = TestService::new();
    for (body, expected) in cases {
        let answer = service.post("/sweep", body).await;
        assert_eq!(answer.status, 400, "{body}");
        let message = answer.json()["error"]["message"].clone();
        assert!(message.as_str().unwrap().starts_with(expected), "{body}: {message}");
    }
    assert_eq!(service.cloud.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_cloud_run_lacks_is_not_skipped_in_silence() {
    let policy = POLICY.replace("[europe-west1]", "all");
    let service = TestService::with(&policy, ServerConfig { auth: Auth::Off, max_concurrent: 10 });
    let answer = service.post("/sweep", r#"{"regions":["europe-west1","mars-west1"],"dry_run":true}"#).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains("regions[1]"), "{}", answer.body);
    let answer = service.post("/sweep", r#"{"dry_run":true}"#).await;
    assert_eq!((answer.status, answer.json()["reports"].as_array().map(Vec::len)), (200, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn all_is_swept_for_the_scheduler() {
    let service = TestService::new();
    let request = Request::post("/sweep").header("content-type", "application/octet-stream");
    let answer = service.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let reports = answer.json()["reports"].clone();
    assert_eq!(reports[0]["target"], json!({"project": "demo-project", "region": "europe-west1"}));
    assert_eq!((&reports[0]["dryRun"], &reports[1]), (&json!(false), &Value::Null));
    assert!(service.calls_since(0).1 > 0);
}

#[tokio::test(start_paused = true)]
async fn a_dry_sweep_writes_nothing() {
    let service = TestService::new();
    let answer = service.post("/sweep", r#"{"projects":["demo-project"],"regions":[],"dry_run":true}"#).await;
    let report = &answer.json()["reports"][0];
    assert_eq!((answer.status, &report["outcome"]), (200, &json!("drift")));
    assert_eq!(report["steps"][0]["outcome"], json!({"state": "skipped", "why": "dry-run"}));
    assert_eq!(service.calls_since(0).1, 0);
}

#[tokio::test(start_paused = true)]
async fn one_failure_makes_it_207() {
    let service = TestService::new();
    service.lay(json!({"method": "compute.routers.list", "nth": "all", "kind": "refuse", "status": 503}));
    let answer = service.post("/sweep", "").await;
    assert_eq!((answer.status, &answer.json()["reports"][0]["outcome"]), (207, &json!("failed")));

    let service = TestService::with(
        &POLICY.replace("[europe-west1]", "all"),
        ServerConfig { auth: Auth::Off, max_concurrent: 10 },
    );
    service.lay(json!({"method": "run.projects.locations.list", "nth": "all", "kind": "refuse", "status": 403}));
    let answer = service.post("/sweep", "").await;
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["project"]),
        (207, &json!("demo-project")),
        "{}",
        answer.body
    );
}

#[tokio::test(start_paused = true)]
async fn lines_come_as_things_happen() {
    let service = TestService::new();
    let request = Request::post("/sweep").header("accept", "application/x-ndjson, */*;q=0.1");
    let answer = service.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, &answer.headers["content-type"]), (200, &"application/x-ndjson".parse().unwrap()));
    let lines: Vec<Value> = answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(kinds, ["started", "step", "report", "done"]);
    let step = lines.iter().find(|line| line["type"] == "step").unwrap();
    assert_eq!(
        (&step["target"]["region"], &step["step"]["outcome"]["state"]),
        (&json!("europe-west1"), &json!("done"))
    );
    let last = lines.last().unwrap();
    assert_eq!((&last["reports"], &last["failed"], &last["unfinished"]), (&json!(1), &json!(0), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn the_state_shows_networks_and_no_secrets() {
    let service = TestService::new();
    let answer = service.get("/state?project=demo-project&region=europe-west1").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let state = answer.json();
    assert_eq!((&state["report"]["dryRun"], &state["report"]["outcome"]), (&json!(true), &json!("drift")));
    let job = &state["observed"]["jobs"][0];
    assert_eq!((&job["name"], &job["egress"]), (&json!("nightly"), &json!("all-traffic")), "{job}");
    assert!(!answer.body.contains("s3cret") && !answer.body.contains("PASSWORD"), "{}", answer.body);
    assert_eq!(service.calls_since(0).1, 0);
    assert!(service.topic.reports().is_empty());

    service.lay(
        json!({"method": "compute.routes.list", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"}),
    );
    let answer = service.get("/state?project=demo-project&region=europe-west1").await;
    assert_eq!((answer.status, &answer.json()["report"]["outcome"]), (200, &json!("blocked")));
    assert_eq!(answer.json()["observed"]["routes"]["unread"]["call"], "compute.routes.list");
}

const SHARED: &str = "
version: 1
owner: tests-0001
mode: enforce
scope: {projects: [demo-project], hosts: [host-project], regions: [europe-west1]}
network: {name: vpc}
connector: {subnet_pools: [10.8.0.0/20], declared: [{project: host-project, region: europe-west1, name: hub}]}
";

fn house_with_host(policy: &str, bare: bool) -> TestService {
    let mut world = world().project("host-project", "555555555555").network("host-project", "vpc");
    if bare {
        world = ["run.googleapis.com", "vpcaccess.googleapis.com"]
            .into_iter()
            .fold(world, |world, api| world.without_api("host-project", api));
    }
    TestService::in_world(world, policy, ServerConfig { auth: Auth::Off, max_concurrent: 10 })
}

#[tokio::test(start_paused = true)]
async fn a_host_is_a_target_at_every_door() {
    let service = house_with_host(SHARED, false);
    let state = service.get("/state?project=host-project&region=europe-west1").await;
    assert_eq!((state.status, &state.json()["report"]["outcome"]), (200, &json!("drift")), "{}", state.body);
    let answer = service.post("/sweep", r#"{"projects":["host-project"]}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let report = &answer.json()["reports"][0];
    assert_eq!((&report["target"]["project"], &report["outcome"]), (&json!("host-project"), &json!("waiting")));
    let answer = service.post("/sweep", "").await;
    assert_eq!(answer.json()["reports"].as_array().map(Vec::len), Some(2), "{}", answer.body);
}

/// It need not have the APIs of Cloud Run, and nobody is told of it.
#[tokio::test(start_paused = true)]
async fn a_host_without_connectors_is_in_sync() {
    let policy = POLICY.replace("regions: [europe-west1]", "hosts: [host-project], regions: all");
    let service = house_with_host(&policy, true);
    let answer = service.post("/sweep", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let reports = answer.json()["reports"].clone();
    let host = reports.as_array().unwrap().iter().filter(|report| report["target"]["project"] == "host-project");
    let told: Vec<_> = host.map(|report| (report["outcome"].clone(), report["blockedBy"].clone())).collect();
    assert_eq!(told, vec![(json!("in-sync"), json!([])); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_takes_too_long_tells_what_is_done() {
    let regions: Vec<String> = (1..=1200).map(|number| format!("europe-west{number}")).collect();
    let policy = POLICY.replace("[europe-west1]", &format!("[{}]", regions.join(", ")));
    let service = TestService::with(&policy, ServerConfig { auth: Auth::Off, max_concurrent: 10 });
    service.lay(json!({"method": "compute.routes.list", "nth": "all", "kind": "slow", "ms": 3_600_000}));
    let answer = service.post("/sweep", "").await;
    assert_eq!(answer.status, 207, "{}", answer.body);
    let swept = answer.json();
    let (done, left) = (swept["reports"].as_array().unwrap().len(), swept["unfinished"].as_u64().unwrap());
    assert!(done > 0 && left > 0 && done as u64 + left == 1200, "{done} done, {left} unfinished");
}

/// A wide event does not ask more of Google at once than a sweep.
#[tokio::test(start_paused = true)]
async fn a_wide_event_starts_no_more_than_a_few_targets_at_once() {
    let regions: Vec<String> = (1..=4 * MAX_CONCURRENT_RUNS).map(|number| format!("europe-west{number}")).collect();
    let policy = POLICY.replace("[europe-west1]", &format!("[{}]", regions.join(", ")));
    let service = TestService::with(&policy, ServerConfig { auth: Auth::Off, max_concurrent: 10 });
    service.lay(json!({"method": "compute.routes.list", "nth": "all", "kind": "slow", "ms": 2000}));
    let mut entry = deployed();
    entry["resource"]["type"] = json!("gce_firewall_rule");
    entry["protoPayload"]["serviceName"] = json!("compute.googleapis.com");
    entry["protoPayload"]["methodName"] = json!("v1.compute.firewalls.patch");
    entry["protoPayload"]["resourceName"] = json!("projects/demo-project/global/firewalls/a");
    entry["resource"]["labels"] = json!({"project_id": "demo-project"});
    entry["operation"] = json!({"id": "o", "last": true});
    let begun = service.cloud.now();
    let event = service.post("/", entry.to_string());
    let sweep = service.post("/sweep", "");
    let (event, sweep) = tokio::join!(event, sweep);
    assert_eq!((event.status, sweep.status), (204, 200), "{} {}", event.body, sweep.body);
    let mut at_once: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    for call in service.cloud.calls().into_iter().filter(|call| call.call == "compute.routes.list") {
        let at: jiff::Timestamp = call.at.parse().unwrap();
        *at_once.entry(at.duration_since(begun).as_secs() / 2).or_default() += 1;
    }
    assert!(at_once.len() > 3 && at_once.values().all(|count| *count <= MAX_CONCURRENT_RUNS), "{at_once:?}");
}
