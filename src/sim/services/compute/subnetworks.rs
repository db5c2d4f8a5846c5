//! Subnetworks. <https://cloud.google.com/compute/docs/reference/rest/v1/subnetworks>

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        cidr,
        errors::Refusal,
        fields::{self, Field, Type, any, choice, field, flag, link, message, region, text},
        fingerprint, links,
        service::Service,
    },
    services::{networkconnectivity::internal_ranges, shared::address_space},
    store::{
        documents::Accepted,
        kind::{Audited, CustomMethod, Draft, Kind, Rules},
    },
};

use super::{nats, references, routes};

pub static KIND: Kind = Kind {
    collection: address_space::SUBNETWORKS,
    service: Service::Compute,
    segment: "subnetworks",
    regional: true,
    methods: "compute.subnetworks",
    permissions: "compute.subnetworks",
    message: "compute#subnetwork",
    fields: &[fields::COMPUTE, FIELDS],
    audited: Audited { resource: "gce_subnetwork", id: "subnetwork_id", region: Some("location") },
    rules: &Subnetwork,
};

const FIELDS: &[Field] = &[
    text("name").fixed(),
    text("description").fixed(),
    link("network").fixed(),
    region("region").fixed(),
    text("ipCidrRange").fixed(),
    flag("privateIpGoogleAccess"),
    flag("enableFlowLogs"),
    choice(
        "purpose",
        &[
            "GLOBAL_MANAGED_PROXY",
            "INTERNAL_HTTPS_LOAD_BALANCER",
            "PRIVATE",
            "PRIVATE_NAT",
            "PRIVATE_RFC_1918",
            "PRIVATE_SERVICE_CONNECT",
            "REGIONAL_MANAGED_PROXY",
        ],
    )
    .fixed(),
    choice("role", &["ACTIVE", "BACKUP"]),
    choice("stackType", &["IPV4_IPV6", "IPV4_ONLY", "IPV6_ONLY"]),
    choice("ipv6AccessType", &["EXTERNAL", "INTERNAL"]),
    choice(
        "privateIpv6GoogleAccess",
        &["DISABLE_GOOGLE_ACCESS", "ENABLE_BIDIRECTIONAL_ACCESS_TO_GOOGLE", "ENABLE_OUTBOUND_VM_ACCESS_TO_GOOGLE"],
    ),
    flag("allowSubnetCidrRoutesOverlap"),
    text("reservedInternalRange"),
    text("ipCollection"),
    text("externalIpv6Prefix"),
    text("fingerprint"),
    any("params"),
    message(
        "logConfig",
        &[
            flag("enable"),
            text("aggregationInterval"),
            field("flowSampling", Type::Number),
            text("metadata"),
            text("metadataFields").repeated(),
            text("filterExpr"),
        ],
    ),
    message("secondaryIpRanges", &[text("rangeName"), text("ipCidrRange"), text("reservedInternalRange")]).repeated(),
    text("gatewayAddress").output(),
    text("internalIpv6Prefix").output(),
    text("ipv6CidrRange").output(),
    text("ipv6GceEndpoint").output(),
    text("state").output(),
];

/// Google keeps these of every primary range: the first two and the last two.
const RESERVED: u64 = 4;
/// A workload with Direct VPC egress holds at least one block of addresses.
const BLOCK: u64 = 16;

/// How much of the primary range is taken: by connectors, by workloads with Direct VPC egress, and by virtual machines.
/// <https://cloud.google.com/run/docs/configuring/vpc-direct-vpc#direct-vpc-ip-allocation>
pub fn utilization(accepted: Accepted<'_>, path: &str, subnetwork: &Value) -> Value {
    let size = |range: Ipv4Net| 1_u64 << (32 - range.prefix_len());
    let size = subnetwork["ipCidrRange"].as_str().and_then(cidr::range).map_or(0, size);
    let interfaces = |collection: &'static str| {
        let documents = accepted.all(collection).map(|(_, document)| document);
        documents.filter(|document| holds_interface(document, path)).count() as u64
    };
    let connectors = accepted.all(address_space::CONNECTORS).filter(|(of, connector)| {
        address_space::subnetwork_of(of, connector).as_deref() == Some(path) && connector["state"] != "ERROR"
    });
    let machines: u64 = connectors.map(|(_, connector)| connector["minInstances"].as_u64().unwrap_or(2)).sum();
    let blocks: u64 =
        ["run.services", "run.workerPools", "run.instances", "run.executions"].map(interfaces).iter().sum();
    let taken = (machines + BLOCK * blocks + interfaces("compute.instances")).min(size.saturating_sub(RESERVED));
    let free = size.saturating_sub(RESERVED + taken);
    json!({"ipv4Utilizations": [{"totalAllocatedIp": taken.to_string(), "totalFreeIp": free.to_string()}]})
}

/// Whether an interface anywhere in a document is on the subnetwork.
fn holds_interface(document: &Value, path: &str) -> bool {
    let on_it = |interface: &Value| {
        let reference = interface["subnetwork"].as_str().or(interface["network"].as_str()).unwrap_or_default();
        match reference.contains("projects/") {
            true => links::path(reference) == path,
            false => links::last(reference) == links::last(path),
        }
    };
    match document {
        Value::Object(fields) => fields.iter().any(|(key, value)| match (key.as_str(), value) {
            ("networkInterfaces", Value::Array(interfaces)) => interfaces.iter().any(on_it),
            (_, value) => holds_interface(value, path),
        }),
        Value::Array(items) => items.iter().any(|item| holds_interface(item, path)),
        _ => false,
    }
}

