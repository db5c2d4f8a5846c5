//! Revisions of Cloud Run services and worker pools.
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services.revisions>

use serde_json::Value;

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, long, text},
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, Kind, Rules},
    },
};

use super::{
    annotations::V1_ONLY,
    workload::{LAUNCH_STAGES, REVISION, Workload},
};

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

    fn present(&self, accepted: Accepted<'_>, document: &mut Value) {
        Workload.present(accepted, document);
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
    any(V1_ONLY).output(),
];
