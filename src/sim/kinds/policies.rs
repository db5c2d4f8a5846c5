//! Firewall policies: hierarchical, global and regional. They are part of a world; the API only lets them be read, and
//! felt through the effective firewalls. <https://cloud.google.com/firewall/docs/firewall-policies-overview>

use crate::sim::{
    fields::{self, Field, any, int, text},
    kind::{Audited, Kind, Plain},
    route::Service,
};

/// Associated with an organization or a folder above the projects of the world.
pub static HIERARCHICAL: Kind = Kind {
    collection: "compute.firewallPolicies",
    segment: "hierarchicalFirewallPolicies",
    regional: false,
    methods: "compute.firewallPolicies",
    permissions: "compute.firewallPolicies",
    ..POLICY
};

pub static GLOBAL: Kind = Kind {
    collection: "compute.networkFirewallPolicies",
    segment: "firewallPolicies",
    regional: false,
    methods: "compute.networkFirewallPolicies",
    ..POLICY
};

pub static REGIONAL: Kind = Kind {
    collection: "compute.regionNetworkFirewallPolicies",
    segment: "firewallPolicies",
    regional: true,
    methods: "compute.regionNetworkFirewallPolicies",
    ..POLICY
};

const POLICY: Kind = Kind {
    collection: "",
    service: Service::Compute,
    segment: "",
    regional: false,
    methods: "",
    permissions: "compute.firewallPolicies",
    message: "compute#firewallPolicy",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_firewall_policy", id: "firewall_policy_id", region: Some("location") },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("shortName").fixed(),
    text("displayName"),
    text("description"),
    text("parent").fixed(),
    any("associations").repeated(),
    any("rules").repeated(),
    any("packetMirroringRules").repeated(),
    int("ruleTupleCount").output(),
    text("fingerprint"),
    text("region").output(),
];
