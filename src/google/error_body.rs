//! Reads what Google says when it says no.
//!
//! Compute: `{error: {code, message, errors: [{message, domain, reason}]}}`. The newer APIs: `{error: {code, message,
//! status, details: [{@type, reason, metadata}]}}`. Proxies in between: anything.

use std::time::Duration;

use ::http::{
    HeaderMap,
    header::{DATE, HeaderName, RETRY_AFTER},
};
use jiff::fmt::rfc2822;
use serde_json::Value;

use crate::google::{
    error::{CallError, Named, one_line},
    error_kind,
    transport::Response,
};

pub(super) fn read(call: &'static str, response: &Response) -> CallError {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let error = &body["error"];
    let message = match error["message"].as_str() {
        Some(text) => one_line(text),
        None => unknown_body(response),
    };
    let permission = details(error)
        .find_map(|detail| metadata(detail, "permission"))
        .or_else(|| error_kind::permission_in(&message))
        .map(one_line);
    CallError::Refused {
        call,
        status: response.status(),
        reason: reason(error),
        named: Box::new(Named {
            permission,
            constraint: details(error).find_map(constraint),
            consumer: details(error).find_map(consumer).or_else(|| consumer_in(&message)),
            limit: details(error).find_map(limit_a_minute),
        }),
        retry_after: retry_after(response.headers()).or_else(|| details(error).find_map(retry_delay)),
        message,
    }
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error["details"].as_array().into_iter().flatten()
}

/// Of an `ErrorInfo`; compute writes its map as `metadatas`.
fn metadata<'a>(detail: &'a Value, key: &str) -> Option<&'a str> {
    ["metadata", "metadatas"].into_iter().find_map(|map| detail[map][key].as_str())
}

/// The constraint that a detail names, such as the type of a `PreconditionFailure`; a `Help` links to pages on constraints.
pub(super) fn constraint(detail: &Value) -> Option<String> {
    let is_help = detail.get("links").is_some();
    let text = detail.to_string();
    error_kind::constraint_in(&text).filter(|_| !is_help).map(one_line)
}

/// `projects/NUMBER` or `project_number:NUMBER`.
fn consumer(detail: &Value) -> Option<String> {
    let consumer = metadata(detail, "consumer")?;
    let project = consumer.rsplit(['/', ':']).next().unwrap_or(consumer);
    Some(one_line(project)).filter(|project| !project.is_empty())
}

/// What an `ErrorInfo` names beside a limit that is counted by the minute, such as `ReadRequestsPerMinutePerProject`.
fn limit_a_minute(detail: &Value) -> Option<u32> {
    let is_by_the_minute = metadata(detail, "quota_limit")?.to_ascii_lowercase().contains("perminute");
    metadata(detail, "quota_limit_value").filter(|_| is_by_the_minute)?.parse().ok()
}

/// The project in `Cloud Run Admin API has not been used in project 123456789012 before or it is disabled.`
fn consumer_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("has not been used in project ")?;
    let project = rest.split(' ').next()?;
    Some(project.to_owned()).filter(|project| !project.is_empty())
}

/// The first reason that says what it means, else the first, from the most to the least telling.
fn reason(error: &Value) -> String {
    let legacy = error["errors"].as_array().into_iter().flatten();
    let violations = details(error).filter_map(|detail| detail["violations"].as_array()).flatten();
    let quotas = violations.filter_map(|violation| error_kind::quota_reason(violation["description"].as_str()?));
    let found: Vec<&str> = details(error)
        .chain(legacy)
        .filter_map(|entry| entry["reason"].as_str())
        .chain(quotas)
        .chain(error["status"].as_str())
        .collect();
    let best = found.iter().copied().find(|reason| error_kind::is_known(reason)).or_else(|| found.first().copied());
    one_line(best.unwrap_or("without a reason"))
}

/// Says what came without repeating a web page.
fn unknown_body(response: &Response) -> String {
    let text = String::from_utf8_lossy(response.body());
    match text.trim() {
        "" => "an empty answer".to_owned(),
        text if text.starts_with(['<', '{', '[']) => format!("an answer of {} bytes not in Google's form", text.len()),
        text => one_line(text),
    }
}

/// `Retry-After` in seconds, or as a date, which counts from the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: HeaderName| headers.get(name)?.to_str().ok();
    let text = header(RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
    date(text)?.duration_since(date(header(DATE)?)?).try_into().ok()
}

/// `google.rpc.RetryInfo`, whose delay is a JSON duration such as `"1.5s"`.
fn retry_delay(detail: &Value) -> Option<Duration> {
    let seconds = detail["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
