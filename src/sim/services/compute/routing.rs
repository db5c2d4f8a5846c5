//! Routes that the list of routes does not show: those learned by BGP, with the status of NATs, and those of peerings.
//! <https://cloud.google.com/compute/docs/reference/rest/v1/routers/getRouterStatus>,
//! <https://cloud.google.com/compute/docs/reference/rest/v1/networks/listPeeringRoutes>
//!
//! In a world file a router has its learned routes in `bestRoutes` and overrides of its NATs' status in `natStatus`; a network
//! has routes of peers outside of the world in `peeringRoutes`, each with its `peering`. Reads of the documents hide these
//! fields.

use serde_json::{Value, json};

use crate::sim::{
    api::{
        errors::Refusal,
        links::{self, network_of},
    },
    http::call::Call,
    state::State,
};

use super::{lists::PAGE, networks::PEERING_ROUTES, routers, routes, subnetworks};

pub fn status(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "compute.routers.get", &call.path)?;
    let router = state.store.seen(&call.path, call.view()).ok_or_else(|| Refusal::not_found(&call.path))?;
    let network = network_of(router);
    let global = state
        .store
        .seen(network, call.view())
        .is_some_and(|network| network["routingConfig"]["routingMode"] == "GLOBAL");
    let near = |other: &Value| global || other["region"].as_str().map(links::last) == call.region();
    let routers = state
        .accepted(call)
        .all(routers::KIND.collection)
        .filter(|(_, other)| network_of(other) == network && near(other));
    let best: Vec<Value> = routers.flat_map(|(_, other)| list(&other["bestRoutes"]).cloned()).collect();
    let nats: Vec<Value> = list(&router["nats"]).map(|nat| nat_status(state, call, router, nat)).collect();
    let mut result = json!({"network": router["network"], "natStatus": nats});
    if !best.is_empty() {
        result["bestRoutes"] = best.clone().into();
        result["bestRoutesForRouter"] = list(&router["bestRoutes"]).cloned().collect();
    }
    Ok(json!({"kind": "compute#routerStatusResponse", "result": result}))
}

fn nat_status(state: &State, call: &Call, router: &Value, nat: &Value) -> Value {
    let address = |link: &Value| {
        let found = state.accepted(call).get(links::path(link.as_str()?))?;
        Some(found["address"].clone())
    };
    let users: Vec<Value> = list(&nat["natIps"]).filter_map(address).collect();
    let mut status = json!({"name": nat["name"], "minExtraNatIpsNeeded": 0, "numVmEndpointsWithNatMappings": 0});
    if users.is_empty() {
        // An address of a documentation block (RFC 5737) in place of one that Google would allocate.
        let name = format!("{}/{}", call.path, nat["name"].as_str().unwrap_or_default());
        let last = 1 + name.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 254);
        status["autoAllocatedNatIps"] = json!([format!("198.51.100.{last}")]);
    } else {
        status["userAllocatedNatIps"] = users.into();
    }
    let given = list(&router["natStatus"]).find(|given| given["name"] == nat["name"]);
    for (field, value) in given.and_then(Value::as_object).into_iter().flatten() {
        status[field] = value.clone();
    }
    status
}

/// The routes that a network imports from one peering. Google lists each direction separately.
pub fn peering_routes(state: &State, call: &Call) -> Result<Value, Refusal> {
    state.may_read(call, "compute.networks.listPeeringRoutes", &call.path)?;
    let network = state.store.seen(&call.path, call.view()).ok_or_else(|| Refusal::not_found(&call.path))?;
    let name = call.parameter("peeringName").ok_or_else(|| Refusal::required("peeringName"))?;
    call.parameter("region").ok_or_else(|| Refusal::required("region"))?;
    let direction = call.parameter("direction").ok_or_else(|| Refusal::required("direction"))?;
    if direction != "INCOMING" {
        return Err(Refusal::value("direction", direction, "Only INCOMING routes are listed here."));
    }
    let peering = list(&network["peerings"]).find(|peering| peering["name"] == name);
    let Some(peering) = peering else {
        return Err(Refusal::value("peeringName", name, "There is no such peering."));
    };
    let peer = links::path(peering["network"].as_str().unwrap_or_default());
    let back = state.accepted(call).get(peer).into_iter().flat_map(|peer| list(&peer["peerings"]));
    let mut back = back.filter(|back| links::path(back["network"].as_str().unwrap_or_default()) == call.path);
    let exported = back.any(|back| back["exportCustomRoutes"] == true);
    let mut found: Vec<Value> = Vec::new();
    for (_, subnet) in
        state.accepted(call).all(subnetworks::KIND.collection).filter(|(_, subnet)| network_of(subnet) == peer)
    {
        let ranges = list(&subnet["secondaryIpRanges"]).map(|range| &range["ipCidrRange"]);
        let ranges = std::iter::once(&subnet["ipCidrRange"]).chain(ranges).filter(|range| range.is_string());
        found.extend(ranges.map(|range| route(range, true, "SUBNET_PEERING_ROUTE")));
    }
    let imported = exported && peering["importCustomRoutes"] == true;
    for (_, custom) in
        state.accepted(call).all(routes::KIND.collection).filter(|(_, custom)| network_of(custom) == peer)
    {
        // Routes with tags, and those to the internet gateway, are not exchanged.
        if exported && list(&custom["tags"]).next().is_none() && custom["nextHopGateway"].is_null() {
            found.push(route(&custom["destRange"], imported, "STATIC_PEERING_ROUTE"));
        }
    }
    for given in list(&network[PEERING_ROUTES]).filter(|given| given["peering"] == name) {
        let mut given = given.clone();
        given.as_object_mut().map(|given| given.remove("peering"));
        found.push(given);
    }
    let keyed: Vec<(String, Value)> =
        found.into_iter().enumerate().map(|(i, found)| (format!("{i:06}"), found)).collect();
    let (items, next) = call.page(keyed.iter().map(|(key, found)| (key.as_str(), found.clone())), PAGE)?;
    let mut answer = json!({"kind": "compute#exchangedPeeringRoutesList", "id": call.path});
    if !items.is_empty() {
        answer["items"] = items.into();
    }
    if let Some(token) = next {
        answer["nextPageToken"] = token.into();
    }
    Ok(answer)
}

fn route(range: &Value, imported: bool, kind: &str) -> Value {
    json!({"destRange": range, "imported": imported, "priority": 0, "type": kind})
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
