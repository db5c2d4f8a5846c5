//! Cloud Scheduler's requests: a job that is run makes its request once.
//! <https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/run>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::google::transport::Transport;

use crate::sim::{
    api::errors::Code,
    services::scheduler,
    state::{State, handle::Handle},
    store::clock::written,
};

use super::request::{Identity, OutboundRequest, send};

/// Limit of a job's `attemptDeadline`.
const MAX_DEADLINE: Duration = Duration::from_secs(1800);

/// Makes the request of a job, and records its time and status.
pub async fn attempt(handle: &Handle, deliver: Arc<dyn Transport>, job: String) {
    let request = request_of(&handle.state(), &job);
    let Some(request) = request else { return };
    let answered = send(handle, &deliver, request, MAX_DEADLINE).await;
    let mut state = handle.state();
    let now = state.clock.now();
    let Some(mut document) = state.store.accepted(now).get(&job).cloned() else { return };
    document["lastAttemptTime"] = written(now).into();
    document["status"] = match answered {
        Some(status) if status.is_success() => json!({}),
        Some(status) => json!({"code": Code::of_http(status.as_u16()).number}),
        None => json!({"code": Code::of_http(StatusCode::SERVICE_UNAVAILABLE.as_u16()).number}),
    };
    state.store.write(scheduler::KIND.collection, &job, now, Some(document));
}

fn request_of(state: &State, job: &str) -> Option<OutboundRequest> {
    let document = state.store.accepted(state.clock.now()).get(job)?;
    let target = &document["httpTarget"];
    let uri = target["uri"].as_str()?;
    let mut headers = HeaderMap::new();
    headers.insert("x-cloudscheduler", HeaderValue::from_static("true"));
    for (name, value) in target["headers"].as_object().into_iter().flatten() {
        let name = name.parse::<HeaderName>().ok()?;
        headers.insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    Some(OutboundRequest {
        call: "cloudscheduler.run",
        method: target["httpMethod"].as_str().and_then(|method| method.parse().ok()).unwrap_or(Method::POST),
        to: uri.parse().ok()?,
        headers,
        body: BASE64.decode(target["body"].as_str().unwrap_or_default()).ok()?.into(),
        identity: Identity::of(&target["oidcToken"], uri),
    })
}
