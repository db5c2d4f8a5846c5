//! Log sinks. <https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, text},
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "logging.sinks",
    service: Service::Logging,
    segment: "sinks",
    regional: false,
    methods: "logging.projects.sinks",
    permissions: "logging.sinks",
    message: "google.logging.v2.LogSink",
    fields: &[FIELDS],
    audited: Audited { resource: "logging_sink", id: "name", region: None },
    rules: &Sinks,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("resourceName").output(),
    text("destination"),
    text("filter"),
    text("description"),
    flag("disabled"),
    any("exclusions").repeated(),
    choice("outputVersionFormat", &["V2", "V1"]),
    text("writerIdentity").output(),
    flag("includeChildren"),
    flag("interceptChildren"),
    text("createTime").output(),
    text("updateTime").output(),
];

struct Sinks;

impl Rules for Sinks {
    /// All sinks of a project write as the project's logging service agent.
    fn complete(&self, draft: &Draft<'_>, sink: &mut Map<String, Value>) {
        let writer = format!("serviceAccount:service-{}@gcp-sa-logging.iam.gserviceaccount.com", draft.number);
        sink.insert("writerIdentity".to_owned(), writer.into());
        draft.date(sink);
    }
}

/// The topic of a sink, if its destination is one and the sink is enabled.
pub fn topic(sink: &Value) -> Option<&str> {
    let topic = sink["destination"].as_str()?.strip_prefix("pubsub.googleapis.com/")?;
    (sink["disabled"] != true).then_some(topic)
}