struct Subnetwork;

const CUSTOM_METHODS: &[CustomMethod] = &[
    CustomMethod {
        name: "setPrivateIpGoogleAccess",
        body: &[flag("privateIpGoogleAccess")],
        permission: "setPrivateIpGoogleAccess",
        apply: |_, subnetwork, sent| {
            subnetwork.extend(sent);
            Ok(())
        },
    },
    CustomMethod {
        name: "expandIpCidrRange",
        body: &[text("ipCidrRange")],
        permission: "expandIpCidrRange",
        apply: expand,
    },
];

/// Replaces the primary range by a wider one that contains it.
fn expand(_: &Draft<'_>, subnetwork: &mut Map<String, Value>, sent: Map<String, Value>) -> Result<(), Refusal> {
    let range = |of: &Map<String, Value>| of.get("ipCidrRange").and_then(Value::as_str).and_then(cidr::range);
    let wider = matches!((range(subnetwork), range(&sent)), (Some(held), Some(wanted))
        if wanted.contains(&held) && wanted.prefix_len() < held.prefix_len());
    if !wider {
        let wanted = sent.get("ipCidrRange").and_then(Value::as_str).unwrap_or_default();
        let why = "The new range must contain the current one and be larger than it.";
        return Err(Refusal::value("resource.ipCidrRange", wanted, why));
    }
    subnetwork.extend(sent);
    Ok(())
}

impl Rules for Subnetwork {
    fn custom_methods(&self) -> &'static [CustomMethod] {
        CUSTOM_METHODS
    }

    fn complete(&self, _draft: &Draft<'_>, document: &mut Map<String, Value>) {
        filled_in(document);
    }

    fn check(&self, draft: &Draft<'_>, document: &Map<String, Value>) -> Result<(), Refusal> {
        let network = references::reference(draft, document, "network")?;
        let sent = document
            .get("ipCidrRange")
            .and_then(Value::as_str)
            .ok_or_else(|| Refusal::required("resource.ipCidrRange"))?;
        let bad = |why: &str| Refusal::value("resource.ipCidrRange", sent, why);
        let range = cidr::range(sent).ok_or_else(|| bad("Must be a CIDR address range."))?;
        if range.trunc() != range {
            return Err(bad("The IP range must be a valid CIDR range: host bits are set."));
        }
        if !(4..=29).contains(&range.prefix_len()) {
            return Err(bad("The prefix length must be between 4 and 29."));
        }
        address_space::check_not_legacy(draft.accepted.get(&network))?;
        for range in cidr::of_subnetwork(&Value::Object(document.clone())) {
            if let Some((route, held)) = routes::within(draft.accepted, &network, range) {
                let route = links::last(route);
                return Err(bad(&format!(
                    "Invalid IPCidrRange: {range} contains the destination {held} of route '{route}'."
                )));
            }
            if let Some(holder) = address_space::holder(draft.accepted, &network, range, draft.path) {
                return Err(bad(&format!("Invalid IPCidrRange: {range} conflicts with existing {holder}.")));
            }
            let reserved = internal_ranges::reserving(draft.accepted, &network, range);
            if let (Some(reserved), None) = (reserved, document.get("reservedInternalRange")) {
                return Err(bad(&format!("Invalid IPCidrRange: {range} is reserved by internal range '{reserved}'.")));
            }
        }
        Ok(())
    }

    fn further_permissions(&self, document: &Map<String, Value>) -> Vec<(&'static str, String)> {
        references::update_policy(document)
    }

    fn user(&self, accepted: Accepted<'_>, path: &str) -> Option<String> {
        address_space::connector_on_subnetwork(accepted, path).or_else(|| nats::router_serving(accepted, path))
    }
}

/// Fills in Google's defaults and the fingerprint.
pub fn filled_in(document: &mut Map<String, Value>) {
    let gateway = document.get("ipCidrRange").and_then(|range| cidr::range(range.as_str()?));
    if let Some(gateway) = gateway.and_then(|range| range.hosts().next()) {
        document.insert("gatewayAddress".to_owned(), gateway.to_string().into());
    }
    let defaults = json!({
        "allowSubnetCidrRoutesOverlap": false,
        "enableFlowLogs": false,
        "logConfig": {"enable": false},
        "privateIpGoogleAccess": false,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
        "purpose": "PRIVATE",
    });
    for (name, value) in defaults.as_object().into_iter().flatten() {
        document.entry(name.clone()).or_insert_with(|| value.clone());
    }
    // A range for private NAT has no stack type.
    if document.get("purpose").is_none_or(|purpose| purpose != "PRIVATE_NAT") {
        document.entry("stackType").or_insert_with(|| "IPV4_ONLY".into());
    }
    document.remove("fingerprint");
    let fingerprint = fingerprint::of(&Value::Object(document.clone()));
    document.insert("fingerprint".to_owned(), fingerprint.into());
}
