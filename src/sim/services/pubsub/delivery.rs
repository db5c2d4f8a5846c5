//! Pub/Sub's messages: from a topic to each of its subscriptions, and from there to whoever pulls, or by push.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::{
    api::errors::Refusal,
    http::call::Call,
    services::pubsub::{publisher::Published, subscriptions},
    state::State,
    store::clock::{after, written},
};

/// A world that runs for weeks keeps its latest messages only, in all and for each subscription.
const KEPT: usize = 20_000;

/// What was published, and what the subscriptions still hold of it.
#[derive(Debug, Default)]
pub struct Mail {
    pub published: VecDeque<Published>,
    boxes: BTreeMap<String, Mailbox>,
}

#[derive(Debug, Default)]
struct Mailbox {
    waiting: VecDeque<Published>,
    /// By acknowledgement id, with the time at which they wait again.
    leased: HashMap<String, (Timestamp, Published)>,
}

impl Mail {
    /// A subscription is gone, and with it what it held.
    pub fn forget(&mut self, subscription: &str) {
        self.boxes.remove(subscription);
    }

    fn take(&mut self, subscription: &str) -> VecDeque<Published> {
        self.boxes.get_mut(subscription).map(|held| std::mem::take(&mut held.waiting)).unwrap_or_default()
    }
}

/// Puts a message on a topic and into the box of each of its subscriptions. Returns its id.
pub fn post(state: &mut State, message: Published) -> String {
    let id = message.message_id.clone();
    let now = state.clock.now();
    let standing = state.store.standing(now).all(&subscriptions::KIND);
    let of_topic = standing.filter(|(_, subscription)| subscription["topic"] == message.topic);
    let boxes: Vec<String> = of_topic.map(|(path, _)| path.to_owned()).collect();
    for path in boxes {
        keep(&mut state.mail.boxes.entry(path).or_default().waiting, message.clone());
    }
    keep(&mut state.mail.published, message);
    id
}

fn keep(messages: &mut VecDeque<Published>, message: Published) {
    if messages.len() == KEPT {
        messages.pop_front();
    }
    messages.push_back(message);
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

/// `projects.subscriptions.pull`: what waits, at once; it waits again if nobody acknowledges it in time.
pub fn pull(state: &mut State, call: &Call, subscription: &Value) -> Value {
    let deadline = subscription["ackDeadlineSeconds"].as_u64().unwrap_or(10);
    let most = call.body["maxMessages"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
    let Some(held) = state.mail.boxes.get_mut(&call.path) else { return json!({}) };
    let late: Vec<String> =
        held.leased.iter().filter(|(_, (until, _))| *until <= call.now).map(|(id, _)| id.clone()).collect();
    for id in late {
        held.waiting.extend(held.leased.remove(&id).map(|(_, message)| message));
    }
    let until = after(call.now, Duration::from_secs(deadline));
    let many = held.waiting.len().min(most);
    let messages: Vec<Value> = held
        .waiting
        .drain(..many)
        .map(|message| {
            let shown = json!({"ackId": message.message_id, "message": shown(&message)});
            held.leased.insert(message.message_id.clone(), (until, message));
            shown
        })
        .collect();
    if messages.is_empty() { json!({}) } else { json!({"receivedMessages": messages}) }
}

/// `projects.subscriptions.acknowledge`.
pub fn acknowledge(state: &mut State, call: &Call) -> Value {
    if let Some(held) = state.mail.boxes.get_mut(&call.path) {
        for id in call.body["ackIds"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            held.leased.remove(id);
        }
    }
    json!({})
}

/// What waits in the boxes of subscriptions that push, each with the path of its subscription.
pub fn outgoing(state: &mut State) -> Vec<(String, Published)> {
    let now = state.clock.now();
    let standing = state.store.standing(now).all(&subscriptions::KIND);
    let pushing = standing.filter(|(_, it)| subscriptions::endpoint(it).is_some()).map(|(path, _)| path.to_owned());
    let mut out = Vec::new();
    for path in pushing.collect::<Vec<_>>() {
        out.extend(state.mail.take(&path).into_iter().map(|message| (path.clone(), message)));
    }
    out
}

/// A message that its subscription does not push any more waits to be pulled.
pub fn keep_for_pull(state: &mut State, subscription: &str, message: Published) {
    keep(&mut state.mail.boxes.entry(subscription.to_owned()).or_default().waiting, message);
}

/// The body of a wrapped push, in which the id and the time come in two spellings.
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
