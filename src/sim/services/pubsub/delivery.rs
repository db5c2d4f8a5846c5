//! Pub/Sub's delivery: from a topic to each of its subscriptions, and from there by pull or push.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::{
    api::errors::Refusal,
    http::call::Call,
    state::{State, messages::Published},
    store::clock::{after, written},
};

use super::subscriptions;

/// Publishes a message to a topic and enqueues it in each of its subscriptions. Returns its id.
pub fn post(state: &mut State, message: Published) -> String {
    let id = message.message_id.clone();
    let existing = state.store.accepted(state.clock.now()).all(subscriptions::KIND.collection);
    let of_topic = existing.filter(|(_, subscription)| subscription["topic"] == message.topic);
    for path in of_topic.map(|(path, _)| path.to_owned()).collect::<Vec<_>>() {
        state.messages.enqueue(&path, message.clone());
    }
    state.messages.publish(message);
    id
}

/// `projects.topics.publish`.
pub fn publish(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let sent = call.body["messages"].as_array().filter(|messages| !messages.is_empty());
    let sent = sent.cloned().ok_or_else(|| Refusal::invalid("The value for message_count is too small."))?;
    let mut ids = Vec::with_capacity(sent.len());
    for message in sent {
        let published = Published {
            topic: call.path.clone(),
            message_id: state.next_message_id(),
            publish_time: written(call.now),
            ordering_key: message["orderingKey"].as_str().unwrap_or_default().to_owned(),
            attributes: serde_json::from_value(message["attributes"].clone()).unwrap_or_default(),
            data: message["data"].as_str().unwrap_or_default().to_owned(),
        };
        ids.push(post(state, published));
    }
    Ok(json!({"messageIds": ids}))
}

/// `projects.subscriptions.pull`: answers at once. What is not acknowledged in time is delivered again.
pub fn pull(state: &mut State, call: &Call, subscription: &Value) -> Value {
    let deadline = subscription["ackDeadlineSeconds"].as_u64().unwrap_or(10);
    let max = call.body["maxMessages"].as_u64().and_then(|max| usize::try_from(max).ok()).unwrap_or(1);
    let until = after(call.now, Duration::from_secs(deadline));
    let leased = state.messages.lease(&call.path, max, call.now, until);
    let received = leased.iter().map(|message| json!({"ackId": message.message_id, "message": shown(message)}));
    if leased.is_empty() { json!({}) } else { json!({"receivedMessages": received.collect::<Vec<_>>()}) }
}

/// `projects.subscriptions.acknowledge`.
pub fn acknowledge(state: &mut State, call: &Call) -> Value {
    for id in call.body["ackIds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        state.messages.acknowledge(&call.path, id);
    }
    json!({})
}

/// The messages that wait in push subscriptions, each with the path of its subscription.
pub fn outgoing(state: &mut State) -> Vec<(String, Published)> {
    let now = state.clock.now();
    let accepted = state.store.accepted(now).all(subscriptions::KIND.collection);
    let pushing = accepted.filter(|(_, it)| subscriptions::endpoint(it).is_some()).map(|(path, _)| path.to_owned());
    let mut out = Vec::new();
    for path in pushing.collect::<Vec<_>>() {
        out.extend(state.messages.take(&path).into_iter().map(|message| (path.clone(), message)));
    }
    out
}

/// Returns a message to its subscription, which no longer pushes.
pub fn keep_for_pull(state: &mut State, subscription: &str, message: Published) {
    state.messages.enqueue(subscription, message);
}

/// The body of a wrapped push, which has the id and the time in two spellings.
pub fn pushed(message: &Published, subscription: &str) -> Value {
    let mut shown = shown(message);
    shown["message_id"] = message.message_id.clone().into();
    shown["publish_time"] = message.publish_time.clone().into();
    json!({"message": shown, "subscription": subscription})
}

fn shown(message: &Published) -> Value {
    json!({
        "attributes": message.attributes,
        "data": message.data,
        "messageId": message.message_id,
        "publishTime": message.publish_time,
    })
}
