//! Cloud NAT gateways, which are part of a router: their fields, defaults and conflicts.

use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        fields::{Field, choice, flag, int, link, message, text},
        links,
    },
    store::{documents::Accepted, kind::Draft},
};

use super::references;

/// The collection of the routers.
pub const ROUTERS: &str = "compute.routers";

const RANGES: &[&str] = &["ALL_IP_RANGES", "LIST_OF_SECONDARY_IP_RANGES", "PRIMARY_IP_RANGE"];
const ALL_RANGES: &str = "ALL_SUBNETWORKS_ALL_IP_RANGES";
const ALL_PRIMARY: &str = "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES";
const LISTED: &str = "LIST_OF_SUBNETWORKS";

/// <https://cloud.google.com/nat/quota>
const MAX_NATS: usize = 50;

pub const FIELDS: &[Field] = &[
    text("name"),
    choice("type", &["PRIVATE", "PUBLIC"]),
    choice("sourceSubnetworkIpRangesToNat", &[ALL_RANGES, ALL_PRIMARY, LISTED]),
    choice("sourceSubnetworkIpRangesToNat64", &["ALL_IPV6_SUBNETWORKS", "LIST_OF_IPV6_SUBNETWORKS"]),
    message(
        "subnetworks",
        &[link("name"), choice("sourceIpRangesToNat", RANGES).repeated(), text("secondaryIpRangeNames").repeated()],
    )
    .repeated(),
    message("nat64Subnetworks", &[link("name")]).repeated(),
    choice("natIpAllocateOption", &["AUTO_ONLY", "MANUAL_ONLY"]),
    link("natIps").repeated(),
    link("drainNatIps").repeated(),
    choice("autoNetworkTier", &["FIXED_STANDARD", "PREMIUM", "STANDARD", "STANDARD_OVERRIDES_FIXED_STANDARD"]),
    choice("endpointTypes", &["ENDPOINT_TYPE_MANAGED_PROXY_LB", "ENDPOINT_TYPE_SWG", "ENDPOINT_TYPE_VM"]).repeated(),
    message("logConfig", &[flag("enable"), choice("filter", &["ALL", "ERRORS_ONLY", "TRANSLATIONS_ONLY"])]),
    flag("enableDynamicPortAllocation"),
    flag("enableEndpointIndependentMapping"),
    int("minPortsPerVm"),
    int("maxPortsPerVm"),
    int("icmpIdleTimeoutSec"),
    int("udpIdleTimeoutSec"),
    int("tcpEstablishedIdleTimeoutSec"),
    int("tcpTransitoryIdleTimeoutSec"),
    int("tcpTimeWaitTimeoutSec"),
    int("effectiveTcpTimeWaitTimeoutSec").output(),
    message(
        "rules",
        &[
            int("ruleNumber"),
            text("description"),
            text("match"),
            message(
                "action",
                &[
                    link("sourceNatActiveIps").repeated(),
                    link("sourceNatDrainIps").repeated(),
                    link("sourceNatActiveRanges").repeated(),
                    link("sourceNatDrainRanges").repeated(),
                ],
            ),
        ],
    )
    .repeated(),
];

/// Fills in a NAT's defaults.
pub fn complete(nat: &mut Map<String, Value>) {
    let defaults = json!({
        "type": "PUBLIC",
        "endpointTypes": ["ENDPOINT_TYPE_VM"],
        "enableEndpointIndependentMapping": false,
    });
    for (name, value) in defaults.as_object().into_iter().flatten() {
        nat.entry(name.clone()).or_insert_with(|| value.clone());
    }
    if nat.get("type").and_then(Value::as_str) == Some("PRIVATE") {
        nat.entry("enableDynamicPortAllocation").or_insert_with(|| true.into());
    } else {
        nat.entry("autoNetworkTier").or_insert_with(|| "PREMIUM".into());
    }
    let wait = nat.get("tcpTimeWaitTimeoutSec").cloned().unwrap_or_else(|| 120.into());
    nat.insert("effectiveTcpTimeWaitTimeoutSec".to_owned(), wait);
}

/// Checks a router's NATs against each other and against those of the other routers of its network and region.
pub fn check(draft: &Draft<'_>, network: &str, router: &Map<String, Value>, others: &[&Value]) -> Result<(), Refusal> {
    let nats: Vec<&Value> = router.get("nats").and_then(Value::as_array).into_iter().flatten().collect();
    if nats.len() > MAX_NATS {
        return Err(Refusal::invalid(format!("A router can have at most {MAX_NATS} NAT gateways.")));
    }
    for (i, nat) in nats.iter().enumerate() {
        let at = format!("resource.nats[{i}]");
        alone(draft, network, nat, &at)?;
        let earlier = others.iter().chain(&nats[..i]).copied();
        if nats[..i].iter().any(|other| other["name"] == nat["name"]) {
            return Err(invalid(
                &format!("{at}.name"),
                &nat["name"],
                "The name is already used by another Nat of this router.",
            ));
        }
        for other in earlier.filter(|other| other["type"] == nat["type"]) {
            together(nat, other, &at)?;
        }
    }
    Ok(())
}

