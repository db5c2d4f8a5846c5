//! Cloud Scheduler at work: a job that was told to run makes its request once.
//! <https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/run>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::google::transport::Transport;

use crate::sim::{
    api::errors::Code,
    cloud::Cloud,
    http::call::Call,
    outbound::request::{self as front, Errand, Identity},
    services::scheduler::KIND,
    state::State,
    store::clock::written,
};

/// The longest that a job may wait for its answer.
const LONGEST: Duration = Duration::from_secs(1800);

/// `projects.locations.jobs.run`: answers at once with the job.
pub fn run(state: &mut State, call: &Call, job: Value) -> Value {
    state.told_to_run.push(call.path.clone());
    job
}

/// Makes the request of a job, and writes down when and with what end.
pub async fn attempt(cloud: &Cloud, deliver: Arc<dyn Transport>, job: String) {
    let errand = errand(&cloud.state(), &job);
    let Some(errand) = errand else { return };
    let answered = front::send(cloud, &deliver, errand, LONGEST).await;
    let mut state = cloud.state();
    let now = state.clock.now();
    let Some(mut document) = state.store.standing(now).get(&job).cloned() else { return };
    document["lastAttemptTime"] = written(now).into();
    document["status"] = match answered {
        Some(status) if status.is_success() => json!({}),
        Some(status) => json!({"code": Code::of_http(status.as_u16()).number}),
        None => json!({"code": Code::of_http(StatusCode::SERVICE_UNAVAILABLE.as_u16()).number}),
    };
    state.store.write(&KIND, &job, now, Some(document));
}

fn errand(state: &State, job: &str) -> Option<Errand> {
    let document = state.store.standing(state.clock.now()).get(job)?;
    let target = &document["httpTarget"];
    let uri = target["uri"].as_str()?;
    let mut headers = HeaderMap::new();
    headers.insert("x-cloudscheduler", HeaderValue::from_static("true"));
    for (name, value) in target["headers"].as_object().into_iter().flatten() {
        let name = name.parse::<HeaderName>().ok()?;
        headers.insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    Some(Errand {
        call: "cloudscheduler.run",
        method: target["httpMethod"].as_str().and_then(|method| method.parse().ok()).unwrap_or(Method::POST),
        to: uri.parse().ok()?,
        headers,
        body: BASE64.decode(target["body"].as_str().unwrap_or_default()).ok()?.into(),
        as_whom: Identity::of(&target["oidcToken"], uri),
    })
}
