//! Pub/Sub's messages: what was published, and what each subscription still holds of it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

/// Limit of the messages that are kept, in all and for each subscription; the oldest is dropped first.
const MAX_MESSAGES: usize = 20_000;

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    pub topic: String,
    pub message_id: String,
    pub publish_time: String,
    pub ordering_key: String,
    pub attributes: BTreeMap<String, String>,
    /// Base64.
    pub data: String,
}

#[derive(Debug, Default)]
pub struct Messages {
    pub published: VecDeque<Published>,
    /// By the path of the subscription.
    queues: BTreeMap<String, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Published>,
    /// By acknowledgement id, with the time at which they are delivered again.
    leased: HashMap<String, (Timestamp, Published)>,
}

impl Messages {
    pub fn publish(&mut self, message: Published) {
        push(&mut self.published, message);
    }

    pub fn enqueue(&mut self, subscription: &str, message: Published) {
        push(&mut self.queues.entry(subscription.to_owned()).or_default().waiting, message);
    }

    /// Removes a subscription and what it holds.
    pub fn forget(&mut self, subscription: &str) {
        self.queues.remove(subscription);
    }

    /// Takes everything that waits in a subscription.
    pub fn take(&mut self, subscription: &str) -> VecDeque<Published> {
        self.queues.get_mut(subscription).map(|queue| std::mem::take(&mut queue.waiting)).unwrap_or_default()
    }

    /// Leases at most `max` messages of a subscription until the given time.
    pub fn lease(&mut self, subscription: &str, max: usize, now: Timestamp, until: Timestamp) -> Vec<Published> {
        let Some(queue) = self.queues.get_mut(subscription) else { return Vec::new() };
        let expired = queue.leased.iter().filter(|(_, (until, _))| *until <= now);
        let expired: Vec<String> = expired.map(|(id, _)| id.clone()).collect();
        for id in expired {
            queue.waiting.extend(queue.leased.remove(&id).map(|(_, message)| message));
        }
        let count = queue.waiting.len().min(max);
        let leased: Vec<Published> = queue.waiting.drain(..count).collect();
        for message in &leased {
            queue.leased.insert(message.message_id.clone(), (until, message.clone()));
        }
        leased
    }

    pub fn acknowledge(&mut self, subscription: &str, id: &str) {
        if let Some(queue) = self.queues.get_mut(subscription) {
            queue.leased.remove(id);
        }
    }
}

fn push(messages: &mut VecDeque<Published>, message: Published) {
    if messages.len() == MAX_MESSAGES {
        messages.pop_front();
    }
    messages.push_back(message);
}
