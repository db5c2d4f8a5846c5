//! Revisions of Cloud Run services and worker pools.
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services.revisions>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, long, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Rules},
};

use super::workload::{LAUNCH_STAGES, REVISION};

pub static KIND: Kind = Kind {
    collection: "run.revisions",
    service: Service::Run,
    segment: "revisions",
    regional: true,
    methods: "run.projects.locations.services.revisions",
    permissions: "run.revisions",
    message: "google.cloud.run.v2.Revision",
    fields: &[REVISION, FIELDS],
    audited: Audited { resource: "cloud_run_revision", id: "revision_name", region: Some("location") },
    rules: &Revisions,
};

struct Revisions;

impl Rules for Revisions {
    /// Or of a worker pool.
    fn within(&self) -> Option<&'static str> {
        Some("services")
    }
}

const FIELDS: &[Field] = &[
    text("name").output(),
    text("uid").output(),
    long("generation").output(),
    long("observedGeneration").output(),
    text("createTime").output(),
    text("updateTime").output(),
    text("deleteTime").output(),
    text("expireTime").output(),
    choice("launchStage", LAUNCH_STAGES),
    text("service").output(),
    flag("reconciling").output(),
    any("conditions").repeated().output(),
    any("scalingStatus").output(),
    text("logUri").output(),
    text("etag").output(),
    text("creator").output(),
    flag("satisfiesPzs").output(),
];
