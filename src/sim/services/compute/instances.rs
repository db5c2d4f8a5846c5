//! Virtual machines: a world holds them, since they take addresses of subnetworks. No method serves them.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/instances>

use crate::sim::{
    api::{
        fields::{self, Field, any, flag, link, map, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Rules},
};

pub static KIND: Kind = Kind {
    collection: "compute.instances",
    service: Service::Compute,
    segment: "instances",
    regional: false,
    methods: "compute.instances",
    permissions: "compute.instances",
    message: "compute#instance",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_instance", id: "instance_id", region: None },
    rules: &Instance,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("description"),
    any("tags"),
    link("machineType"),
    text("status"),
    text("statusMessage"),
    link("zone"),
    flag("canIpForward"),
    any("networkInterfaces").repeated(),
    any("disks").repeated(),
    any("metadata"),
    any("serviceAccounts").repeated(),
    any("scheduling"),
    text("cpuPlatform"),
    map("labels"),
    any("params"),
    text("labelFingerprint"),
    text("minCpuPlatform"),
    any("guestAccelerators").repeated(),
    flag("startRestricted"),
    flag("deletionProtection"),
    text("resourcePolicies").repeated(),
    any("reservationAffinity"),
    text("hostname"),
    any("displayDevice"),
    any("shieldedInstanceConfig"),
    any("shieldedInstanceIntegrityPolicy"),
    text("fingerprint"),
    text("privateIpv6GoogleAccess"),
    text("lastStartTimestamp"),
    text("lastStopTimestamp"),
    any("advancedMachineFeatures"),
    any("networkPerformanceConfig"),
    any("resourceStatus"),
    text("keyRevocationActionType"),
    flag("satisfiesPzi"),
    flag("satisfiesPzs"),
];

struct Instance;

impl Rules for Instance {
    /// The zone, which no URL here has.
    fn within(&self) -> Option<&'static str> {
        Some("compute.zones")
    }
}
