//! Cloud Run's request log of what Pub/Sub and Cloud Scheduler send, and `logging.entries.list` over it and the audit log.
//! <https://cloud.google.com/run/docs/logging>

use http::{Method, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::{
    api::{errors::Refusal, filter::Filter, links},
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

/// The project's entries that match the filter: Cloud Run's requests and the audit log.
pub fn list(state: &State, call: &Call) -> Result<Value, Refusal> {
    let project = format!("projects/{}", call.project);
    state.may_read(call, "logging.logEntries.list", &project)?;
    let filter = call.body["filter"].as_str().unwrap_or_default();
    let shown = Filter::parse(filter).ok_or_else(|| Refusal::invalid(format!("Unparseable filter: {filter}")))?;
    let most = call.body["pageSize"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(50);
    let logs = format!("{project}/logs/");
    let audited = state.audit.entries(call.now);
    let mut fitting: Vec<&Value> = state.requests.iter().chain(&audited).collect();
    fitting.retain(|entry| entry["logName"].as_str().is_some_and(|log| log.starts_with(&logs)) && shown.fits(entry));
    fitting.sort_by_key(|entry| entry["timestamp"].as_str().and_then(|time| time.parse::<Timestamp>().ok()));
    if call.body["orderBy"] == "timestamp desc" {
        fitting.reverse();
    }
    fitting.truncate(most);
    Ok(json!({"entries": fitting}))
}

/// The project whose entries are requested: only the body names it.
pub fn project_asked(body: &Value) -> &str {
    links::last(body["resourceNames"][0].as_str().unwrap_or_default())
}
