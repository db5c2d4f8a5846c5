//! The same, again and again.

use futures_util::future::join_all;
use serde_json::json;

use super::service::{TestService, deployed, empty_world};
use super::support::merged;
use egress_reconciler::web::Auth;

#[tokio::test(start_paused = true)]
async fn ten_thousand_replays_at_once_are_two_runs() {
    let service = TestService::heard(empty_world(), Auth::Off, "off,egress_reconciler=warn");
    let entry = deployed();
    service.deliver(&entry).await;
    let one_run = service.cloud.calls().len();
    let answers = join_all((0..10_000).map(|_| service.deliver(&entry))).await;
    let done = answers.iter().filter(|status| **status == 204).count();
    assert!(done >= 700, "{done}");
    assert!(answers.iter().all(|status| [204, 429].contains(status)));
    let calls = service.cloud.calls().len() - one_run;
    assert!(calls <= 2 * one_run, "{calls} calls, a run has {one_run}");
    let lines = service.log.take();
    assert!(lines.iter().all(|line| line["severity"] != "ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_report_tells_how_often_its_entry_came() {
    let service = TestService::open();
    let entry = deployed();
    let answers = join_all((0..50).map(|_| service.deliver(&entry))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert_eq!(service.deliver(&entry).await, 204);
    let heard = service.topic.reports();
    let told: u32 = heard.iter().flat_map(|report| &report.triggers).map(|trigger| trigger.duplicates).max().unwrap();
    assert!(told >= 49, "{told}");
    assert!(heard.iter().all(|report| report.triggers.len() <= 1));
}

#[tokio::test(start_paused = true)]
async fn wide_signals_by_the_thousand_share_their_runs() {
    let service = TestService::new(empty_world(), Auth::Off);
    let wide = |index: usize| {
        merged(
            deployed(),
            &json!({
                "insertId": format!("w-{index}"),
                "protoPayload": {
                    "serviceName": "compute.googleapis.com",
                    "methodName": "v1.compute.firewalls.delete",
                    "resourceName": format!("projects/demo-project/global/firewalls/f-{index}"),
                },
            }),
        )
    };
    let entries: Vec<_> = (0..700).map(wide).collect();
    let answers = join_all(entries.iter().map(|entry| service.deliver(entry))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert!(service.cloud.calls().len() < 40, "{}", service.cloud.calls().len());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_connectors_that_nobody_made_are_not_asked_for_one_by_one() {
    let service = TestService::new(empty_world(), Auth::Off);
    let ended = |index: usize| {
        let name = format!("projects/demo-project/locations/europe-west1/connectors/c{index}");
        merged(
            deployed(),
            &json!({
                "insertId": format!("c-{index}"),
                "operation": {"id": format!("o-{index}"), "last": true},
                "protoPayload": {
                    "serviceName": "vpcaccess.googleapis.com",
                    "methodName": "google.cloud.vpcaccess.v1.VpcAccessService.CreateConnector",
                    "resourceName": name,
                },
            }),
        )
    };
    let entries: Vec<_> = (0..700).map(ended).collect();
    let answers = join_all(entries.iter().map(|entry| service.deliver(entry))).await;
    assert!(answers.iter().all(|status| *status == 204));
    assert!(service.cloud.calls().len() < 60, "{}", service.cloud.calls().len());
    assert_eq!(service.writes().len(), 0);
}
