//! Cloud Run's request log of what Pub/Sub and Cloud Scheduler send, and `logging.entries.list` over it.
//! <https://cloud.google.com/run/docs/logging>

use http::{Method, Uri};
use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, links},
    http::call::Call,
    services::run::services,
    state::State,
    store::clock::written,
};

/// Limit of the requests that are kept; the oldest is dropped first.
const MAX_REQUESTS: usize = 1000;
const LOG: &str = "run.googleapis.com/requests";

/// The path of the Cloud Run service that has a host name.
pub fn service_at<'a>(state: &'a State, host: &str) -> Option<&'a str> {
    let answers = |service: &Value| {
        let uri = service["uri"].as_str().and_then(|uri| uri.parse::<Uri>().ok());
        uri.is_some_and(|uri| uri.host() == Some(host))
    };
    state
        .store
        .accepted(state.clock.now())
        .all(services::KIND.collection)
        .find(|(_, it)| answers(it))
        .map(|(path, _)| path)
}

/// Logs a request to a Cloud Run service. Requests to other hosts are not logged.
pub fn note(state: &mut State, method: &Method, to: &Uri, status: u16) {
    let now = state.clock.now();
    let Some(path) = service_at(state, to.host().unwrap_or_default()).map(str::to_owned) else { return };
    let ["projects", project, "locations", location, "services", name] = path.split('/').collect::<Vec<_>>()[..] else {
        return;
    };
    if state.requests.len() == MAX_REQUESTS {
        state.requests.pop_front();
    }
    let id = state.next_message_id();
    state.requests.push_back(json!({
        "logName": format!("projects/{project}/logs/{}", LOG.replace('/', "%2F")),
        "timestamp": written(now),
        "insertId": id,
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"project_id": project, "location": location, "service_name": name},
        },
        "httpRequest": {"requestMethod": method.as_str(), "requestUrl": to.to_string(), "status": status},
    }));
}

/// The project's latest entries that match the filter.
pub fn list(state: &State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, "logging.logEntries.list", &project)?;
    let terms = terms(call.body["filter"].as_str().unwrap_or_default())?;
    let most = call.body["pageSize"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(50);
    let of_project = |entry: &&Value| entry["resource"]["labels"]["project_id"] == call.project;
    let fitting =
        state.requests.iter().rev().filter(of_project).filter(|entry| terms.iter().all(|term| term.fits(entry)));
    Ok(json!({"entries": fitting.take(most).collect::<Vec<_>>()}))
}

/// One comparison of a filter: `NOT` or not, a field, an operator and a value.
struct Term {
    wanted: bool,
    at: String,
    is: Test,
}

enum Test {
    Text(String),
    EndsWith(String),
    Less(i64),
}

impl Term {
    fn fits(&self, entry: &Value) -> bool {
        let value = entry.pointer(&self.at).unwrap_or(&Value::Null);
        let fits = match &self.is {
            Test::Text(text) => value.as_str() == Some(text),
            Test::EndsWith(end) => value.as_str().is_some_and(|text| text.ends_with(end)),
            Test::Less(bound) => value.as_i64().is_some_and(|number| number < *bound),
        };
        fits == self.wanted
    }
}

/// Reads a filter. Supported are comparisons joined by `AND`.
/// <https://cloud.google.com/logging/docs/view/logging-query-language>
fn terms(filter: &str) -> Result<Vec<Term>, Refusal> {
    let terms = filter.split(" AND ").map(str::trim).filter(|term| !term.is_empty());
    terms.map(|text| term(text).ok_or_else(|| Refusal::invalid(format!("Unparseable filter: {text}")))).collect()
}

fn term(text: &str) -> Option<Term> {
    let (wanted, text) = text.strip_prefix("NOT ").map_or((true, text), |rest| (false, rest));
    let quoted = |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let pointer = |field: &str| format!("/{}", field.replace('.', "/"));
    if let Some(log) = text.strip_prefix("log_id(").and_then(|rest| quoted(rest.strip_suffix(')')?)) {
        let end = format!("/logs/{}", log.replace('/', "%2F"));
        return Some(Term { wanted, at: pointer("logName"), is: Test::EndsWith(end) });
    }
    if let Some((field, value)) = text.split_once("=~") {
        let end = quoted(value)?.strip_suffix('$')?.to_owned();
        return Some(Term { wanted, at: pointer(field), is: Test::EndsWith(end) });
    }
    if let Some((field, value)) = text.split_once('<') {
        return Some(Term { wanted, at: pointer(field), is: Test::Less(value.parse().ok()?) });
    }
    let (field, value) = text.split_once('=')?;
    Some(Term { wanted, at: pointer(field), is: Test::Text(quoted(value)?) })
}

/// The project whose entries are requested: only the body names it.
pub fn project_asked(body: &Value) -> &str {
    links::last(body["resourceNames"][0].as_str().unwrap_or_default())
}