/// Refuses a NAT that is invalid by itself.
fn alone(draft: &Draft<'_>, network: &str, nat: &Value, at: &str) -> Result<(), Refusal> {
    if nat["name"].as_str().is_none_or(str::is_empty) {
        return Err(Refusal::required(&format!("{at}.name")));
    }
    let Some(ranges) = nat["sourceSubnetworkIpRangesToNat"].as_str() else {
        return Err(Refusal::required(&format!("{at}.sourceSubnetworkIpRangesToNat")));
    };
    let listed: Vec<&Value> = nat["subnetworks"].as_array().into_iter().flatten().collect();
    if (ranges == LISTED) == listed.is_empty() {
        let why = if ranges == LISTED { "Subnetworks must be listed." } else { "Subnetworks must not be listed." };
        return Err(invalid(&format!("{at}.sourceSubnetworkIpRangesToNat"), &ranges.into(), why));
    }
    for (k, one) in listed.iter().enumerate() {
        let link = one["name"].as_str().ok_or_else(|| Refusal::required(&format!("{at}.subnetworks[{k}].name")))?;
        let path = references::ready(draft, link)?;
        let subnet = draft.accepted.get(&path).unwrap_or(&Value::Null);
        if links::path(subnet["network"].as_str().unwrap_or_default()) != network {
            let why = "The subnetwork does not belong to the network of the router.";
            return Err(invalid(&format!("{at}.subnetworks[{k}].name"), &one["name"], why));
        }
    }
    if nat["type"] == "PRIVATE" {
        return Ok(());
    }
    let manual = nat["natIpAllocateOption"] == "MANUAL_ONLY";
    match nat["natIpAllocateOption"].as_str() {
        None => Err(Refusal::required(&format!("{at}.natIpAllocateOption"))),
        Some(option) if manual == nat["natIps"].is_null() => {
            let why = if manual { "Nat IPs must be given." } else { "Nat IPs must not be given." };
            Err(invalid(&format!("{at}.natIpAllocateOption"), &option.into(), why))
        }
        Some(_) => addresses(draft, nat, at).and_then(|()| ports(nat, at)),
    }
}

/// Addresses must exist, in the region of the router, be external, and not be in use.
fn addresses(draft: &Draft<'_>, nat: &Value, at: &str) -> Result<(), Refusal> {
    for (at, link) in named_addresses(nat, at) {
        let path = references::ready(draft, link.as_str().unwrap_or_default())?;
        let address = draft.accepted.get(&path).unwrap_or(&Value::Null);
        if address["addressType"] == "INTERNAL" {
            return Err(invalid(&at, link, "The address must be external."));
        }
        if path.split('/').nth(3) != draft.region {
            return Err(invalid(&at, link, "The address must be in the region of the router."));
        }
        let users = address["users"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let users = users.map(|user| links::path(user).to_owned()).chain(routers_using(draft.accepted, &path));
        if let Some(user) = users.into_iter().find(|user| user != draft.path) {
            return Err(invalid(&at, link, &format!("The address is already in use by '{user}'.")));
        }
    }
    Ok(())
}

/// Every address that a NAT names, with the field that names it: to be used, to be drained, or by a rule.
fn named_addresses<'a>(nat: &'a Value, at: &str) -> Vec<(String, &'a Value)> {
    let mut named = Vec::new();
    let mut list = |holder: &'a Value, at: &str, fields: [&str; 2]| {
        for field in fields {
            let links = holder[field].as_array().into_iter().flatten().enumerate();
            named.extend(links.map(|(k, link)| (format!("{at}.{field}[{k}]"), link)));
        }
    };
    list(nat, at, ["natIps", "drainNatIps"]);
    for (i, rule) in nat["rules"].as_array().into_iter().flatten().enumerate() {
        list(&rule["action"], &format!("{at}.rules[{i}].action"), ["sourceNatActiveIps", "sourceNatDrainIps"]);
    }
    named
}

