use std::io::{self, Write};

use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn who_waits_when_we_stop_comes_again() {
    let service = TestService::new();
    service.lay(json!({"method": "compute.routes.list", "nth": [1], "kind": "slow", "ms": 5000}));
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        service.app.engine.stop.cancel();
        Instant::now()
    };
    let (answer, stopped) = tokio::join!(service.post("/", deployed().to_string()), stop);
    assert_eq!((answer.status, stopped.elapsed()), (429, Duration::ZERO));
    assert_eq!(service.post("/", deployed().to_string()).await.status, 429);
    assert_eq!(service.get("/livez").await.status, 200);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(service.calls_since(0).1, 0, "no step is begun");
}

#[tokio::test(start_paused = true)]
async fn stopping_takes_less_than_nine_seconds_whatever_hangs() {
    let service = TestService::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    service.app.tasks.spawn(std::future::pending::<()>());
    let began = Instant::now();
    let door = ServerConfig { auth: Auth::Off, max_concurrent: 1 };
    server::serve(listener, service.app.clone(), door, sleep(Duration::from_secs(1))).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

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
    /// What this thread logs from now on.
    fn hear() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_writes_no_line_of_the_log() {
    let (lines, _guard) = Lines::hear();
    let service = TestService::new();
    let mut entry = elsewhere();
    entry["insertId"] = json!("i\n2026 ERROR forged\u{1b}[2J");
    entry["protoPayload"]["request"] = json!({"password": "s3cret"});
    entry["resource"]["labels"]["location"] = json!("x\r\nforged");
    assert_eq!(service.post("/", entry.to_string()).await.status, 204);
    let text = lines.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("an event is rejected")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].contains("WARN") && warnings[0].contains("out-of-scope"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains('\u{1b}'), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("forged") || line.starts_with("2026 ERROR")), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_rejected_events_is_a_line_a_minute() {
    let (lines, _guard) = Lines::hear();
    let service = TestService::new();
    for minute in 1..=2 {
        for _ in 0..500 {
            assert_eq!(service.post("/", elsewhere().to_string()).await.status, 204);
        }
        assert_eq!(lines.text().lines().count(), minute, "{}", lines.text());
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    assert!(lines.text().contains("count=500"), "{}", lines.text());
}
