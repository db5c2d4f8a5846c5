//! Pub/Sub subscriptions. <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>

use serde_json::{Map, Value, json};

use crate::sim::{
    answer::Refusal,
    call::Call,
    fields::{Field, any, choice, flag, int, map, message, text},
    kind::{Audited, Kind, Plain},
    lro,
    service::Service,
    state::State,
};

pub static KIND: Kind = Kind {
    collection: "pubsub.subscriptions",
    service: Service::PubSub,
    segment: "subscriptions",
    regional: false,
    methods: "pubsub.projects.subscriptions",
    permissions: "pubsub.subscriptions",
    message: "google.pubsub.v1.Subscription",
    fields: &[FIELDS],
    audited: Audited { resource: "pubsub_subscription", id: "subscription_id", region: None },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("topic").fixed(),
    message(
        "pushConfig",
        &[
            text("pushEndpoint"),
            map("attributes"),
            message("oidcToken", &[text("serviceAccountEmail"), text("audience")]),
            any("pubsubWrapper"),
            any("noWrapper"),
        ],
    ),
    any("bigqueryConfig"),
    any("cloudStorageConfig"),
    int("ackDeadlineSeconds"),
    flag("retainAckedMessages"),
    text("messageRetentionDuration"),
    map("labels"),
    flag("enableMessageOrdering"),
    message("expirationPolicy", &[text("ttl")]),
    text("filter").fixed(),
    message("deadLetterPolicy", &[text("deadLetterTopic"), int("maxDeliveryAttempts")]),
    message("retryPolicy", &[text("minimumBackoff"), text("maximumBackoff")]),
    flag("detached"),
    flag("enableExactlyOnceDelivery").fixed(),
    text("topicMessageRetentionDuration").output(),
    choice("state", &["ACTIVE", "RESOURCE_ERROR"]).output(),
];

/// What Pub/Sub fills in. The topic must be there, and the caller may attach to it.
pub fn complete(state: &State, call: &Call, sent: &mut Map<String, Value>) -> Result<(), Refusal> {
    let topic = sent.get("topic").and_then(Value::as_str).unwrap_or_default();
    if state.standing(call).get(topic).is_none() {
        return Err(lro::not_found(&format!("Resource not found (resource={}).", crate::sim::links::last(topic))));
    }
    state.may_read(call, "pubsub.topics.attachSubscription", topic)?;
    let defaults = json!({
        "pushConfig": {},
        "ackDeadlineSeconds": 10,
        "messageRetentionDuration": "604800s",
        "expirationPolicy": {"ttl": "2678400s"},
        "state": "ACTIVE",
    });
    for (name, value) in defaults.as_object().into_iter().flatten() {
        sent.entry(name.clone()).or_insert_with(|| value.clone());
    }
    Ok(())
}

/// Where a subscription pushes to; none is one that is pulled from.
pub fn endpoint(subscription: &Value) -> Option<&str> {
    subscription["pushConfig"]["pushEndpoint"].as_str().filter(|endpoint| !endpoint.is_empty())
}
