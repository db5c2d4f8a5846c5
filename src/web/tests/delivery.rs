use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::HeaderValue;

use super::*;

/// Bytes whose base64 differs between the alphabets.
const ENTRY: &str = r#"{"logName":"projects/demo-project/logs/~~~???"}"#;

fn wrapped(payload: &str) -> String {
    let data = STANDARD.encode(payload);
    format!(r#"{{"message":{{"data":"{data}","messageId":"m-1","message_id":"m-1"}},"subscription":"s"}}"#)
}

fn event(data: &str) -> String {
    format!(r#"{{"specversion":"1.0","type":"google.cloud.audit.log.v1.written","id":"e-1","source":"//x",{data}}}"#)
}

fn headers_of(headers: &[(&'static str, &str)]) -> HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

fn shown(delivery: Delivery<'_>) -> String {
    let mut shown = Vec::new();
    delivery.each(|item| {
        shown.push(match item {
            Item::Entry(entry) if entry.json().trim_end() == ENTRY => "entry",
            Item::Entry(_) => "other",
            Item::NoEntry => "none",
            Item::Malformed(reason) => reason.label(),
        });
    });
    shown.join(" ")
}

#[test]
fn every_form() {
    use Form::*;
    const JSON: &str = "application/json; charset=utf-8";
    const CE: &str = "Application/CloudEvents+JSON; charset=utf-8";
    const BATCH: &str = "application/cloudevents-batch+json";
    let data = |text: &str| format!(r#"{{"message":{{"data":"{text}"}},"subscription":"s"}}"#);
    let eventarc = [("content-type", JSON), ("ce-type", "google.cloud.audit.log.v1.written"), ("ce-id", "e-1")];
    let trigger = [("ce-type", "google.cloud.pubsub.topic.v1.messagePublished"), ("ce-id", "m-1")];
    let typed = |content_type| [("content-type", content_type)];
    let (in_event, in_event_64) =
        (event(&format!(r#""data":{ENTRY}"#)), event(&format!(r#""data_base64":"{}""#, STANDARD.encode(ENTRY))));
    type Headers<'a> = &'a [(&'static str, &'a str)];
    let cases: &[(Headers<'_>, String, Form, &str, Option<&str>)] = &[
        (&eventarc, ENTRY.into(), Eventarc, "entry", Some("e-1")),
        (&trigger, wrapped(ENTRY), EventarcPubsub, "entry", Some("m-1")),
        (&trigger, wrapped("test message"), EventarcPubsub, "none", Some("m-1")),
        (&typed(JSON), wrapped(ENTRY), Pubsub, "entry", Some("m-1")),
        (&[], wrapped(&format!("{ENTRY}\n")), Pubsub, "entry", Some("m-1")),
        (&[], wrapped(&in_event), Pubsub, "entry", Some("m-1")),
        (&[], wrapped(&wrapped(ENTRY)), Pubsub, "entry", Some("m-1")),
        (&[], wrapped(&wrapped(&wrapped(ENTRY))), Pubsub, "none", Some("m-1")),
        (&[], data(&URL_SAFE.encode(ENTRY)), Pubsub, "entry", None),
        (&[], data(URL_SAFE.encode(ENTRY).trim_end_matches('=')), Pubsub, "entry", None),
        (&[], data(STANDARD.encode(ENTRY).trim_end_matches('=')), Pubsub, "entry", None),
        (&[], data(&format!("{}\\n", STANDARD.encode(ENTRY))), Pubsub, "entry", None),
        (&[], data("not base64!"), Pubsub, "malformed", None),
        (&[], data("/w=="), Pubsub, "malformed", None),
        (&[], data(""), Pubsub, "none", None),
        (&[], r#"{"message":{"attributes":{"k":"v"}}}"#.into(), Pubsub, "none", None),
        (&[], r#"{"subscription":"s"}"#.into(), Unwrapped, "other", None),
        (&typed(CE), in_event.clone(), Structured, "entry", Some("e-1")),
        (&[], in_event.clone(), Structured, "entry", Some("e-1")),
        (&typed(CE), in_event_64, Structured, "entry", Some("e-1")),
        (&typed(CE), in_event.replace("specversion", "specVersion"), Structured, "entry", Some("e-1")),
        (&typed(CE), event(&format!(r#""DATA":{}"#, wrapped(ENTRY))), Structured, "entry", Some("e-1")),
        (&typed(CE), event(r#""subject":"no data""#), Structured, "none", Some("e-1")),
        (&typed(CE), event(r#""data_base64":"?""#), Structured, "malformed", Some("e-1")),
        (&typed(BATCH), "[]".into(), Batch, "", None),
        (&typed(BATCH), format!("[{in_event},{{}},3]"), Batch, "entry other malformed", None),
        (&typed(BATCH), in_event, Batch, "malformed", None),
        (&typed("application/x-www-form-urlencoded"), ENTRY.into(), Unwrapped, "entry", None),
        (&[("x-goog-pubsub-message-id", "m-2")], ENTRY.into(), Unwrapped, "entry", Some("m-2")),
        (&[], ENTRY.into(), Unwrapped, "entry", None),
        (&[], String::new(), Unwrapped, "malformed", None),
    ];
    assert_ne!(STANDARD.encode(ENTRY), URL_SAFE.encode(ENTRY));
    for (headers, body, form, items, id) in cases {
        let headers = headers_of(headers);
        let found = decode(&headers, body.as_bytes()).unwrap();
        assert_eq!((found.form, found.message_id.as_deref()), (*form, *id), "{body}");
        assert_eq!(shown(found), *items, "{body}");
    }
}

#[test]
fn attempts() {
    for (attempt, expected) in [("3", Some(3)), ("\"3\"", Some(3)), ("null", None), ("{}", None)] {
        let body = format!(r#"{{"message":{{}},"deliveryAttempt":{attempt}}}"#);
        assert_eq!(decode(&HeaderMap::new(), body.as_bytes()).unwrap().attempt, expected);
    }
}

#[test]
fn other_encodings_are_refused() {
    for content_type in [
        "application/protobuf",
        "application/x-protobuf",
        "application/cloudevents+protobuf",
        "avro/binary",
        "application/cloudevents+avro; charset=utf-8",
        "Multipart/form-data; boundary=x",
    ] {
        let refusal = decode(&headers_of(&[("content-type", content_type)]), b"{}").unwrap_err();
        assert_eq!(refusal.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", r#"{"message":"#.repeat(100_000), "}".repeat(100_000));
    assert!(decode(&HeaderMap::new(), deep.as_bytes()).is_ok());
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let headers = headers_of(&[("content-type", "application/cloudevents-batch+json")]);
    assert_eq!(shown(decode(&headers, deep.as_bytes()).unwrap()), "malformed");
}
