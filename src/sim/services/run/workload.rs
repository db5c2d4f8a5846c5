//! The fields that jobs, services and worker pools have in common.

use serde_json::Value;

use crate::sim::{
    api::fields::{self, Field, any, choice, flag, int, long, map, message, text},
    store::{documents::Accepted, kind::Rules},
};

use super::annotations::V1_ONLY;

/// What v2 shows of a workload.
pub struct Workload;

impl Rules for Workload {
    fn present(&self, _accepted: Accepted<'_>, document: &mut Value) {
        fields::hide(document, &[V1_ONLY]);
    }
}

pub const VPC_ACCESS: &[Field] = &[
    text("connector"),
    choice("egress", &["ALL_TRAFFIC", "PRIVATE_RANGES_ONLY"]),
    message("networkInterfaces", &[text("network"), text("subnetwork"), text("tags").repeated()]).repeated(),
];

/// Fields of jobs, services and worker pools.
pub const COMMON: &[Field] = &[
    text("name"),
    map("labels"),
    map("annotations"),
    text("client"),
    text("clientVersion"),
    choice("launchStage", LAUNCH_STAGES),
    any("binaryAuthorization"),
    // For optimistic locking.
    text("etag"),
    text("uid").output(),
    long("generation").output(),
    long("observedGeneration").output(),
    text("createTime").output(),
    text("updateTime").output(),
    text("deleteTime").output(),
    text("expireTime").output(),
    text("creator").output(),
    text("lastModifier").output(),
    message("terminalCondition", CONDITION).output(),
    message("conditions", CONDITION).repeated().output(),
    flag("reconciling").output(),
    flag("satisfiesPzs").output(),
    any(V1_ONLY).output(),
];

const CONDITION: &[Field] = &[
    text("type"),
    choice("state", &["CONDITION_PENDING", "CONDITION_RECONCILING", "CONDITION_FAILED", "CONDITION_SUCCEEDED"]),
    text("message"),
    text("lastTransitionTime"),
    choice("severity", &["ERROR", "WARNING", "INFO"]),
    text("reason"),
    text("revisionReason"),
    text("executionReason"),
];

pub const LAUNCH_STAGES: &[&str] = &["EARLY_ACCESS", "ALPHA", "BETA", "GA", "DEPRECATED", "UNIMPLEMENTED", "PRELAUNCH"];

pub const ENVIRONMENTS: &[&str] = &["EXECUTION_ENVIRONMENT_GEN1", "EXECUTION_ENVIRONMENT_GEN2"];

/// <https://cloud.google.com/run/docs/reference/rest/v2/Container>
pub const CONTAINER: &[Field] = &[
    text("name"),
    text("image"),
    any("sourceCode"),
    text("command").repeated(),
    text("args").repeated(),
    message("env", &[text("name"), text("value"), message("valueSource", &[message("secretKeyRef", SECRET)])])
        .repeated(),
    message("resources", &[map("limits"), flag("cpuIdle"), flag("startupCpuBoost")]),
    message("ports", &[text("name"), int("containerPort")]).repeated(),
    message("volumeMounts", &[text("name"), text("mountPath"), text("subPath")]).repeated(),
    text("workingDir"),
    any("livenessProbe"),
    any("startupProbe"),
    any("readinessProbe"),
    text("dependsOn").repeated(),
    text("baseImageUri"),
    any("buildInfo").output(),
];

const SECRET: &[Field] = &[text("secret"), text("version")];

/// The revision template of a service and of a worker pool.
pub const REVISION: &[Field] = &[
    text("revision"),
    map("labels"),
    map("annotations"),
    any("scaling"),
    message("vpcAccess", VPC_ACCESS),
    text("timeout"),
    text("serviceAccount"),
    message("containers", CONTAINER).repeated(),
    any("volumes").repeated(),
    choice("executionEnvironment", ENVIRONMENTS),
    text("encryptionKey"),
    text("encryptionKeyRevocationAction"),
    text("encryptionKeyShutdownDuration"),
    int("maxInstanceRequestConcurrency"),
    any("serviceMesh"),
    any("nodeSelector"),
    flag("sessionAffinity"),
    flag("healthCheckDisabled"),
    flag("gpuZonalRedundancyDisabled"),
    any("client"),
];
