//! Recorded dialogues: requests and answers, as text.

use http::Method;
use serde_json::Value;

/// One request and what Google answered, names still standing as `${…}`.
pub struct Exchange {
    pub method: Method,
    pub url: String,
    pub body: Option<String>,
    pub status: u16,
    pub answer: Value,
}

/// The exchanges of a log, which are set apart by lines of `---`.
pub fn read(text: &str) -> Vec<Exchange> {
    text.split("\n---\n").filter(|part| !part.trim().is_empty()).map(exchange).collect()
}

fn exchange(text: &str) -> Exchange {
    let text = text.trim_start();
    let (request, answer) = split_at_status(text);
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (method, url) = head.lines().next().and_then(|line| line.split_once(' ')).expect("a request line");
    let (head, answer) = answer.split_once("\n\n").unwrap_or((answer, ""));
    Exchange {
        method: method.parse().expect("a method"),
        url: url.to_owned(),
        body: Some(body.trim().to_owned()).filter(|body| !body.is_empty()),
        status: head.split(' ').next().and_then(|status| status.parse().ok()).expect("a status"),
        answer: serde_json::from_str(answer).unwrap_or(Value::Null),
    }
}

/// An answer begins with a line such as `200 OK`.
fn split_at_status(text: &str) -> (&str, &str) {
    let is_status =
        |line: &str| line.split_once(' ').is_some_and(|(code, _)| code.len() == 3 && code.parse::<u16>().is_ok());
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_status(line) {
            return text.split_at(at);
        }
        at += line.len();
    }
    panic!("no answer in {text}");
}
