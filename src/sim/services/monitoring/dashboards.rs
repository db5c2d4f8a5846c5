//! Dashboards of Cloud Monitoring. <https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, any, map, text},
        service::Service,
    },
    store::kind::{Audited, Draft, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "monitoring.dashboards",
    service: Service::Monitoring,
    segment: "dashboards",
    regional: false,
    methods: "monitoring.projects.dashboards",
    permissions: "monitoring.dashboards",
    message: "google.monitoring.dashboard.v1.Dashboard",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Dashboards,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("displayName"),
    text("etag"),
    any("gridLayout"),
    any("mosaicLayout"),
    any("rowLayout"),
    any("columnLayout"),
    any("dashboardFilters").repeated(),
    any("annotations"),
    map("labels"),
];

struct Dashboards;

impl Rules for Dashboards {
    fn complete(&self, draft: &Draft<'_>, dashboard: &mut Map<String, Value>) {
        dashboard.insert("etag".to_owned(), draft.etag());
    }

    fn check(&self, _draft: &Draft<'_>, dashboard: &Map<String, Value>) -> Result<(), Refusal> {
        match dashboard.get("displayName") {
            Some(_) => Ok(()),
            None => Err(Refusal::invalid("Field displayName is required.")),
        }
    }
}
