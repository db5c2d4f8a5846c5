//! Audit entries on their way: a log sink, a topic, and a push subscription.
//! <https://cloud.google.com/pubsub/docs/push>

pub mod request;
pub mod scheduled;

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::{HeaderValue, Method, StatusCode, Uri, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::google::transport::Transport;

use crate::sim::{
    api::links,
    cloud::Cloud,
    outbound::{
        request::{self as front, Errand, Identity},
        scheduled as scheduler,
    },
    services::{
        logging::sinks,
        pubsub::{delivery as mail, publisher::Published, subscriptions},
    },
    state::State,
    store::clock::written,
};

/// The longest acknowledgement deadline a subscription can have; for push it bounds the request.
const ACK_DEADLINE: Duration = Duration::from_secs(600);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// After so long a message that nobody acknowledged is dropped.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// When nothing is to come, there is still the chance that somebody moves the clock.
const IDLE: Duration = Duration::from_secs(3600);

/// A message to be sent until it is acknowledged.
enum Push {
    /// Where the options say.
    Direct(Uri, Value),
    /// From a subscription of the world to wherever that pushes just then.
    From(String, Published),
}

pub async fn run(cloud: &Cloud, deliver: Option<Arc<dyn Transport>>) {
    let mut errands = FuturesUnordered::new();
    loop {
        let (due, wait) = {
            let mut state = cloud.state();
            let now = state.clock.now();
            let due = state.audit.take(now);
            due.iter().for_each(|entry| sink(&mut state, entry));
            (due, state.audit.next().map_or(IDLE, |next| state.clock.until(next)))
        };
        if let Some(deliver) = &deliver {
            let mut pushes: Vec<_> = due.iter().flat_map(|entry| messages(cloud, entry)).collect();
            let jobs = {
                let mut state = cloud.state();
                pushes.extend(mail::outgoing(&mut state).into_iter().map(|(from, message)| Push::From(from, message)));
                std::mem::take(&mut state.told_to_run)
            };
            errands.extend(pushes.into_iter().map(|push| send(cloud, Arc::clone(deliver), push).boxed()));
            errands.extend(jobs.into_iter().map(|job| scheduler::attempt(cloud, Arc::clone(deliver), job).boxed()));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = cloud.stirred() => {}
            Some(()) = errands.next() => {}
        }
    }
}

/// Sends one message until it is acknowledged.
async fn send(cloud: &Cloud, deliver: Arc<dyn Transport>, push: Push) {
    let began = tokio::time::Instant::now();
    let mut backoff = FIRST_BACKOFF;
    while began.elapsed() < RETENTION {
        let errand = errand(&mut cloud.state(), &push);
        let Some(errand) = errand else { return };
        if front::send(cloud, &deliver, errand, ACK_DEADLINE).await.is_some_and(acknowledges) {
            return;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

/// The next attempt at a message. A subscription may have been changed or deleted since the one before.
fn errand(state: &mut State, push: &Push) -> Option<Errand> {
    let (to, body, as_whom) = match push {
        Push::Direct(to, body) => (to.clone(), body.to_string(), None),
        Push::From(from, message) => {
            let subscription = state.store.standing(state.clock.now()).get(from)?;
            let Some(endpoint) = subscriptions::endpoint(subscription) else {
                mail::keep_for_pull(state, from, message.clone());
                return None;
            };
            let identity = Identity::of(&subscription["pushConfig"]["oidcToken"], endpoint);
            (endpoint.parse().ok()?, mail::pushed(message, from).to_string(), identity)
        }
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
    Some(Errand { call: "pubsub.push", method: Method::POST, to, headers, body: body.into(), as_whom })
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
        let stands = state.store.standing(state.clock.now()).get(&topic).is_some();
        if !stands || !state.may(writer, "pubsub.topics.publish", &topic) {
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
fn messages(cloud: &Cloud, entry: &Value) -> Vec<Push> {
    let mut state = cloud.state();
    let message = published(&mut state, String::new(), entry);
    let options = &state.options;
    let topic = options.publish_to.clone().map(|topic| {
        let message = json!({"attributes": message.attributes, "data": message.data});
        Push::Direct(topic, json!({"messages": [message]}))
    });
    let push =
        options.push_to.clone().map(|endpoint| Push::Direct(endpoint, mail::pushed(&message, &options.subscription)));
    topic.into_iter().chain(push).collect()
}
