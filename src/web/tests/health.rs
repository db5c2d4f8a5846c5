use super::*;
use crate::{
    app::Settings,
    domain::{names::ProjectId, policy::Mode},
};

#[tokio::test(start_paused = true)]
async fn not_ready_while_nobody_can_hear_the_reports() {
    let service = TestService::new();
    service.topic.refuse(Some(PublishError::Refused("topic not found".into())));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    let answer = service.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.json()["reasons"][0].as_str().unwrap().contains("topic not found"), "{}", answer.body);
    assert_eq!(service.get("/livez").await.status, 200);
    service.topic.refuse(None);
    service.post("/", deployed().to_string()).await;
    assert_eq!(service.get("/readyz").await.status, 200);
}

async fn a_while() {
    // The file is read on another thread: paused time stands still meanwhile.
    tokio::time::sleep(Duration::from_secs(15)).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_went_wrong_is_only_reported_on() {
    let service = TestService::new();
    service.app.start();
    service.policy.write("version: 1\nowner: [");
    a_while().await;
    let answer = service.get("/readyz").await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("not-ready")));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 204);
    assert_eq!(service.calls_since(0).1, 0, "nothing is written");
    assert_eq!(service.topic.reports().last().unwrap().mode, Mode::Report);

    service.policy.write(POLICY);
    a_while().await;
    assert_eq!(service.get("/readyz").await.status, 200);
    assert_eq!(service.app.policy().mode, Mode::Enforce);

    service.policy.write(&POLICY.replace("demo-project", "other-project"));
    a_while().await;
    assert!(service.app.scope().projects.iter().eq(["other-project"].map(|id| ProjectId::parse(id).unwrap()).iter()));
}

/// On Cloud Run a broken policy does not keep the service from starting: it says what is wrong, asks for every event again, and
/// goes on as soon as the file is right.
#[tokio::test(start_paused = true)]
async fn a_service_without_a_policy_waits_for_one() {
    let broken = [("version: 1\n", "owner"), (&*POLICY.replace("enforce", "bogus"), "bogus"), ("", "version")];
    for (text, says) in broken {
        let file = PolicyFile::new(text);
        let cloud = Cloud::new(world(), Options::starting_at("2026-05-06T07:08:09Z".parse().unwrap()), None).unwrap();
        support::run(&cloud);
        let settings = Settings { waits_for_policy: true, ..support::settings(&file) };
        let app = support::program(settings, &cloud, cloud.transport(), support::ids());
        app.start();
        let router = router(app.clone(), ServerConfig { auth: Auth::Off, max_concurrent: 10 });
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let post = |path: &str, body: String| Request::post(path).body(body.into()).unwrap();

        assert_eq!(support::send(&router, get("/livez")).await.status, 200);
        let ready = support::send(&router, get("/readyz")).await;
        assert!(ready.status == 503 && ready.body.contains(says), "{}", ready.body);
        for request in [post("/", deployed().to_string()), post("/sweep", String::new())] {
            let answer = support::send(&router, request).await;
            assert!(answer.status == 429 && answer.body.contains(says), "{}", answer.body);
        }
        assert!(support::send(&router, get("/metrics")).await.body.contains("egress_reconciler_policy_valid 0\n"));
        assert!(cloud.calls().is_empty());

        file.write(POLICY);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(support::send(&router, get("/readyz")).await.status, 200);
        assert_eq!(support::send(&router, post("/", deployed().to_string())).await.status, 204);
        assert!(support::send(&router, get("/metrics")).await.body.contains("egress_reconciler_policy_valid 1\n"));
        assert!(cloud.calls().iter().any(|call| call.method == "POST"));
        app.engine.stop.cancel();
    }
}

/// Prometheus reads the text format that it asks for: in the older one a counter's family has its sample's name.
#[tokio::test(start_paused = true)]
async fn metrics_in_both_formats() {
    let service = TestService::new();
    service.settle().await;
    let ask = async |accept: &str| {
        let request = Request::get("/metrics").header("accept", accept).body(Body::empty()).unwrap();
        let answer = service.send(request).await;
        (answer.headers["content-type"].to_str().unwrap().to_owned(), answer.body)
    };
    let (kind, plain) = ask("text/plain;version=0.0.4;q=0.5,*/*;q=0.1").await;
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!plain.contains("# EOF") && plain.contains("# TYPE egress_reconciler_runs_total counter\n"), "{plain}");
    let version = ["# HELP egress_reconciler_build_info The", "# TYPE egress_reconciler_build_info gauge\n"];
    assert!(version.iter().all(|line| plain.contains(line)), "{plain}");
    let (kind, open) = ask("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5").await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE egress_reconciler_runs counter\n"), "{open}");
    for text in [plain, open] {
        let version = env!("CARGO_PKG_VERSION");
        for line in [
            format!("egress_reconciler_build_info{{version=\"{version}\"}} 1\n"),
            "egress_reconciler_paths{state=\"scoped\"} 1\n".to_owned(),
            "egress_reconciler_policy_valid 1\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
    }
}
