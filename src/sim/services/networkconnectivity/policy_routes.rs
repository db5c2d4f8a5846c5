//! Policy-based routes, which take precedence over other routes.
//! <https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.global.policyBasedRoutes>

use crate::sim::{
    api::{
        fields::{Field, any, choice, int, map, message, text},
        service::Service,
    },
    store::kind::{Audited, Kind, Plain},
};

pub static KIND: Kind = Kind {
    collection: "networkconnectivity.policyBasedRoutes",
    service: Service::NetworkConnectivity,
    segment: "policyBasedRoutes",
    regional: false,
    methods: "networkconnectivity.projects.locations.global.policyBasedRoutes",
    permissions: "networkconnectivity.policyBasedRoutes",
    message: "google.cloud.networkconnectivity.v1.PolicyBasedRoute",
    fields: &[FIELDS],
    audited: Audited { resource: "audited_resource", id: "method", region: None },
    rules: &Plain,
};

const FIELDS: &[Field] = &[
    text("name"),
    text("createTime").output(),
    text("updateTime").output(),
    map("labels"),
    text("description"),
    text("network"),
    message(
        "filter",
        &[
            choice("ipProtocol", &["ALL", "TCP", "UDP"]),
            text("srcRange"),
            text("destRange"),
            choice("protocolVersion", &["IPV4", "IPV6"]),
        ],
    ),
    int("priority"),
    message("virtualMachine", &[text("tags").repeated()]),
    message("interconnectAttachment", &[text("region")]),
    text("nextHopIlbIp"),
    choice("nextHopOtherRoutes", &["DEFAULT_ROUTING"]),
    any("warnings").repeated().output(),
    text("selfLink").output(),
    text("kind").output(),
];
