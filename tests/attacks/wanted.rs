//! The one thing that an entry may ask for, forged in each of its conditions.

use egress_reconciler::web::Auth;
use serde_json::{Value, json};

use super::service::{TestService, deployed, empty_world};
use super::support::merged;

const LATE: &str = "projects/demo-project/locations/europe-west1/connectors/late";

fn sentence(connector: &str) -> String {
    format!("VPC connector {connector} does not exist, or Cloud Run does not have permission to use it.")
}

/// A deploy that failed for want of the connector, as Cloud Run tells it.
fn failed() -> Value {
    let truth = json!({"protoPayload": {
        "methodName": "google.cloud.run.v2.Jobs.CreateJob",
        "status": {"code": 9, "message": sentence(LATE)},
        "authorizationInfo": [{"permission": "run.jobs.create", "granted": true}],
        "request": {"job": {"template": {"template": {"vpcAccess": {"connector": LATE, "egress": "ALL_TRAFFIC"}}}}},
    }});
    merged(deployed(), &truth)
}

/// The request and the sentence both naming another connector.
fn naming(connector: &str) -> Value {
    json!({"protoPayload": {
        "status": {"message": sentence(connector)},
        "request": {"job": {"template": {"template": {"vpcAccess": {"connector": connector}}}}},
    }})
}

fn connectors_made(service: &TestService) -> Vec<String> {
    let made =
        service.writes().into_iter().filter(|call| call.call == "vpcaccess.projects.locations.connectors.create");
    made.map(|call| call.url).collect()
}

#[tokio::test(start_paused = true)]
async fn a_true_one_is_heeded() {
    let service = TestService::new(empty_world(), Auth::Off);
    assert_eq!(service.deliver(&failed()).await, 204);
    let made = connectors_made(&service);
    assert!(made.len() == 1 && made[0].contains("connectorId=late"), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_forged_in_any_condition_leads_to_no_write() {
    let payload = |patch: Value| json!({"protoPayload": patch});
    let cases = [
        ("it went well", payload(json!({"status": {"code": 0}}))),
        ("no status", payload(json!({"status": null}))),
        ("permission denied", payload(json!({"status": {"code": 7}}))),
        ("permission denied, as text", payload(json!({"status": {"code": "7"}}))),
        (
            "nothing granted",
            payload(json!({"authorizationInfo": [{"permission": "run.jobs.create", "granted": false}]})),
        ),
        ("no authorization", payload(json!({"authorizationInfo": null}))),
        (
            "another service's permission",
            payload(json!({"authorizationInfo": [{"permission": "runtimeconfig.x", "granted": true}]})),
        ),
        (
            "granted in the wrong list",
            payload(json!({"authorizationInfo": {"permission": "run.jobs.create", "granted": true}})),
        ),
        ("no sentence", payload(json!({"status": {"message": ""}}))),
        ("half a sentence", payload(json!({"status": {"message": format!("VPC connector {LATE} does not exist")}}))),
        ("a sentence about another", payload(json!({"status": {"message": sentence("nightly")}}))),
        (
            "a sentence in two",
            payload(
                json!({"status": {"message": format!("VPC connector {LATE}. VPC connector x does not exist, or Cloud Run does not have permission to use it.")}}),
            ),
        ),
        (
            "a request for another",
            payload(json!({"request": {"job": {"template": {"template": {"vpcAccess": {"connector": "nightly"}}}}}})),
        ),
        ("no request", payload(json!({"request": null}))),
        ("a trial", payload(json!({"request": {"validateOnly": true}}))),
        ("another project", naming("projects/other-project/locations/europe-west1/connectors/late")),
        ("another region", naming("projects/demo-project/locations/us-central1/connectors/late")),
        ("a name outside the policy", naming("projects/demo-project/locations/europe-west1/connectors/other")),
        ("a path for a name", naming("projects/demo-project/locations/europe-west1/connectors/../late")),
        ("a name of two lines", naming("late\r\nx")),
        ("a name too long", naming(&"l".repeat(26))),
        ("not a deploy", payload(json!({"methodName": "google.cloud.vpcaccess.v1.VpcAccessService.CreateConnector"}))),
        ("another log", json!({"logName": "projects/demo-project/logs/cloudaudit.googleapis.com%2Fdata_access"})),
        ("anybody's log", json!({"logName": "projects/demo-project/logs/my-cloudaudit.googleapis.com%2Factivity"})),
    ];
    for (name, patch) in cases {
        let service = TestService::new(empty_world(), Auth::Off);
        assert_eq!(service.deliver(&merged(failed(), &patch)).await, 204, "{name}");
        assert_eq!(service.writes().len(), 0, "{name}: {:?}", service.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_checked_leads_to_no_write() {
    let service = TestService::new(empty_world(), Auth::Off);
    let refused =
        json!({"method": "vpcaccess.*.list", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"});
    service.cloud.inject(serde_json::from_value(refused).unwrap());
    service.deliver(&failed()).await;
    assert_eq!(service.writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_for_a_connector_that_stands_leads_to_no_connector() {
    let service = TestService::new(empty_world(), Auth::Off);
    for _ in 0..3 {
        service.deliver(&failed()).await;
        service.waits(120).await;
    }
    assert_eq!(connectors_made(&service).len(), 1);
}
