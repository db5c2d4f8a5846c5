//! Cloud Run's v1, which gcloud reads, changes and writes back.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{
    Caller, RUN,
    rules::{Case, hold, post},
    world,
};

const HOST: &str = "https://europe-west1-run.googleapis.com/apis";

fn jobs() -> String {
    format!("{HOST}/run.googleapis.com/v1/namespaces/demo/jobs")
}

fn services() -> String {
    format!("{HOST}/serving.knative.dev/v1/namespaces/demo/services")
}

fn annotated(kind: &str, name: &str, annotations: &Value, of_template: &Value) -> Value {
    let containers = json!([{"image": "gcr.io/demo/image:1"}]);
    let (api, spec) = match kind {
        "Job" => ("run.googleapis.com/v1", json!({"template": {"spec": {"containers": containers}}})),
        _ => ("serving.knative.dev/v1", json!({"containers": containers})),
    };
    json!({
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"template": {"metadata": {"annotations": of_template}, "spec": spec}},
    })
}

/// Whether a document has all annotations of another.
fn has(document: &Value, annotations: &Value) -> bool {
    annotations.as_object().into_iter().flatten().all(|(name, value)| document["annotations"][name] == *value)
}

/// What v2 has no field for is neither lost on the way to it and back, nor shown in it.
#[tokio::test(start_paused = true)]
async fn what_v1_alone_knows_is_kept() {
    let own = json!({
        "run.googleapis.com/description": "nightly",
        "run.googleapis.com/no-such-setting": "yes",
        "team.example.com/owner": "me",
        "run.googleapis.com/client-name": "gcloud",
        "run.googleapis.com/client-version": "528.0.0",
        "run.googleapis.com/launch-stage": "BETA",
    });
    let of_template = json!({
        "run.googleapis.com/execution-environment": "gen2",
        "run.googleapis.com/client-name": "gcloud",
        "run.googleapis.com/no-such-setting": "too",
        "run.googleapis.com/vpc-access-egress": "all-traffic",
    });
    for (kind, url, v2) in [("Job", jobs(), "jobs"), ("Service", services(), "services")] {
        let caller = Caller::new(world());
        caller.done(Method::POST, &url, annotated(kind, "one", &own, &of_template)).await;
        let one = format!("{url}/one");
        let (_, made) = caller.get(&one).await;
        let holds = |document: &Value| {
            has(&document["metadata"], &own) && has(&document["spec"]["template"]["metadata"], &of_template)
        };
        assert!(holds(&made), "{made}");
        // Read, changed, and written back.
        let mut changed = made.clone();
        changed["metadata"]["labels"]["team"] = "one".into();
        caller.done(Method::PUT, &one, changed).await;
        let (_, read) = caller.get(&one).await;
        assert!(holds(&read) && read["metadata"]["labels"]["team"] == "one", "{read}");
        let (_, listed) = caller.get(&url).await;
        assert!(holds(&listed["items"][0]), "{listed}");
        // Version 2 shows none of it, and loses none.
        let (_, resource) = caller.get(&format!("{RUN}/{v2}/one")).await;
        let (_, list) = caller.get(&format!("{RUN}/{v2}")).await;
        assert!(!format!("{resource}{list}").contains("no-such-setting"), "{resource} {list}");
        let mut patched = resource.clone();
        patched["labels"] = json!({"team": "two"});
        let done = caller.done(Method::PATCH, &format!("{RUN}/{v2}/one"), patched).await;
        assert!(!done.to_string().contains("no-such-setting"), "{done}");
        let (_, read) = caller.get(&one).await;
        assert!(holds(&read) && read["metadata"]["labels"]["team"] == "two", "{read}");
        // What is left out is gone.
        caller.done(Method::PUT, &one, annotated(kind, "one", &json!({}), &json!({}))).await;
        let (_, read) = caller.get(&one).await;
        assert!(!read.to_string().contains("no-such-setting"), "{read}");
    }
}

/// An update that names no image takes the one that runs, by its digest.
#[tokio::test(start_paused = true)]
async fn revisions_are_found_by_their_labels() {
    let caller = Caller::new(world());
    let mut service = annotated("Service", "web", &json!({}), &json!({"run.googleapis.com/no-such-setting": "x"}));
    service["spec"]["template"]["metadata"]["labels"] = json!({"client.knative.dev/nonce": "abc"});
    caller.done(Method::POST, &services(), service).await;
    caller.done(Method::POST, &services(), annotated("Service", "other", &json!({}), &json!({}))).await;
    let revisions = format!("{HOST}/serving.knative.dev/v1/namespaces/demo/revisions");
    for (selector, wanted) in [
        ("", &["other-00001-sim", "web-00001-sim"][..]),
        ("client.knative.dev%2Fnonce+%3D+abc", &["web-00001-sim"]),
        ("client.knative.dev/nonce=abd", &[]),
        ("client.knative.dev/nonce", &["web-00001-sim"]),
        ("!client.knative.dev/nonce", &["other-00001-sim"]),
        ("client.knative.dev/nonce!=abc", &["other-00001-sim"]),
        ("serving.knative.dev/service+in+(other,web),client.knative.dev/nonce==abc", &["web-00001-sim"]),
        ("serving.knative.dev/service+notin+(other)", &["web-00001-sim"]),
    ] {
        let (_, list) = caller.get(&format!("{revisions}?labelSelector={selector}")).await;
        let items = list["items"].as_array().into_iter().flatten();
        assert_eq!(items.map(|item| &item["metadata"]["name"]).collect::<Vec<_>>(), wanted, "{selector}");
    }
    let wrong = format!("{revisions}?labelSelector=a+b");
    hold(&caller, vec![Case(Method::GET, wrong, Value::Null, 400, "INVALID_ARGUMENT", "labelSelector")]).await;
    let (_, revision) = caller.get(&format!("{revisions}/web-00001-sim")).await;
    let digest = revision["status"]["imageDigest"].as_str().expect("a digest");
    assert!(digest.starts_with("gcr.io/demo/image@sha256:") && digest.len() == 25 + 64, "{digest}");
    assert_eq!(revision["spec"]["containers"][0]["image"], "gcr.io/demo/image:1");
    assert_eq!(revision["metadata"]["annotations"]["run.googleapis.com/no-such-setting"], "x");
    assert_eq!(revision["kind"], "Revision");
}

