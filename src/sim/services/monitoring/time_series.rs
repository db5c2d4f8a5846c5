//! Time series of Cloud Monitoring. Read only, and served as the world has them: filter, interval and alignment of a request
//! are not evaluated. <https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TimeSeries>

use serde_json::Value;

use crate::sim::{
    api::{
        fields::{Field, any, text},
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, Kind, Rules},
    },
};

pub static KIND: Kind = Kind {
    collection: "monitoring.timeSeries",
    service: Service::Monitoring,
    segment: "timeSeries",
    regional: false,
    methods: "monitoring.projects.timeSeries",
    permissions: "monitoring.timeSeries",
    message: "google.monitoring.v3.TimeSeries",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &TimeSeries,
};

struct TimeSeries;

impl Rules for TimeSeries {
    /// It has a name in a world file only.
    fn present(&self, _: Accepted<'_>, document: &mut Value) {
        if let Some(members) = document.as_object_mut() {
            members.remove("name");
        }
    }
}

const FIELDS: &[Field] = &[
    text("name"),
    any("metric"),
    any("resource"),
    any("metadata"),
    text("metricKind"),
    text("valueType"),
    any("points").repeated(),
    text("unit"),
];
