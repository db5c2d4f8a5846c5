//! The log router: from an entry to the topics of the sinks.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::Value;

use crate::sim::{
    api::links,
    services::pubsub::delivery,
    state::{State, messages::Published},
    store::clock::written,
};

use super::sinks;

/// Routes an entry to the topics of its project's sinks. Filters are not evaluated: a receiver has to tolerate
/// more than it asked for, as with overlapping sinks. A sink whose writer may not publish drops the entry.
pub fn route(state: &mut State, entry: &Value) {
    let project = links::project(entry["logName"].as_str().unwrap_or_default());
    let accepted = state.store.accepted(state.clock.now());
    let of_project = accepted.all(sinks::KIND.collection).filter(|(path, _)| links::project(path) == project);
    let leads =
        of_project.filter_map(|(_, sink)| Some((sinks::topic(sink)?.to_owned(), sink["writerIdentity"].clone())));
    for (topic, writer) in leads.collect::<Vec<_>>() {
        let writer = writer.as_str().and_then(|member| member.split_once(':')).map_or("", |(_, email)| email);
        let exists = state.store.accepted(state.clock.now()).get(&topic).is_some();
        if !exists || !state.may(writer, "pubsub.topics.publish", &topic) {
            continue;
        }
        let message = published(state, topic, entry);
        delivery::post(state, message);
    }
}

pub fn published(state: &mut State, topic: String, entry: &Value) -> Published {
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