#[tokio::test(start_paused = true)]
async fn jobs_are_run() {
    let caller = Caller::new(world());
    caller.done(Method::POST, &jobs(), annotated("Job", "nightly", &json!({}), &json!({}))).await;
    let overrides = json!({"overrides": {
        "taskCount": 2,
        "timeoutSeconds": 60,
        "containerOverrides": [{"args": ["a"], "env": [{"name": "A", "value": "b"}]}],
    }});
    let (status, begun) = caller.send(Method::POST, &format!("{}/nightly:run", jobs()), overrides).await;
    assert_eq!((status, &begun["kind"]), (200, &json!("Execution")), "{begun}");
    let name = begun["metadata"]["name"].as_str().expect("a name");
    let execution = format!("{HOST}/run.googleapis.com/v1/namespaces/demo/executions/{name}");
    let condition = |document: &Value, of: &str| {
        let all = document["status"]["conditions"].as_array().into_iter().flatten();
        all.filter(|one| one["type"] == of).map(|one| one["status"].clone()).next()
    };
    let (_, running) = caller.get(&execution).await;
    assert_eq!(
        (condition(&running, "Started"), condition(&running, "Completed")),
        (Some(json!("True")), Some(json!("Unknown")))
    );
    let (_, job) = caller.get(&format!("{}/nightly", jobs())).await;
    let latest = &job["status"]["latestCreatedExecution"];
    assert_eq!((&latest["name"], &latest["completionStatus"]), (&json!(name), &json!("EXECUTION_RUNNING")));
    caller.cloud.advance(Duration::from_secs(5));
    let (_, ended) = caller.get(&execution).await;
    assert_eq!((condition(&ended, "Completed"), &ended["status"]["succeededCount"]), (Some(json!("True")), &json!(2)));
    let spec = &ended["spec"]["template"]["spec"];
    assert_eq!((&spec["containers"][0]["args"], &spec["timeoutSeconds"]), (&json!(["a"]), &json!(60)));
    assert_eq!(spec["containers"][0]["env"], json!([{"name": "A", "value": "b"}]));

    // The same in version 2, as an operation.
    let begun = caller.done(Method::POST, &format!("{RUN}/jobs/nightly:run"), json!({})).await;
    caller.cloud.advance(Duration::from_secs(5));
    let name = begun["name"].as_str().expect("a name");
    let (_, operation) = caller.get(&format!("https://run.googleapis.com/v2/{name}")).await;
    let execution = operation["response"]["name"].as_str().expect("a name");
    let (_, read) = caller.get(&format!("https://run.googleapis.com/v2/{execution}")).await;
    assert_eq!((&read["job"], &read["succeededCount"]), (&json!("nightly"), &json!(1)));
    let (_, job) = caller.get(&format!("{RUN}/jobs/nightly")).await;
    let latest = &job["latestCreatedExecution"];
    assert_eq!((&job["executionCount"], &latest["completionStatus"]), (&json!(2), &json!("EXECUTION_SUCCEEDED")));
    let methods: Vec<Value> =
        caller.cloud.audit_entries().iter().map(|entry| entry["protoPayload"]["methodName"].clone()).collect();
    for method in ["google.cloud.run.v1.Jobs.RunJob", "google.cloud.run.v2.Jobs.RunJob", "/Jobs.RunJob"] {
        assert!(methods.contains(&json!(method)), "{methods:?}");
    }
    hold(
        &caller,
        vec![
            post(format!("{}/none:run", jobs()), json!({}), 404, "NOT_FOUND", "'none' of kind 'JOB'"),
            post(format!("{RUN}/jobs/none:run"), json!({}), 404, "NOT_FOUND", "'none' of kind 'JOB'"),
            post(
                format!("{RUN}/jobs/nightly:run"),
                json!({"overrides": {"tasks": 1}}),
                400,
                "INVALID_ARGUMENT",
                "Unknown name \"tasks\"",
            ),
        ],
    )
    .await;
    // It goes with its job, and needs a permission of its own.
    caller.done(Method::DELETE, &format!("{RUN}/jobs/nightly"), Value::Null).await;
    caller.cloud.advance(Duration::from_secs(5));
    assert_eq!(caller.get(&format!("https://run.googleapis.com/v2/{execution}")).await.0, 404);
    let caller = Caller::new(world().allow("demo", "sre@example.com", &["run.jobs.get"]));
    let says = "Permission 'run.jobs.run' denied";
    hold(&caller, vec![post(format!("{RUN}/jobs/nightly:run"), json!({}), 403, "PERMISSION_DENIED", says)]).await;
}
