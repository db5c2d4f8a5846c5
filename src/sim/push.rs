//! Audit entries on their way: a log sink, a topic, and a push subscription.
//! <https://cloud.google.com/pubsub/docs/push>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{Method, StatusCode, Uri, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::google::transport::{Request, Transport};

use super::{clock::written, cloud::Cloud};

/// The longest acknowledgement deadline a subscription can have; for push it bounds the request.
const ACK_DEADLINE: Duration = Duration::from_secs(600);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// After so long a message that nobody acknowledged is dropped.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// When nothing is to come, there is still the chance that somebody moves the clock.
const IDLE: Duration = Duration::from_secs(3600);

pub async fn run(cloud: &Cloud, deliver: Option<Arc<dyn Transport>>) {
    let mut pushes = FuturesUnordered::new();
    loop {
        let (due, wait) = {
            let mut state = cloud.state();
            let now = state.clock.now();
            let due = state.audit.take(now);
            (due, state.audit.next().map_or(IDLE, |next| state.clock.until(next)))
        };
        let endpoint = cloud.state().options.push_to.clone();
        if let (Some(deliver), Some(endpoint)) = (&deliver, endpoint) {
            pushes.extend(due.into_iter().map(|entry| push(cloud, Arc::clone(deliver), endpoint.clone(), entry)));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cloud.stirred() => {}
            Some(()) = pushes.next() => {}
        }
    }
}

/// Pushes one message until it is acknowledged.
async fn push(cloud: &Cloud, deliver: Arc<dyn Transport>, endpoint: Uri, entry: Value) {
    let body = envelope(cloud, &entry);
    let began = tokio::time::Instant::now();
    let mut backoff = FIRST_BACKOFF;
    while began.elapsed() < RETENTION {
        let sent = http::Request::builder()
            .method(Method::POST)
            .uri(endpoint.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into());
        // The only thing in it that was not written here is the URI, and that is one already.
        let Ok(http) = sent else { return };
        let answer = deliver.send(Request { call: "pubsub.push", http, deadline: ACK_DEADLINE }).await;
        if answer.is_ok_and(|response| acknowledges(response.status())) {
            return;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

fn acknowledges(status: StatusCode) -> bool {
    matches!(status.as_u16(), 102 | 200 | 201 | 202 | 204)
}

/// A wrapped push, with the two spellings that Pub/Sub gives the id and the time.
fn envelope(cloud: &Cloud, entry: &Value) -> Value {
    let mut state = cloud.state();
    let published = written(state.clock.now());
    let id = state.next_message_id();
    json!({
        "message": {
            "attributes": {"logging.googleapis.com/timestamp": entry["timestamp"]},
            "data": BASE64.encode(entry.to_string()),
            "messageId": id,
            "message_id": id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": state.options.subscription,
    })
}
