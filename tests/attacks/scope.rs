//! Entries that claim a place which is not theirs, and names that are no names.

use serde_json::{Value, json};

use super::service::{TestService, deployed};
use super::support::merged;

/// What every URL must be made of, whatever came in.
fn check_urls(service: &TestService, name: &str) {
    for call in service.cloud.calls() {
        let clean = |c: char| c.is_ascii_alphanumeric() || "-._~:/?=&%*,()".contains(c);
        assert!(call.url.chars().all(clean) && !call.url.contains(".."), "{name}: {}", call.url);
        let own = ["/projects/demo-project", "/apps/demo-project"].iter().any(|place| call.url.contains(place));
        assert!(own, "{name}: {}", call.url);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_place_costs_no_call() {
    let cases = [
        ("another project", json!({"resource": {"labels": {"project_id": "other-project"}}}), "project-mismatch"),
        (
            "another project in every place",
            json!({
                "logName": "projects/other-project/logs/cloudaudit.googleapis.com%2Factivity",
                "resource": {"labels": {"project_id": "other-project"}},
                "protoPayload": {"resourceName": "projects/other-project/locations/europe-west1/jobs/x"},
            }),
            "out-of-scope",
        ),
        (
            "ours by label, another by name",
            json!({"protoPayload": {"resourceName": "projects/other-project/locations/europe-west1/jobs/x"}}),
            "project-mismatch",
        ),
        (
            "another's log",
            json!({"logName": "projects/other-project/logs/cloudaudit.googleapis.com%2Factivity"}),
            "project-mismatch",
        ),
        ("a longer project", json!({"resource": {"labels": {"project_id": "demo-project-2"}}}), "project-mismatch"),
        ("a path for a project", json!({"resource": {"labels": {"project_id": "demo-project/../x"}}}), "malformed"),
        (
            "a project of two lines",
            json!({"resource": {"labels": {"project_id": "demo-project\r\nx: y"}}}),
            "malformed",
        ),
        ("a project with a query", json!({"resource": {"labels": {"project_id": "demo-project?x"}}}), "malformed"),
        ("a project, encoded", json!({"resource": {"labels": {"project_id": "demo-project%2f"}}}), "malformed"),
        ("a look-alike", json!({"resource": {"labels": {"project_id": "dеmo-project"}}}), "malformed"),
        (
            "a project of a megabyte",
            json!({"resource": {"labels": {"project_id": "d".repeat(1_000_000)}}}),
            "malformed",
        ),
        ("another region", json!({"resource": {"labels": {"location": "us-central1"}}}), "out-of-scope"),
        (
            "a resource of two lines",
            json!({"protoPayload": {"resourceName": "projects/demo-project/jobs/x\r\nhost: evil"}}),
            "malformed",
        ),
        (
            "a caller of two lines",
            json!({"protoPayload": {"authenticationInfo": {"principalEmail": "a\nb"}}}),
            "malformed",
        ),
        ("an endless insert id", json!({"insertId": "i".repeat(3000)}), "malformed"),
        (
            "no project at all",
            json!({
                "resource": {"labels": {"project_id": null}},
                "logName": "projects/-/logs/cloudaudit.googleapis.com%2Factivity",
                "protoPayload": {"resourceName": "..."},
            }),
            "no-project",
        ),
        (
            "no region at all",
            json!({"resource": {"labels": {"location": "-"}}, "protoPayload": {"resourceName": "x"}}),
            "no-region",
        ),
    ];
    let service = TestService::open();
    for (name, patch, reason) in cases {
        assert_eq!(service.deliver(&merged(deployed(), &patch)).await, 204, "{name}");
        assert_eq!(service.cloud.calls().len(), 0, "{name}");
        let lines = service.log.take();
        // The first of a reason in a minute is a warning, the others are details.
        let told: Vec<&Value> = lines.iter().filter(|line| line["reason"].is_string()).collect();
        assert_eq!(told.len(), 1, "{name}: {lines:?}");
        assert_eq!(told[0]["reason"], reason, "{name}: {}", told[0]);
        assert!(told[0].to_string().len() < 2000, "{name}: {}", told[0].to_string().len());
    }
    let metrics = service.get("/metrics").await.body;
    assert!(!metrics.contains("other-project"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_strange_name_beside_a_good_one_reaches_no_url() {
    let cases = [
        (
            "a traversing resource",
            json!({"protoPayload": {"resourceName": "projects/demo-project/locations/../../../x"}}),
        ),
        (
            "a host for a resource",
            json!({"protoPayload": {"resourceName": "https://evil.example/projects/demo-project/x"}}),
        ),
        ("a zone for a region", json!({"resource": {"labels": {"location": "../../x"}}})),
        (
            "another network",
            json!({"protoPayload": {"request": {"network": "https://evil.example/projects/other/global/networks/n"}}}),
        ),
        (
            "a parent elsewhere",
            json!({"protoPayload": {"request": {"parent": "projects/other/locations/us-central1"}}}),
        ),
        (
            "a method that is none",
            json!({"protoPayload": {"methodName": "google.cloud.run.v2/../../x.Jobs.UpdateJob"}}),
        ),
    ];
    for (name, patch) in cases {
        let service = TestService::open();
        assert_eq!(service.deliver(&merged(deployed(), &patch)).await, 204, "{name}");
        check_urls(&service, name);
        assert!(service.cloud.calls().len() < 100, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn sweep_and_state_take_only_names_of_the_policy() {
    let cases = [
        ("POST", "/sweep", r#"{"projects":["other-project"]}"#, 400),
        ("POST", "/sweep", r#"{"projects":["demo-project/../other-project"]}"#, 400),
        ("POST", "/sweep", r#"{"projects":["demo-project\r\nx"]}"#, 400),
        ("POST", "/sweep", r#"{"regions":["us-central1"]}"#, 400),
        ("POST", "/sweep", r#"{"regions":["-"]}"#, 400),
        ("POST", "/sweep", r#"{"dry_run":"false"}"#, 400),
        ("POST", "/sweep", r#"{"network":"other"}"#, 400),
        ("POST", "/sweep", r#"{"dry_run":true,"dry_run":false}"#, 400),
        ("GET", "/state?project=other-project&region=europe-west1", "", 404),
        ("GET", "/state?project=demo-project&region=us-central1", "", 404),
        ("GET", "/state?project=demo-project%2F..%2Fother&region=europe-west1", "", 400),
        ("GET", "/state?project=demo-project%0d%0ax&region=europe-west1", "", 400),
        ("GET", "/state?project=demo-project&project=other-project&region=europe-west1", "", 400),
        ("GET", "/state/../sweep", "", 404),
        ("GET", "//state?project=demo-project&region=europe-west1", "", 404),
        ("POST", "/%65vents", "{}", 404),
    ];
    let service = TestService::open();
    for (method, path, body, expected) in cases {
        let request = http::Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let answer = service.send(request).await;
        assert_eq!(answer.status, expected, "{path} {body}: {}", answer.body);
        assert_eq!(service.cloud.calls().len(), 0, "{path} {body}");
    }
}
