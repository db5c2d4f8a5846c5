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
        for (entry, deliver) in due.iter().zip(std::iter::repeat(&deliver).flatten()) {
            pushes.extend(messages(cloud, entry).into_iter().map(|(to, body)| push(Arc::clone(deliver), to, body)));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cloud.stirred() => {}
            Some(()) = pushes.next() => {}
        }
    }
}

/// Sends one message until it is acknowledged.
async fn push(deliver: Arc<dyn Transport>, endpoint: Uri, body: Value) {
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

/// An entry as the messages in which it travels, each with where it goes.
fn messages(cloud: &Cloud, entry: &Value) -> Vec<(Uri, Value)> {
    let mut state = cloud.state();
    let attributes = json!({"logging.googleapis.com/timestamp": entry["timestamp"]});
    let data = BASE64.encode(entry.to_string());
    let published = written(state.clock.now());
    let id = state.next_message_id();
    let options = &state.options;
    let topic = options.publish_to.clone().map(|topic| {
        let message = json!({"attributes": attributes, "data": data});
        (topic, json!({"messages": [message]}))
    });
    // A wrapped push has the id and the time in two spellings.
    let push = options.push_to.clone().map(|endpoint| {
        let message = json!({
            "attributes": attributes,
            "data": data,
            "messageId": id,
            "message_id": id,
            "publishTime": published,
            "publish_time": published,
        });
        (endpoint, json!({"message": message, "subscription": options.subscription}))
    });
    topic.into_iter().chain(push).collect()
}
