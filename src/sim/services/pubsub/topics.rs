//! Pub/Sub topics. <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, map, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain},
};

pub static KIND: Kind = Kind {
    collection: "pubsub.topics",
    service: Service::PubSub,
    segment: "topics",
    regional: false,
    methods: "pubsub.projects.topics",
    permissions: "pubsub.topics",
    message: "google.pubsub.v1.Topic",
    fields: &[FIELDS],
    audited: Audited { resource: "pubsub_topic", id: "topic_id", region: None },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    map("labels"),
    any("messageStoragePolicy"),
    text("kmsKeyName"),
    message(
        "schemaSettings",
        &[text("schema"), choice("encoding", &["JSON", "BINARY"]), text("firstRevisionId"), text("lastRevisionId")],
    ),
    flag("satisfiesPzs"),
    text("messageRetentionDuration"),
    choice("state", &["ACTIVE", "INGESTION_RESOURCE_ERROR"]).output(),
    any("ingestionDataSourceSettings"),
];
