//! Bytes on the wire that are no honest HTTP, over a pipe in memory and on paused time.

use std::time::Duration;

use egress_reconciler::web::connections::answer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, timeout},
};

use super::service::{TestService, deployed};

/// Opens a connection to the service.
fn connect(service: &TestService) -> DuplexStream {
    let (ours, theirs) = duplex(64 << 10);
    let connection = answer(theirs, service.router.clone());
    tokio::spawn(async move { connection.await.map_err(drop) });
    ours
}

/// What comes back until the other side hangs up.
async fn hear(stream: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all answers to these bytes, after which nothing more is said.
async fn statuses(service: &TestService, bytes: &[u8]) -> Vec<String> {
    let mut stream = connect(service);
    let _ = stream.write_all(bytes).await;
    let heard = timeout(Duration::from_secs(600), hear(&mut stream)).await.expect("the connection ends");
    heard.lines().filter(|line| line.starts_with("HTTP/1.1 ")).map(|line| line[9..12].to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_that_mean_two_things_are_not_taken_for_two() {
    let entry = deployed().to_string();
    let hidden = "POST /sweep HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("honest", "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}".into(), &["204"]),
        (
            "a length too short",
            format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}{entry}"),
            &["204", "400"],
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 60\r\n\r\n{{}}{hidden}"),
            &["400"],
        ),
        ("a length that is none", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}".into(), &["400"]),
        ("a length with a sign", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +2\r\n\r\n{}".into(), &["400"]),
        (
            "a length without end",
            format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{{}}", "9".repeat(40)),
            &["400"],
        ),
        (
            "chunks that are none",
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".into(),
            &["400"],
        ),
        (
            "a chunk of all bytes there are",
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".into(),
            &["400"],
        ),
        (
            "an encoding that is none",
            "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n{}".into(),
            &["400"],
        ),
        ("HTTP of tomorrow", "POST / HTTP/9.9\r\nhost: x\r\n\r\n".into(), &["400"]),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}".into(), &["400"]),
        ("HTTP/2 out of the blue", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), &[]),
        ("two hundred headers", format!("POST / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200)), &["431"]),
        (
            "a header of a megabyte",
            format!("POST / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(1 << 20)),
            &["431"],
        ),
        ("a path of a megabyte", format!("POST /{} HTTP/1.1\r\nhost: x\r\n\r\n", "b".repeat(1 << 20)), &["431"]),
        ("a path with a space", "POST / x HTTP/1.1\r\nhost: x\r\n\r\n".into(), &["400"]),
        (
            "a proxy's path",
            "GET http://metadata.google.internal/livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(),
            &["200"],
        ),
        ("a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(), &["404"]),
    ];
    for (name, bytes, expected) in cases {
        let service = TestService::open();
        assert_eq!(statuses(&service, bytes.as_bytes()).await, expected, "{name}");
        assert_eq!(service.cloud.calls().len(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn length_and_chunks_at_once_hide_no_request() {
    let service = TestService::open();
    let hidden = "POST /sweep HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    let bytes = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    );
    statuses(&service, bytes.as_bytes()).await;
    // A front end that goes by the length sees one request here and would let a second one by.
    assert_eq!(service.cloud.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn chunks_without_end_end_at_a_megabyte() {
    let service = TestService::open();
    let mut stream = connect(&service);
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let writing = async {
        let mut sent = 0;
        while sent < 8 << 20 && writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 0x1000;
        }
        sent
    };
    let mut answer = Vec::new();
    let (sent, _) = tokio::join!(writing, reader.read_to_end(&mut answer));
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer));
    assert!(sent < 2 << 20, "{sent} bytes were taken");
}

#[tokio::test(start_paused = true)]
async fn who_dawdles_is_hung_up_on() {
    let head = "POST / HTTP/1.1\r\nhost: x\r\n";
    let body = format!("{head}content-length: 1000\r\n\r\n");
    let chunks = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let cases = [
        ("nothing at all", "", "", 5..15, ""),
        ("a header a second", head, "a: b\r\n", 5..15, ""),
        ("half a header", "POST / HT", "", 5..15, ""),
        ("a body that never comes", &body, "", 25..35, "429"),
        ("a byte a second", &body, "x", 25..35, "429"),
        ("a chunk a second", &chunks, "1\r\nx\r\n", 25..35, "429"),
    ];
    for (name, first, then, seconds, status) in cases {
        let service = TestService::open();
        let (mut reader, mut writer) = tokio::io::split(connect(&service));
        let begun = Instant::now();
        let dripping = async {
            let _ = writer.write_all(first.as_bytes()).await;
            loop {
                sleep(Duration::from_secs(1)).await;
                if !then.is_empty() && writer.write_all(then.as_bytes()).await.is_err() {
                    break std::future::pending::<()>().await;
                }
            }
        };
        let mut heard = Vec::new();
        tokio::select! {
            _ = reader.read_to_end(&mut heard) => {}
            () = dripping => {}
        }
        let took = begun.elapsed().as_secs();
        assert!(seconds.contains(&took), "{name}: {took} s");
        let heard = String::from_utf8_lossy(&heard);
        assert_eq!(heard.get(9..12).unwrap_or_default(), status, "{name}: {heard}");
        assert_eq!(service.cloud.calls().len(), 0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_in_the_middle_leaves_nothing_behind() {
    let service = TestService::open();
    for bytes in [
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
    ] {
        for _ in 0..1100 {
            let mut stream = connect(&service);
            stream.write_all(bytes.as_bytes()).await.unwrap();
            drop(stream);
        }
        sleep(Duration::from_secs(1)).await;
    }
    // Every place among those worked on at once is free again.
    assert_eq!(service.deliver(&deployed()).await, 204);
}
