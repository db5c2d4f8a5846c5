//! Cloud Run services. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, message, text},
        links,
        service::Service,
    },
    store::kind::{Audited, Kind},
};

use super::workload::{COMMON, REVISION, Workload};

pub static KIND: Kind = Kind {
    collection: "run.services",
    service: Service::Run,
    segment: "services",
    regional: true,
    methods: "run.projects.locations.services",
    permissions: "run.services",
    message: "google.cloud.run.v2.Service",
    fields: &[COMMON, FIELDS],
    audited: Audited { resource: "cloud_run_revision", id: "service_name", region: Some("location") },
    rules: &Workload,
};

/// Where a service answers. <https://cloud.google.com/run/docs/triggering/https-request#deterministic>
pub fn url(path: &str, number: &str) -> String {
    let region = path.split('/').nth(3).unwrap_or_default();
    format!("https://{}-{number}.{region}.run.app", links::last(path))
}

const FIELDS: &[Field] = &[
    text("description"),
    message("template", REVISION),
    choice("ingress", INGRESS),
    flag("defaultUriDisabled"),
    flag("invokerIamDisabled"),
    flag("iapEnabled"),
    flag("threatDetectionEnabled").output(),
    text("customAudiences").repeated(),
    any("buildConfig"),
    any("scaling"),
    any("traffic").repeated(),
    any("trafficStatuses").repeated().output(),
    text("latestCreatedRevision").output(),
    text("latestReadyRevision").output(),
    text("uri").output(),
    text("urls").repeated().output(),
];

pub const INGRESS: &[&str] = &[
    "INGRESS_TRAFFIC_ALL",
    "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    "INGRESS_TRAFFIC_NONE",
];
