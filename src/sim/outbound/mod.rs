//! Requests that Google makes by itself: audit entries through a sink, a topic and a push subscription, and scheduled jobs.
//! <https://cloud.google.com/pubsub/docs/push>

pub mod request;
pub mod scheduled;

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use http::{HeaderValue, Method, StatusCode, Uri, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::google::transport::Transport;

use crate::sim::{
    services::{
        logging::router::{published, route},
        pubsub::{delivery, subscriptions},
    },
    state::{State, handle::Handle, messages::Published},
};

use request::{Identity, OutboundRequest};

/// Limit of the acknowledgement deadline of a subscription, which is the timeout of a push.
const ACK_DEADLINE: Duration = Duration::from_secs(600);
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(60);
/// A message that is not acknowledged is dropped after this time.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long to sleep when no entry is pending: the clock may be advanced meanwhile.
const IDLE: Duration = Duration::from_secs(3600);

/// A message to be sent until it is acknowledged.
enum Push {
    /// To an address of the options.
    Direct(Uri, Value),
    /// From a subscription of the world to its current endpoint.
    From(String, Published),
}

pub async fn run(handle: &Handle, deliver: Option<Arc<dyn Transport>>) {
    let mut requests = FuturesUnordered::new();
    loop {
        let (due, wait) = {
            let mut state = handle.state();
            let now = state.clock.now();
            let due = state.audit.take(now);
            due.iter().for_each(|entry| route(&mut state, entry));
            (due, state.audit.next().map_or(IDLE, |next| state.clock.until(next)))
        };
        if let Some(deliver) = &deliver {
            let mut pushes: Vec<_> = due.iter().flat_map(|entry| messages(handle, entry)).collect();
            let jobs = {
                let mut state = handle.state();
                pushes.extend(
                    delivery::outgoing(&mut state).into_iter().map(|(from, message)| Push::From(from, message)),
                );
                std::mem::take(&mut state.jobs_to_run)
            };
            requests.extend(pushes.into_iter().map(|push| send(handle, Arc::clone(deliver), push).boxed()));
            requests.extend(jobs.into_iter().map(|job| scheduled::attempt(handle, Arc::clone(deliver), job).boxed()));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = handle.notified() => {}
            Some(()) = requests.next() => {}
        }
    }
}

/// Sends one message until it is acknowledged.
async fn send(handle: &Handle, deliver: Arc<dyn Transport>, push: Push) {
    let began = tokio::time::Instant::now();
    let mut backoff = FIRST_BACKOFF;
    while began.elapsed() < RETENTION {
        let next = next_attempt(&mut handle.state(), &push);
        let Some(next) = next else { return };
        if request::send(handle, &deliver, next, ACK_DEADLINE).await.is_some_and(acknowledges) {
            return;
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

/// The next attempt at a message. A subscription may have been changed or deleted since the one before.
fn next_attempt(state: &mut State, push: &Push) -> Option<OutboundRequest> {
    let (to, body, identity) = match push {
        Push::Direct(to, body) => (to.clone(), body.to_string(), None),
        Push::From(from, message) => {
            let subscription = state.store.accepted(state.clock.now()).get(from)?;
            let Some(endpoint) = subscriptions::endpoint(subscription) else {
                delivery::keep_for_pull(state, from, message.clone());
                return None;
            };
            let identity = Identity::of(&subscription["pushConfig"]["oidcToken"], endpoint);
            (endpoint.parse().ok()?, delivery::pushed(message, from).to_string(), identity)
        }
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))].into_iter().collect();
    Some(OutboundRequest { call: "pubsub.push", method: Method::POST, to, headers, body: body.into(), identity })
}

fn acknowledges(status: StatusCode) -> bool {
    matches!(status.as_u16(), 102 | 200 | 201 | 202 | 204)
}

/// The pushes of an entry to the addresses of the options.
fn messages(handle: &Handle, entry: &Value) -> Vec<Push> {
    let mut state = handle.state();
    let message = published(&mut state, String::new(), entry);
    let options = &state.options;
    let topic = options.publish_to.clone().map(|topic| {
        let message = json!({"attributes": message.attributes, "data": message.data});
        Push::Direct(topic, json!({"messages": [message]}))
    });
    let push = options
        .push_to
        .clone()
        .map(|endpoint| Push::Direct(endpoint, delivery::pushed(&message, &options.subscription)));
    topic.into_iter().chain(push).collect()
}
