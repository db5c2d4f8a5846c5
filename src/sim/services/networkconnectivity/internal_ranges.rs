//! Internal ranges, which reserve address space of a network.
//! <https://cloud.google.com/network-connectivity/docs/reference/networkconnectivity/rest/v1/projects.locations.internalRanges>

use ipnet::Ipv4Net;
use serde_json::Value;

use crate::sim::{
    api::{
        cidr,
        fields::{Field, any, choice, int, map, text},
        links,
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, Kind, Plain},
    },
};

pub static KIND: Kind = Kind {
    collection: "networkconnectivity.internalRanges",
    service: Service::NetworkConnectivity,
    segment: "internalRanges",
    regional: false,
    methods: "networkconnectivity.projects.locations.internalRanges",
    permissions: "networkconnectivity.internalRanges",
    message: "google.cloud.networkconnectivity.v1.InternalRange",
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
    text("ipCidrRange"),
    text("network"),
    choice("usage", &["FOR_VPC", "EXTERNAL_TO_VPC", "FOR_MIGRATION"]),
    choice("peering", &["FOR_SELF", "FOR_PEER", "NOT_SHARED"]),
    int("prefixLength"),
    text("targetCidrRange").repeated(),
    text("users").repeated().output(),
    choice("overlaps", &["OVERLAP_ROUTE_RANGE", "OVERLAP_EXISTING_SUBNET_RANGE"]).repeated(),
    any("migration"),
];

/// The internal range of a network that overlaps `range`: a subnetwork may overlap it only if it refers to it.
pub fn reserving<'a>(accepted: Accepted<'a>, network: &str, range: Ipv4Net) -> Option<&'a str> {
    let reserves = |held: &Value| {
        let clashes = held["ipCidrRange"].as_str().and_then(cidr::range).is_some_and(|held| cidr::overlap(held, range));
        clashes && links::path(held["network"].as_str().unwrap_or_default()) == network
    };
    accepted.all(KIND.collection).find(|(_, held)| reserves(held)).map(|(path, _)| path)
}
