//! The log, as Cloud Logging gets it: lines of one run, and what they say when something fails.

use std::io::{self, Write};

use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What is logged on this thread until the guard is dropped.
    fn hear(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let cloud = logs::cloud(Some("demo-project".into()), move || writer.clone());
        let ours = tracing_subscriber::EnvFilter::new("egress_reconciler=info");
        tracing::subscriber::set_default(tracing_subscriber::registry().with(ours).with(cloud))
    }

    fn read(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let read = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            // A member given twice would be lost in the reading.
            assert_eq!(value.to_string().len(), line.len(), "{line}");
            value
        };
        text.lines().map(read).collect()
    }
}

fn said(line: &Value) -> &str {
    line["message"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_run_are_found_by_its_report() {
    let (service, lines) = (TestService::new(), Lines::default());
    let guard = lines.hear();
    service.post("/", deployed().to_string()).await;
    drop(guard);
    let report = service.topic.reports().first().cloned().unwrap();
    let all = lines.read();
    let (of_run, others): (Vec<_>, Vec<_>) = all.iter().partition(|line| line["span"]["report"] == report.id.as_str());
    let writes = of_run.iter().filter(|line| said(line) == "writing").count();
    assert_eq!(writes, report.done_steps());
    let end = of_run.last().unwrap();
    assert_eq!((said(end), &end["outcome"], &end["writes"]), ("run ended", &"waiting".into(), &writes.into()));
    assert_eq!(end["span"]["target"], "projects/demo-project/locations/europe-west1");
    assert_eq!(others.into_iter().map(said).collect::<Vec<_>>(), ["an event to act on"]);
}

/// The call, Google's message and what comes next stand in one line, which names the target.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_once() {
    let cases = [
        ("compute.firewalls.insert", 403, "grant "),
        ("compute.firewalls.insert", 400, "`egress-reconciler plan` shows what is wanted"),
        ("compute.firewalls.insert", 503, "tried again when the event comes again"),
        ("compute.routes.list", 403, "grant "),
        ("compute.routes.list", 503, "the event will be delivered again"),
    ];
    for (call, status, next) in cases {
        let (service, lines) = (TestService::new(), Lines::default());
        service.lay(json!({"method": call, "nth": "all", "kind": "refuse", "status": status, "reason": "because"}));
        let guard = lines.hear();
        service.post("/", deployed().to_string()).await;
        drop(guard);
        let all = lines.read();
        let warned = all.iter().filter(|line| line["severity"] == "WARNING" && said(line).contains(call));
        let mut objects = std::collections::BTreeSet::new();
        for line in warned {
            assert!(said(line).contains(next), "{line:#}");
            assert_eq!(said(line).matches("Internal error.").count(), 1, "Google's message: {line:#}");
            assert_eq!(line["span"]["target"], "projects/demo-project/locations/europe-west1", "{line:#}");
            assert!(objects.insert((line["object"].to_string(), line["step"].to_string())), "again: {line:#}");
        }
        assert!(!objects.is_empty(), "{call} {status}: {all:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_sweep_is_a_line() {
    let (service, lines) = (TestService::new(), Lines::default());
    let guard = lines.hear();
    service.post("/sweep", r#"{"dry_run": true}"#).await;
    drop(guard);
    let all = lines.read();
    let end = all.iter().find(|line| said(line) == "sweep ended").unwrap();
    let numbers = ["reports", "failed", "unfinished"].map(|name| end[name].as_u64());
    assert_eq!((numbers, &end["dryRun"]), ([Some(1), Some(0), Some(0)], &true.into()));
}

/// Whoever has the trace of a request finds what was told of it.
#[tokio::test(start_paused = true)]
async fn every_line_of_a_request_bears_its_trace() {
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    async fn dies() {
        panic!("it broke")
    }
    let allowed = Allowed { audience: "us".into(), callers: vec!["a@example.com".into()], admins: Vec::new() };
    let state = "/state?project=demo-project&region=europe-west1";
    let cases = [
        ("acted", Auth::Off, Request::post("/"), deployed().to_string(), "an event to act on"),
        ("rejected", Auth::Off, Request::post("/"), "no JSON".to_owned(), "an event is rejected"),
        ("refused", Auth::Platform(allowed.clone()), Request::post("/"), String::new(), "a caller was refused"),
        ("refused admin", Auth::Platform(allowed), Request::get(state), String::new(), "a caller was refused"),
        ("sweep", Auth::Off, Request::post("/sweep"), r#"{"dry_run":true}"#.to_owned(), "sweep ended"),
        ("died", Auth::Off, Request::get("/dies"), String::new(), "a request died"),
    ];
    for (name, auth, request, body, expected) in cases {
        let (mut service, lines) =
            (TestService::with(POLICY, ServerConfig { auth, max_concurrent: 10 }), Lines::default());
        service.router = service.router.route("/dies", get(dies));
        let guard = lines.hear();
        service
            .send(request.header("traceparent", format!("00-{ID}-00f067aa0ba902b7-01")).body(body.into()).unwrap())
            .await;
        drop(guard);
        let all = lines.read();
        assert!(all.iter().any(|line| said(line).contains(expected)), "{name}: {all:#?}");
        for line in all {
            let trace = &line["logging.googleapis.com/trace"];
            assert_eq!(trace, &format!("projects/demo-project/traces/{ID}"), "{name}: {line:#}");
        }
    }
}

/// What was delivered counts as heard, whether or not it can be read; what is somebody else's does not.
#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_was_heard() {
    let cases =
        [("{}", true), ("no JSON", true), (r#"{"message":{"data":"/w=="}}"#, true), (r#"{"message":{}}"#, false)];
    for (body, expected) in cases {
        let service = TestService::new();
        assert_eq!(service.post("/", body).await.status, 204);
        let metrics = service.get("/metrics").await.body;
        assert_eq!(!metrics.contains("last_event_timestamp_seconds 0\n"), expected, "{body}");
    }
}
