//! Cloud Functions of the first generation. Read only.
//! <https://cloud.google.com/functions/docs/reference/rest/v1/projects.locations.functions>

use crate::sim::{
    api::{
        fields::{Field, any, choice, int, map, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain},
};

pub static KIND: Kind = Kind {
    collection: "cloudfunctions.functions",
    service: Service::Functions,
    segment: "functions",
    regional: true,
    methods: "cloudfunctions.projects.locations.functions",
    permissions: "cloudfunctions.functions",
    message: "google.cloud.functions.v1.CloudFunction",
    fields: &[FIELDS],
    audited: Audited { resource: "cloud_function", id: "function_name", region: Some("region") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("description"),
    text("sourceArchiveUrl"),
    any("sourceRepository"),
    text("sourceUploadUrl"),
    any("httpsTrigger"),
    any("eventTrigger"),
    choice("status", &["ACTIVE", "OFFLINE", "DEPLOY_IN_PROGRESS", "DELETE_IN_PROGRESS", "UNKNOWN"]),
    text("entryPoint"),
    text("runtime"),
    text("timeout"),
    int("availableMemoryMb"),
    text("serviceAccountEmail"),
    text("updateTime"),
    text("versionId"),
    map("labels"),
    map("environmentVariables"),
    map("buildEnvironmentVariables"),
    text("network"),
    int("maxInstances"),
    int("minInstances"),
    text("vpcConnector"),
    choice("vpcConnectorEgressSettings", &["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"]),
    choice("ingressSettings", &["ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"]),
    text("kmsKeyName"),
    text("buildWorkerPool"),
    text("buildId"),
    text("buildName"),
    any("secretEnvironmentVariables").repeated(),
    any("secretVolumes").repeated(),
    text("dockerRepository"),
    text("dockerRegistry"),
    text("buildServiceAccount"),
    any("automaticUpdatePolicy"),
    any("onDeployUpdatePolicy"),
];
