//! Audit entries on their way: a log sink, a topic, and a push subscription.
//! <https://cloud.google.com/pubsub/docs/push>

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{Method, StatusCode, Uri, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::google::transport::{Request, Transport};

use super::{clock::written, cloud::Cloud, iam, kinds::sinks, links, mail, pubsub::Published, requests, state::State};

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
            due.iter().for_each(|entry| sink(&mut state, entry));
            (due, state.audit.next().map_or(IDLE, |next| state.clock.until(next)))
        };
        if let Some(deliver) = &deliver {
            let mut messages: Vec<_> = due.iter().flat_map(|entry| messages(cloud, entry)).collect();
            messages.extend(mail::outgoing(&mut cloud.state()));
            pushes.extend(messages.into_iter().map(|(to, body)| push(cloud, Arc::clone(deliver), to, body)));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cloud.stirred() => {}
            Some(()) = pushes.next() => {}
        }
    }
}

/// Sends one message until it is acknowledged.
async fn push(cloud: &Cloud, deliver: Arc<dyn Transport>, endpoint: Uri, body: Value) {
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
        if let Ok(answer) = answer {
            requests::note(&mut cloud.state(), &endpoint, answer.status().as_u16());
            if acknowledges(answer.status()) {
                return;
            }
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

fn acknowledges(status: StatusCode) -> bool {
    matches!(status.as_u16(), 102 | 200 | 201 | 202 | 204)
}

/// Routes an entry to the topics of its project's sinks. Filters are not read: a receiver has to stand more than it asked
/// for, as where sinks overlap. A sink whose writer may not publish loses what it routes.
fn sink(state: &mut State, entry: &Value) {
    let project = links::project(entry["logName"].as_str().unwrap_or_default());
    let standing = state.store.standing(state.clock.now());
    let of_project = standing.all(&sinks::KIND).filter(|(path, _)| links::project(path) == project);
    let leads =
        of_project.filter_map(|(_, sink)| Some((sinks::topic(sink)?.to_owned(), sink["writerIdentity"].clone())));
    for (topic, writer) in leads.collect::<Vec<_>>() {
        let writer = writer.as_str().and_then(|member| member.split_once(':')).map_or("", |(_, email)| email);
        let owner = links::project(&topic);
        let stands = state.store.standing(state.clock.now()).get(&topic).is_some();
        if !stands || !iam::allows(state.iam(owner), writer, "pubsub.topics.publish") {
            continue;
        }
        let message = published(state, topic, entry);
        mail::post(state, message);
    }
}

fn published(state: &mut State, topic: String, entry: &Value) -> Published {
    let at = entry["timestamp"].as_str().unwrap_or_default().to_owned();
    Published {
        topic,
        message_id: state.next_message_id(),
        publish_time: written(state.clock.now()),
        ordering_key: String::new(),
        attributes: [("logging.googleapis.com/timestamp".to_owned(), at)].into(),
        data: BASE64.encode(entry.to_string()),
    }
}

/// An entry as the messages in which it travels, each with where it goes.
fn messages(cloud: &Cloud, entry: &Value) -> Vec<(Uri, Value)> {
    let mut state = cloud.state();
    let message = published(&mut state, String::new(), entry);
    let options = &state.options;
    let topic = options.publish_to.clone().map(|topic| {
        let message = json!({"attributes": message.attributes, "data": message.data});
        (topic, json!({"messages": [message]}))
    });
    let push = options.push_to.clone().map(|endpoint| (endpoint, mail::pushed(&message, &options.subscription)));
    topic.into_iter().chain(push).collect()
}
