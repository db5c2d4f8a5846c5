//! Log-based metrics. They are not evaluated.
//! <https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics>

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, any, choice, flag, map, text},
        links,
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "logging.metrics",
    service: Service::Logging,
    segment: "metrics",
    regional: false,
    methods: "logging.projects.metrics",
    permissions: "logging.logMetrics",
    message: "google.logging.v2.LogMetric",
    fields: &[FIELDS],
    audited: Audited { resource: "metric", id: "name", region: None },
    rules: &Metrics,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("resourceName").output(),
    text("description"),
    text("filter"),
    text("bucketName"),
    flag("disabled"),
    any("metricDescriptor"),
    text("valueExtractor"),
    map("labelExtractors"),
    any("bucketOptions"),
    text("createTime").output(),
    text("updateTime").output(),
    choice("version", &["V2", "V1"]),
];

struct Metrics;

impl Rules for Metrics {
    fn complete(&self, draft: &Draft<'_>, metric: &mut Map<String, Value>) {
        let counted = format!("logging.googleapis.com/user/{}", links::last(draft.path));
        let descriptor = metric.entry("metricDescriptor").or_insert_with(|| json!({}));
        descriptor["name"] = format!("projects/{}/metricDescriptors/{counted}", draft.project).into();
        descriptor["type"] = counted.into();
        draft.date(metric);
    }

    fn check(&self, _draft: &Draft<'_>, metric: &Map<String, Value>) -> Result<(), Refusal> {
        match metric.get("filter") {
            Some(_) => Ok(()),
            None => Err(Refusal::invalid("The metric must have a filter.")),
        }
    }
}
