//! Addresses: global ones reserve the ranges of private services access, regional ones are used by NATs.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/globalAddresses>

use serde_json::{Map, Value};

use crate::sim::{
    api::{
        errors::{Code, Refusal},
        fields::{self, Field, choice, int, link, map, region, text},
        fingerprint, links,
        service::Service,
    },
    store::{
        documents::Accepted,
        kind::{Audited, CustomMethod, Draft, Kind, Rules},
    },
};

use super::nats;

pub static GLOBAL: Kind = Kind {
    collection: "compute.globalAddresses",
    regional: false,
    methods: "compute.globalAddresses",
    permissions: "compute.globalAddresses",
    ..ADDRESS
};

pub static REGIONAL: Kind = ADDRESS;

const ADDRESS: Kind = Kind {
    collection: "compute.addresses",
    service: Service::Compute,
    segment: "addresses",
    regional: true,
    methods: "compute.addresses",
    permissions: "compute.addresses",
    message: "compute#address",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_reserved_address", id: "reserved_address_id", region: Some("location") },
    rules: &Address,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description").fixed(),
    text("address").fixed(),
    choice("addressType", &["EXTERNAL", "INTERNAL"]).fixed(),
    choice(
        "purpose",
        &[
            "DNS_RESOLVER",
            "GCE_ENDPOINT",
            "IPSEC_INTERCONNECT",
            "NAT_AUTO",
            "PRIVATE_SERVICE_CONNECT",
            "SERVERLESS",
            "SHARED_LOADBALANCER_VIP",
            "VPC_PEERING",
        ],
    )
    .fixed(),
    int("prefixLength").fixed(),
    choice("networkTier", &["FIXED_STANDARD", "PREMIUM", "STANDARD", "STANDARD_OVERRIDES_FIXED_STANDARD"]).fixed(),
    choice("ipVersion", &["IPV4", "IPV6"]).fixed(),
    link("network").fixed(),
    link("subnetwork").fixed(),
    region("region").fixed(),
    map("labels"),
    text("labelFingerprint").output(),
    text("status").output(),
    text("users").repeated().output(),
];

struct Address;

const CUSTOM_METHODS: &[CustomMethod] = &[CustomMethod {
    name: "setLabels",
    body: &[map("labels"), text("labelFingerprint")],
    permission: "setLabels",
    apply: set_labels,
}];

/// Replaces all labels, if the fingerprint is the current one.
fn set_labels(_: &Draft<'_>, address: &mut Map<String, Value>, mut sent: Map<String, Value>) -> Result<(), Refusal> {
    if sent.get("labelFingerprint") != address.get("labelFingerprint") {
        let message = "Labels fingerprint either invalid or resource labels have changed";
        return Err(Refusal::new(Code::of_http(412), "conditionNotMet", message));
    }
    address.insert("labels".to_owned(), sent.remove("labels").unwrap_or_default());
    Ok(())
}

impl Rules for Address {
    fn custom_methods(&self) -> &'static [CustomMethod] {
        CUSTOM_METHODS
    }

    /// The document lists the users of the address.
    fn present(&self, accepted: Accepted<'_>, document: &mut Value) {
        let path = links::path(document["selfLink"].as_str().unwrap_or_default()).to_owned();
        let routers: Vec<Value> =
            nats::routers_using(accepted, &path).iter().map(|router| links::full(router).into()).collect();
        if !routers.is_empty() {
            document["users"] = routers.into();
            document["status"] = "IN_USE".into();
        }
    }

    fn user(&self, accepted: Accepted<'_>, path: &str) -> Option<String> {
        nats::routers_using(accepted, path).into_iter().next()
    }

    fn complete(&self, draft: &Draft<'_>, document: &mut Map<String, Value>) {
        document.entry("addressType").or_insert_with(|| "EXTERNAL".into());
        document.insert("status".to_owned(), "RESERVED".into());
        document.entry("description").or_insert_with(|| "".into());
        if document.get("addressType").is_some_and(|kind| kind == "EXTERNAL") {
            document.entry("networkTier").or_insert_with(|| "PREMIUM".into());
        }
        let labels = document.get("labels").unwrap_or(&Value::Null);
        document.insert("labelFingerprint".to_owned(), fingerprint::of(labels).into());
        // An address of a documentation block (RFC 5737) in place of one that Google would allocate.
        let last = 1 + u32::try_from(draft.draw.id().parse::<u64>().unwrap_or(0) % 254).unwrap_or(0);
        document.entry("address").or_insert_with(|| Value::from(format!("203.0.113.{last}")));
    }
}
