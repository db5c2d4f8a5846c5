//! Cloud Run services. <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services>

use crate::sim::{
    fields::{Field, any, choice, flag, long, map, message, text},
    kind::{Audited, Kind, Plain},
    kinds::workload::{LAUNCH_STAGES, REVISION},
    route::Service,
};

pub static KIND: Kind = Kind {
    collection: "run.services",
    service: Service::Run,
    segment: "services",
    regional: true,
    methods: "run.projects.locations.services",
    permissions: "run.services",
    message: "google.cloud.run.v2.Service",
    fields: FIELDS,
    audited: Audited { resource: "cloud_run_revision", id: "service_name", region: Some("location") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    map("labels"),
    map("annotations"),
    text("client"),
    text("clientVersion"),
    choice("launchStage", LAUNCH_STAGES),
    any("binaryAuthorization"),
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
    text("uid").output(),
    long("generation").output(),
    long("observedGeneration").output(),
    text("createTime").output(),
    text("updateTime").output(),
    text("deleteTime").output(),
    text("expireTime").output(),
    text("creator").output(),
    text("lastModifier").output(),
    any("terminalCondition").output(),
    any("conditions").repeated().output(),
    flag("reconciling").output(),
    flag("satisfiesPzs").output(),
    // Sent back by clients that read before they write, for optimistic locking.
    text("etag"),
];

const INGRESS: &[&str] = &[
    "INGRESS_TRAFFIC_ALL",
    "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    "INGRESS_TRAFFIC_NONE",
];
