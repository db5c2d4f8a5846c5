use super::*;

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", content_type).body(body.into()).unwrap()
}

fn chunked(size: usize) -> Body {
    let chunks = vec![Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![b' '; 1024])); size / 1024 + 1];
    Body::from_stream(futures_util::stream::iter(chunks))
}

#[tokio::test(start_paused = true)]
async fn every_line_of_the_contract_that_no_fault_is_needed_for() {
    const JSON: &str = "application/json";
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let read = deployed().to_string().replace("UpdateJob", "GetJob");
    let service = TestService::new();
    let cases = [
        (post("/", JSON, read), 204),
        (post("/events", JSON, "no JSON"), 204),
        (post("/", "text/plain", elsewhere().to_string()), 204),
        (post("/", "application/octet-stream", deployed().to_string()), 204),
        (post("/", JSON, vec![b' '; body::LARGEST]), 204),
        (post("/", JSON, vec![b' '; body::LARGEST + 1]), 413),
        (post("/", JSON, chunked(body::LARGEST)), 413),
        (post("/sweep", JSON, vec![b' '; body::LARGEST + 1]), 413),
        (post("/", "application/protobuf", "x"), 415),
        (post("/", "avro/binary", "x"), 415),
        (post("/", "multipart/form-data; boundary=x", "x"), 415),
        (post("/nowhere", JSON, "{}"), 404),
        (get("/events/"), 404),
        (get("/"), 405),
        (get("/events"), 405),
        (get("/sweep"), 405),
        (post("/state", JSON, "{}"), 405),
        (post("/livez", JSON, "{}"), 405),
        (get("/state"), 400),
        (get("/state?project=demo-project"), 400),
        (get("/state?project=demo-project&region=Mars"), 400),
        (get("/state?project=demo-project&region=europe-west1&region=europe-west1"), 400),
        (get("/state?project=other-project&region=europe-west1"), 404),
        (get("/state?project=demo-project&region=us-central1"), 404),
        (get("/livez"), 200),
        (get("/readyz"), 200),
        (get("/metrics"), 200),
    ];
    for (request, expected) in cases {
        let name = format!("{} {} {:?}", request.method(), request.uri(), request.headers().get("content-type"));
        let answer = service.send(request).await;
        assert_eq!(answer.status, expected, "{name}: {}", answer.body);
        match expected {
            204 => assert_eq!(answer.body, "", "{name}"),
            405 => assert!(answer.headers.contains_key("allow"), "{name}"),
            400.. => assert_eq!(answer.json()["error"]["code"], expected, "{name}"),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_work_in_a_moment_comes_again_and_what_a_person_must_mend_does_not() {
    let cases = [
        (json!({"method": "compute.routers.list", "nth": "all", "kind": "refuse", "status": 503}), 429),
        (json!({"method": "compute.routers.list", "nth": "all", "kind": "rate"}), 429),
        (json!({"method": "run.projects.locations.jobs.list", "nth": "all", "kind": "reset-before"}), 429),
        (json!({"method": "compute.firewalls.insert", "nth": "all", "kind": "refuse", "status": 503}), 429),
        (
            json!({"method": "compute.routers.list", "nth": "all", "kind": "refuse", "status": 403, "reason": "forbidden"}),
            204,
        ),
        (json!({"method": "compute.firewalls.list", "nth": [1], "kind": "refuse", "status": 503}), 204),
    ];
    for (fault, expected) in cases {
        let service = TestService::new();
        service.lay(fault.clone());
        let answer = service.post("/", deployed().to_string()).await;
        assert_eq!(answer.status, expected, "{fault}: {}", answer.body);
        assert_eq!(answer.headers.contains_key("retry-after"), expected == 429, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_gets_the_worst_answer() {
    let policy = POLICY.replace("[europe-west1]", "[europe-west1, us-central1]");
    let service = TestService::with(&policy, ServerConfig { auth: Auth::Off, max_concurrent: 10 });
    service.lay(json!({"method": "compute.routers.list", "resource": "*us-central1*", "nth": "all", "kind": "refuse"}));
    let event = |data: &Value| json!({"specversion": "1.0", "type": "t", "id": "1", "source": "s", "data": data});
    let other: Value = serde_json::from_str(&deployed().to_string().replace("europe-west1", "us-central1")).unwrap();
    let batch = json!([event(&deployed()), event(&other), event(&elsewhere())]);
    let request = post("/", "application/cloudevents-batch+json", batch.to_string());
    assert_eq!(service.send(request).await.status, 429);
    let (_, writes) = service.calls_since(0);
    assert!(writes > 0, "the other region is seen to");
}

#[tokio::test(start_paused = true)]
async fn whom_there_is_no_room_for_comes_again() {
    let service = TestService::with(POLICY, ServerConfig { auth: Auth::Off, max_concurrent: 1 });
    service.lay(json!({"method": "compute.routes.list", "nth": [1], "kind": "slow", "ms": 5000}));
    let entry = deployed().to_string();
    let (first, second, open) =
        tokio::join!(service.post("/", entry.clone()), service.post("/", entry.clone()), service.get("/readyz"),);
    assert_eq!((first.status, second.status, open.status), (204, 429, 200));
    assert!(second.headers.contains_key("retry-after"));
    assert_eq!(service.post("/", entry).await.status, 204);
}

/// A look takes a place as long as it lasts, as whatever is worked on does.
#[tokio::test(start_paused = true)]
async fn looks_are_bounded_too() {
    let service = TestService::with(POLICY, ServerConfig { auth: Auth::Off, max_concurrent: 1 });
    service.lay(json!({"method": "compute.routes.list", "nth": [1], "kind": "slow", "ms": 5000}));
    let state = "/state?project=demo-project&region=europe-west1";
    let (first, second) = tokio::join!(service.get(state), service.get(state));
    assert_eq!((first.status, second.status), (200, 429));
    assert_eq!(service.get(state).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_report_of_changes_that_nobody_hears_is_asked_for_again() {
    let service = TestService::new();
    service.topic.refuse(Some(PublishError::Transient("no answer".into())));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 429);
    service.topic.refuse(None);
    // Pub/Sub comes again after ten seconds.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    let heard = service.topic.reports();
    assert!(heard.len() >= 2 && heard[0].changed(), "the first report is not lost");
}
