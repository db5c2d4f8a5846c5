//! Pub/Sub subscriptions. <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{self, Field, any, choice, flag, int, map, message, text},
        links,
        service::Service,
    },
    http::call::Call,
    services::shared::lro,
    state::State,
    store::kind::{Audited, CustomMethod, Draft, Kind, Rules},
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
    rules: &Subscriptions,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("topic").fixed(),
    PUSH_CONFIG,
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
    // Kept, and not applied to messages, as by Google's own emulator.
    message("messageTransforms", TRANSFORM).repeated(),
    choice("state", &["ACTIVE", "RESOURCE_ERROR"]).output(),
];

const TRANSFORM: &[Field] = &[message("javascriptUdf", &[text("functionName"), text("code")]), flag("disabled")];

const PUSH_CONFIG: Field = message(
    "pushConfig",
    &[
        text("pushEndpoint"),
        map("attributes"),
        message("oidcToken", &[text("serviceAccountEmail"), text("audience")]),
        any("pubsubWrapper"),
        any("noWrapper"),
    ],
);

struct Subscriptions;

impl Rules for Subscriptions {
    fn complete(&self, _draft: &Draft<'_>, subscription: &mut Map<String, Value>) {
        let defaults = json!({
            "pushConfig": {},
            "ackDeadlineSeconds": 10,
            "messageRetentionDuration": "604800s",
            "expirationPolicy": {"ttl": "2678400s"},
            "state": "ACTIVE",
        });
        for (name, value) in defaults.as_object().into_iter().flatten() {
            subscription.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// The topic must exist when the subscription is created; it may be deleted later.
    fn check(&self, draft: &Draft<'_>, subscription: &Map<String, Value>) -> Result<(), Refusal> {
        let topic = topic(subscription);
        if draft.before.is_some() || draft.accepted.get(topic).is_some() {
            return Ok(());
        }
        Err(lro::not_found(&format!("Resource not found (resource={}).", links::last(topic))))
    }

    fn further_permissions(&self, subscription: &Map<String, Value>) -> Vec<(&'static str, String)> {
        vec![("pubsub.topics.attachSubscription", topic(subscription).to_owned())]
    }

    fn custom_methods(&self) -> &'static [CustomMethod] {
        const CUSTOM_METHODS: &[CustomMethod] = &[CustomMethod {
            name: "modifyPushConfig",
            body: &[PUSH_CONFIG],
            permission: "update",
            apply: replace_push_config,
        }];
        CUSTOM_METHODS
    }
}

/// The names of the subscriptions of the topic that is called.
pub fn of_topic(state: &State, call: &Call) -> Result<Value, Refusal> {
    let all = state.store.listed(KIND.collection, "projects/", call.view());
    let attached = all.filter(|(_, subscription)| subscription["topic"] == call.path);
    let (names, next) = call.page(attached.map(|(path, _)| (path, path)), ("pageSize", 1000))?;
    let mut answer = json!({"subscriptions": names, "nextPageToken": next});
    answer.as_object_mut().into_iter().for_each(fields::prune);
    Ok(answer)
}

fn topic(subscription: &Map<String, Value>) -> &str {
    subscription.get("topic").and_then(Value::as_str).unwrap_or_default()
}

/// Without an endpoint the subscription becomes a pull subscription.
fn replace_push_config(
    _: &Draft<'_>,
    subscription: &mut Map<String, Value>,
    sent: Map<String, Value>,
) -> Result<(), Refusal> {
    subscription.insert("pushConfig".to_owned(), json!({}));
    subscription.extend(sent);
    Ok(())
}

/// The push endpoint of a subscription; none for a pull subscription.
pub fn endpoint(subscription: &Value) -> Option<&str> {
    subscription["pushConfig"]["pushEndpoint"].as_str().filter(|endpoint| !endpoint.is_empty())
}
