//! A Google that is not itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use egress_reconciler::google::transport::{Request, Response};
use serde_json::json;

use super::service::{TestService, deployed};

/// Has every call of this method answered so.
fn lies(service: &TestService, call: &'static str, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) {
    let lie = move |request: &Request| (call == "*" || request.call == call).then(|| answer(request));
    *service.wire.lie.lock().unwrap() = Some(Box::new(lie));
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response {
    http::Response::builder().status(status).body(body.into()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_an_answer_and_no_way_to_go() {
    for status in [301, 302, 303, 307, 308] {
        let service = TestService::open();
        lies(&service, "*", move |request| {
            assert!(request.http.uri().host().unwrap().ends_with(".googleapis.com"), "{}", request.http.uri());
            let mut redirect = answer(status, "");
            redirect.headers_mut().insert("location", "https://evil.example/".parse().unwrap());
            redirect
        });
        service.deliver(&deployed()).await;
        assert_eq!(service.writes().len(), 0, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_without_end_do_end_for_us() {
    let service = TestService::open();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    lies(&service, "compute.firewalls.list", move |_| {
        let next = count.fetch_add(1, Ordering::SeqCst);
        answer(200, json!({"items": [], "nextPageToken": format!("t{next}")}).to_string())
    });
    assert_eq!(service.deliver(&deployed()).await, 429);
    assert!(asked.load(Ordering::SeqCst) <= 1000, "{}", asked.load(Ordering::SeqCst));
    assert!(service.writes().iter().all(|write| !write.call.contains("firewalls")));
}

#[tokio::test(start_paused = true)]
async fn answers_of_no_sense_lead_to_no_write() {
    let deep = format!(r#"{{"items":{}{}}}"#, "[".repeat(400_000), "]".repeat(400_000));
    let bodies = [
        "",
        "null",
        "[]",
        "7",
        "<html>hello</html>",
        r#"{"items":"x"}"#,
        r#"{"items":{"name":"x"}}"#,
        r#"{"items":[7]}"#,
        r#"{"items":[{"name":7}]}"#,
        r#"{"items":[{"name":{"name":"x"}}]}"#,
        r#"{"items":[],"nextPageToken":7}"#,
        r#"{"items":[],"nextPageToken":{}}"#,
        r#"{"items":[],"warning":{"code":"UNREACHABLE"}}"#,
        r#"{"items":[],"unreachables":["regions/europe-west1"]}"#,
        "{\"items\":\"\u{0}\"}",
        &deep,
    ];
    for call in ["compute.firewalls.list", "compute.subnetworks.list", "compute.routers.list"] {
        for body in bodies {
            let service = TestService::open();
            let body = body.to_owned();
            let shown: String = body.chars().take(60).collect();
            lies(&service, call, move |_| answer(200, body.clone()));
            let status = service.deliver(&deployed()).await;
            assert!([204, 429].contains(&status), "{call} {shown}: {status}");
            let firewalls =
                service.writes().into_iter().filter(|write| write.call.contains(call.trim_end_matches("list")));
            assert_eq!(firewalls.count(), 0, "{call} {shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn names_from_google_that_are_no_names_reach_no_url() {
    let service = TestService::open();
    lies(&service, "run.projects.locations.jobs.list", |_| {
        let job = |connector: &str| json!({"name": "projects/demo-project/locations/europe-west1/jobs/j", "template": {"template": {"vpcAccess": {"connector": connector}}}});
        let connectors = [
            "../../../evil",
            "projects/demo-project/locations/europe-west1/connectors/../x",
            "projects/demo-project/locations/europe-west1/connectors/a?b",
            "projects/demo-project/locations/europe-west1/connectors/a\r\nb",
            "https://evil.example/projects/demo-project/locations/europe-west1/connectors/nightly",
            "",
        ];
        answer(200, json!({"jobs": connectors.map(job)}).to_string())
    });
    service.deliver(&deployed()).await;
    for call in service.cloud.calls() {
        assert!(!call.url.contains("..") && !call.url.contains("evil"), "{}", call.url);
    }
    assert_eq!(service.writes().len(), 0, "{:?}", service.writes());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_many_pages_is_told_in_a_line() {
    let service = TestService::open();
    let words = "\u{1b}[31mno\n".repeat(10_000);
    lies(&service, "*", move |_| {
        answer(403, json!({"error": {"code": 403, "message": words, "status": words}}).to_string())
    });
    assert_eq!(service.deliver(&deployed()).await, 204);
    for line in service.log.take() {
        assert!(line.to_string().len() < 20_000, "{}", line.to_string().len());
    }
    let reports = serde_json::to_string(&*service.topic.reports()).unwrap();
    assert!(reports.len() < 50_000 && !reports.contains("\\u001b"), "{}", reports.len());
}
