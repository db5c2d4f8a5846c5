//! Cloud Run instances. Read only.
//! <https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.instances>

use crate::sim::{
    api::{
        fields::{Field, any, choice, flag, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain},
};

use super::{
    services::INGRESS,
    workload::{COMMON, CONTAINER, VPC_ACCESS},
};

pub static KIND: Kind = Kind {
    collection: "run.instances",
    service: Service::Run,
    segment: "instances",
    regional: true,
    methods: "run.projects.locations.instances",
    permissions: "run.instances",
    message: "google.cloud.run.v2.Instance",
    fields: &[COMMON, FIELDS],
    audited: Audited { resource: "cloud_run_instance", id: "instance_name", region: Some("location") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("description"),
    message("vpcAccess", VPC_ACCESS),
    message("containers", CONTAINER).repeated(),
    any("volumes").repeated(),
    text("serviceAccount"),
    text("encryptionKey"),
    any("nodeSelector"),
    flag("gpuZonalRedundancyDisabled"),
    choice("ingress", INGRESS),
    flag("invokerIamDisabled"),
    flag("iapEnabled"),
    text("timeout"),
    text("logUri").output(),
    text("urls").repeated().output(),
    any("containerStatuses").repeated().output(),
];
