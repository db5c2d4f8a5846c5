//! Bodies that are none, or too much.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::service::{TestService, deployed};

const DEEP: usize = 1_000_000;
type Headers = &'static [(&'static str, &'static str)];

const JSON: Headers = &[("content-type", "application/json")];
const BATCH: Headers = &[("content-type", "application/cloudevents-batch+json")];

fn wrapped(data: &str) -> String {
    json!({"message": {"data": data, "messageId": "1"}, "subscription": "s"}).to_string()
}

/// The entry with one more member, as text.
fn with(member: &str) -> String {
    deployed().to_string().replacen('{', &format!("{{{member},"), 1)
}

#[tokio::test(start_paused = true)]
async fn every_strange_body_is_answered_and_none_costs_a_call() {
    let entry = deployed().to_string();
    let half = DEEP / 2;
    let cases: Vec<(&str, Headers, Vec<u8>, u16)> = vec![
        ("nothing", JSON, Vec::new(), 204),
        ("a million brackets", JSON, vec![b'['; DEEP], 204),
        ("a million brackets, closed", JSON, ["[".repeat(half), "]".repeat(half)].concat().into(), 204),
        ("a million objects", JSON, r#"{"a":"#.repeat(DEEP / 5).into(), 204),
        ("a million brackets for the method", JSON, format!(r#"{{"logName":"projects/p/logs/cloudaudit.googleapis.com%2Factivity","protoPayload":{{"methodName":{}{}}}}}"#, "[".repeat(half), "]".repeat(half)).into(), 204),
        ("a million brackets in a message", JSON, format!(r#"{{"message":{{"data":{}{}}}}}"#, "[".repeat(half), "]".repeat(half)).into(), 204),
        ("a million brackets in base64", JSON, wrapped(&STANDARD.encode(vec![b'{'; 700_000])).into(), 204),
        ("a batch of brackets", BATCH, ["[".repeat(half), "]".repeat(half)].concat().into(), 204),
        ("half a million events", BATCH, format!("[{}0]", "0,".repeat(500_000)).into(), 204),
        ("messages in messages", JSON, (0..8).fold(entry.clone(), |inner, _| wrapped(&STANDARD.encode(inner))).into(), 204),
        ("a number too large", JSON, r#"{"logName":1e999,"protoPayload":-0}"#.into(), 204),
        ("a number without end", JSON, format!(r#"{{"logName":{}}}"#, "9".repeat(1_000_000)).into(), 204),
        ("not a number", JSON, r#"{"logName":NaN}"#.into(), 204),
        ("invalid UTF-8", JSON, b"{\"logName\":\"\xff\xfe\"}".to_vec(), 204),
        ("half a surrogate", JSON, br#"{"logName":"\ud800"}"#.to_vec(), 204),
        ("a byte order mark", JSON, [b"\xef\xbb\xbf", entry.as_bytes()].concat(), 204),
        ("UTF-16", JSON, entry.encode_utf16().flat_map(u16::to_le_bytes).collect(), 204),
        ("two entries", JSON, [entry.as_bytes(), entry.as_bytes()].concat(), 204),
        ("a key twice", JSON, with(r#""insertId":"x""#).into(), 204),
        ("a hundred thousand keys", JSON, with(&(0..60_000).map(|i| format!("\"k{i}\":0")).collect::<Vec<_>>().join(",")).into(), 204),
        ("no base64", JSON, wrapped("%%%").into(), 204),
        ("gzip by name", &[("content-encoding", "gzip")], entry.clone().into(), 415),
        ("two encodings by name", &[("content-encoding", "deflate, br")], entry.clone().into(), 415),
        ("an encoding of two lines", &[("content-encoding", "\tx")], entry.clone().into(), 415),
        ("protobuf", &[("content-type", "application/x-protobuf")], entry.clone().into(), 415),
        ("Avro", &[("content-type", "avro/binary")], entry.clone().into(), 415),
        ("a form with files", &[("content-type", "multipart/form-data; boundary=x")], entry.clone().into(), 415),
        ("a megabyte and a byte", JSON, vec![b' '; (1 << 20) + 1], 413),
    ];
    let service = TestService::open();
    for (name, headers, body, expected) in cases {
        let answer = service.post("/", headers, body).await;
        assert_eq!(answer.status, expected, "{name}: {}", answer.body);
        assert_eq!(service.cloud.calls().len(), 0, "{name}");
        let lines = service.log.take();
        assert!(lines.iter().filter(|line| line["severity"] != "DEBUG").count() <= 1, "{name}: {} lines", lines.len());
        assert!(lines.iter().all(|line| line.to_string().len() < 4000), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deep_sweep_is_refused() {
    let service = TestService::open();
    for body in ["[".repeat(DEEP), format!(r#"{{"projects":{}"#, "[".repeat(DEEP)), "{}{}".into(), "1e999".into()] {
        let answer = service.post("/sweep", JSON, body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.len() < 500, "{}", answer.body);
    }
    assert_eq!(service.cloud.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_more_changes_nothing_of_what_is_done() {
    let lies = [
        ("as it is", json!({})),
        (
            "a host",
            json!({"host": "evil.example", "endpoint": "https://evil.example", "selfLink": "https://evil.example/x"}),
        ),
        ("a policy", json!({"policy": {"mode": "enforce", "firewall": {"enforcement": "allow-only"}}, "mode": "off"})),
        (
            "ranges and priorities",
            json!({"protoPayload": {
                "request": {
                    "network": "projects/demo-project/global/networks/other",
                    "priority": 1,
                    "sourceRanges": ["0.0.0.0/0"],
                    "ipCidrRange": "0.0.0.0/0",
                    "alloweds": [{"IPProtocol": "all"}],
                    "job": {"template": {"template": {"vpcAccess": {"connector": "late", "egress": "ALL_TRAFFIC"}}}},
                },
                "response": {"spec": {"network": "other"}, "connector": "late"},
            }}),
        ),
        (
            "orders",
            json!({"protoPayload": {"metadata": {"action": "delete", "force": true}}, "labels": {"delete": "all"}}),
        ),
        (
            "a caller that is us",
            json!({"protoPayload": {"authenticationInfo": {"principalEmail": "c4nary@example.com"}}}),
        ),
        ("a time to come", json!({"timestamp": "9999-12-31T23:59:59Z"})),
        ("a time long gone", json!({"timestamp": "0001-01-01T00:00:00Z"})),
    ];
    let mut truthful: Option<Vec<(String, String, Value)>> = None;
    for (name, lie) in lies {
        let service = TestService::open();
        assert_eq!(service.deliver(&super::support::merged(deployed(), &lie)).await, 204, "{name}");
        let mut done: Vec<_> = service.writes().into_iter().map(|call| (call.method, call.url, call.body)).collect();
        // What has no order among its steps may come in any.
        done.sort_by_key(|(method, url, body)| format!("{method} {url} {body}"));
        assert!(!done.is_empty(), "{name}");
        assert_eq!(&done, truthful.get_or_insert_with(|| done.clone()), "{name}");
        let heard = service.topic.reports();
        let trigger = &heard.last().unwrap().triggers[0];
        assert!(trigger.at <= trigger.received, "{name}: {trigger:?}");
    }
}