/// <https://cloud.google.com/nat/docs/ports-and-addresses>
fn ports(nat: &Value, at: &str) -> Result<(), Refusal> {
    if nat["enableDynamicPortAllocation"] != true {
        return Ok(());
    }
    if nat["enableEndpointIndependentMapping"] == true {
        let why = "Dynamic port allocation and endpoint-independent mapping exclude each other.";
        return Err(invalid(&format!("{at}.enableEndpointIndependentMapping"), &true.into(), why));
    }
    let power = |field: &str| nat[field].as_u64().is_none_or(|ports| ports >= 32 && ports.is_power_of_two());
    for field in ["minPortsPerVm", "maxPortsPerVm"] {
        if !power(field) {
            return Err(invalid(&format!("{at}.{field}"), &nat[field], "Must be a power of two, at least 32."));
        }
    }
    let min = nat["minPortsPerVm"].as_u64().unwrap_or(32);
    if nat["maxPortsPerVm"].as_u64().is_some_and(|max| max <= min) {
        return Err(invalid(&format!("{at}.maxPortsPerVm"), &nat["maxPortsPerVm"], "Must be more than minPortsPerVm."));
    }
    Ok(())
}

/// Refuses two NATs of one network and region that translate the same ranges.
fn together(nat: &Value, other: &Value, at: &str) -> Result<(), Refusal> {
    let (ranges, others) = (&nat["sourceSubnetworkIpRangesToNat"], &other["sourceSubnetworkIpRangesToNat"]);
    let field = format!("{at}.sourceSubnetworkIpRangesToNat");
    for option in [ALL_RANGES, ALL_PRIMARY] {
        let why = format!("Can not create new Nats since a Nat with option {option} exists.");
        // The wider option excludes every other NAT; the narrower one allows NATs for secondary ranges.
        let clash = option == ALL_RANGES || wants_primary(nat) && wants_primary(other);
        if clash && (ranges == option || others == option) {
            return Err(invalid(&field, ranges, &why));
        }
    }
    for (k, one) in nat["subnetworks"].as_array().into_iter().flatten().enumerate() {
        let same = other["subnetworks"].as_array().into_iter().flatten().find(|held| held["name"] == one["name"]);
        let Some(held) = same else { continue };
        let at = format!("{at}.subnetworks[{k}].sourceIpRangesToNat");
        let (wanted, taken) = (options(one), options(held));
        if wanted.contains(&"ALL_IP_RANGES") || taken.contains(&"ALL_IP_RANGES") {
            return Err(invalid(
                &at,
                &"".into(),
                "The subnetwork is already configured with ALL_IP_RANGES for Nat which conflicts with the specified IpRangeToNatOption options in this Nat.",
            ));
        }
        if wanted.contains(&"PRIMARY_IP_RANGE") && taken.contains(&"PRIMARY_IP_RANGE") {
            return Err(invalid(
                &at,
                &"PRIMARY_IP_RANGE".into(),
                "Can not specify PRIMARY_IP_RANGE for the Subnetwork since it is already configured for Nat with the option PRIMARY_IP_RANGE.",
            ));
        }
    }
    Ok(())
}

fn wants_primary(nat: &Value) -> bool {
    let listed = nat["subnetworks"].as_array().into_iter().flatten();
    nat["sourceSubnetworkIpRangesToNat"] != LISTED
        || listed.into_iter().any(|one| options(one).iter().any(|option| *option != "LIST_OF_SECONDARY_IP_RANGES"))
}

fn options(subnetwork: &Value) -> Vec<&str> {
    subnetwork["sourceIpRangesToNat"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn invalid(at: &str, value: &Value, why: &str) -> Refusal {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Refusal::value(at, &value, why)
}

/// The NATs of a router.
pub fn of_router(router: &Value) -> impl Iterator<Item = &Value> {
    router["nats"].as_array().into_iter().flatten()
}

/// The routers whose NATs use an address.
pub fn routers_using(accepted: Accepted<'_>, address: &str) -> Vec<String> {
    let names = |nat: &Value| {
        let used = named_addresses(nat, "").into_iter();
        used.map(|(_, link)| links::path(link.as_str().unwrap_or_default())).any(|path| path == address)
    };
    let using = accepted.all(ROUTERS).filter(|(_, router)| of_router(router).any(names));
    using.map(|(path, _)| path.to_owned()).collect()
}

/// The router whose NAT names a subnetwork.
pub fn router_serving(accepted: Accepted<'_>, subnetwork: &str) -> Option<String> {
    let names = |nat: &Value| {
        let listed = nat["subnetworks"].as_array().into_iter().flatten();
        listed.map(|one| links::path(one["name"].as_str().unwrap_or_default())).any(|path| path == subnetwork)
    };
    accepted.all(ROUTERS).find(|(_, router)| of_router(router).any(names)).map(|(path, _)| path.to_owned())
}
