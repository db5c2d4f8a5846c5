//! The Serverless VPC Access API.

pub mod connectors;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::sim::{
    api::{
        cidr,
        errors::{Code, Refusal},
        fields, links,
        links::network_of,
        names,
    },
    audit::change::Change,
    faults::FaultKind,
    http::{
        call::Call,
        route::{Target, Verb},
    },
    services::{
        orgpolicy,
        shared::{address_space, lro},
    },
    state::{State, operations},
    store::{
        clock::{after, written},
        documents::View,
    },
};

use connectors::KIND;

const PAGE: usize = 500;
const MACHINES: [&str; 3] = ["e2-micro", "e2-standard-4", "f1-micro"];

pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    match (call.route.target, call.route.verb) {
        (Target::Operations, _) => lro::operation(state, call),
        (_, Verb::List) => lro::list(state, call, &KIND, PAGE),
        (_, Verb::Get) => lro::get(state, call, &KIND)?.ok_or_else(not_found),
        (_, Verb::Create) => lro::change(state, call, &KIND, &sent(call)?, create),
        (_, Verb::Patch) => lro::change(state, call, &KIND, &sent(call)?, patch),
        (_, Verb::Delete) => lro::change(state, call, &KIND, &Map::new(), delete),
        _ => Err(not_found()),
    }
}

fn not_found() -> Refusal {
    lro::not_found("The connector is not found.")
}

fn sent(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let mut sent = fields::check(KIND.fields, &call.object(), "connector")?;
    fields::prune(&mut sent);
    Ok(sent)
}

/// The current connector, without the lag of reads.
pub fn current<'a>(state: &'a State, call: &Call, path: &str) -> Option<&'a Value> {
    state.store.seen(path, View::at(after(call.now, state.options.lag)))
}

fn create(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let path = change.path;
    check_id(change.call.parameter("connectorId").unwrap_or_default())?;
    if state.accepted(change.call).get(path).is_some() {
        let message = format!("Resource '{path}' already exists");
        return Err(Refusal::new(Code::ALREADY_EXISTS, "alreadyExists", message));
    }
    let mut connector = change.sent.clone();
    check_form(&connector)?;
    let sized = size(&mut connector)?;
    connector.insert("name".to_owned(), path.into());
    orgpolicy::check_connector(state, change.call)?;
    let place = place(state, change, &mut connector);
    let failure = sized.or(place.err()).or_else(|| over_quota(state, change.call, &connector));
    let end = match &failure {
        None => "READY",
        Some(_) => "ERROR",
    };
    begin(state, change, Some(("CREATING", connector.clone())), Some((end, connector)), failure)
}

fn patch(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let before = idle(state, change)?;
    if before["state"] != "READY" {
        return Err(Refusal::new(Code::FAILED_PRECONDITION, "failedPrecondition", "The connector is not READY."));
    }
    let mask = change.call.parameter("updateMask").filter(|mask| !mask.is_empty() && *mask != "*");
    let named = |field: &str| mask.is_none_or(|mask| mask.split(',').any(|path| camel(path.trim()) == field));
    let mutable = ["machineType", "minInstances", "maxInstances"];
    if let Some(path) =
        mask.and_then(|mask| mask.split(',').find(|path| !mutable.contains(&camel(path.trim()).as_str())))
    {
        return Err(Refusal::value("updateMask", path, "The field is immutable."));
    }
    let mut grown = before.as_object().cloned().unwrap_or_default();
    for field in mutable.into_iter().filter(|field| named(field)) {
        let Some(value) = change.sent.get(field) else { continue };
        if value.as_i64() < before[field].as_i64() && field != "machineType" {
            return Err(Refusal::value(field, &value.to_string(), "Connectors cannot be scaled in."));
        }
        grown.insert(field.to_owned(), value.clone());
    }
    grown.remove("minThroughput");
    grown.remove("maxThroughput");
    let failure = size(&mut grown)?;
    let updating = before.as_object().cloned().unwrap_or_default();
    begin(state, change, Some(("UPDATING", updating)), Some(("READY", grown)), failure)
}

fn delete(state: &mut State, change: &Change<'_>) -> Result<Value, Refusal> {
    let before = idle(state, change)?.as_object().cloned().unwrap_or_default();
    begin(state, change, Some(("DELETING", before)), None, None)
}

/// The connector, if no operation on it is in progress.
fn idle(state: &State, change: &Change<'_>) -> Result<Value, Refusal> {
    let connector = current(state, change.call, change.path).ok_or_else(not_found)?;
    match connector["state"].as_str() {
        Some("READY" | "ERROR") => Ok(connector.clone()),
        _ => Err(Refusal::new(Code::ABORTED, "aborted", "The connector has another operation in progress.")),
    }
}

fn check_id(id: &str) -> Result<(), Refusal> {
    if names::is_label(id, 2..=25) {
        return Ok(());
    }
    Err(Refusal::invalid("Connector ID must follow the pattern ^[a-z][-a-z0-9]{0,23}[a-z0-9]$"))
}

/// Requires either a network with a range, or a subnetwork.
fn check_form(connector: &Map<String, Value>) -> Result<(), Refusal> {
    let given = |field: &str| connector.contains_key(field);
    match (given("network"), given("ipCidrRange"), given("subnet")) {
        // A network beside a subnet is ignored: gcloud sends its default one.
        (true, true, false) | (_, false, true) => {}
        (_, true, true) => return Err(Refusal::invalid("An IP CIDR range cannot be given with a subnet.")),
        _ => return Err(Refusal::invalid("Either a subnet, or a network and an IP CIDR range must be given.")),
    }
    match connector.get("ipCidrRange").and_then(Value::as_str).map(cidr::range) {
        Some(range) if range.is_none_or(|range| range.prefix_len() != 28 || range.trunc() != range) => {
            Err(Refusal::invalid("IP CIDR range must be a /28 block."))
        }
        _ => Ok(()),
    }
}

/// Derives instances and throughput from each other; instances take precedence.
/// A connector without an upper bound is accepted and its operation fails: that failure is returned as `Ok`.
fn size(connector: &mut Map<String, Value>) -> Result<Option<Refusal>, Refusal> {
    let machine = connector.entry("machineType").or_insert_with(|| "e2-micro".into());
    if !machine.as_str().is_some_and(|machine| MACHINES.contains(&machine)) {
        return Err(Refusal::invalid(format!(
            "Invalid machine type {machine}. Must be one of {}.",
            MACHINES.join(", ")
        )));
    }
    let bounds = [("min", 2..=9, "minimum", "200 and 1000"), ("max", 3..=10, "maximum", "300 and 1000")];
    let mut sizes = Vec::new();
    for (end, allowed, word, between) in bounds {
        let number = |field: &str| connector.get(field).and_then(Value::as_i64);
        let (instances, throughput) = (format!("{end}Instances"), format!("{end}Throughput"));
        let through = number(&throughput).map(|mbps| mbps / 100);
        if number(&throughput).is_some_and(|mbps| mbps % 100 != 0) || through.is_some_and(|n| !allowed.contains(&n)) {
            let message = format!("Connector {word} throughput must be a multiple of 100 between {between} in Mbps.");
            return Err(Refusal::invalid(message));
        }
        let size = number(&instances).or(through).or((end == "min").then_some(2));
        let Some(size) = size else {
            let message = "Operation failed: A Connector must specify either max_throughput or max_instances.";
            return Ok(Some(Refusal::invalid(message)));
        };
        if !allowed.contains(&size) {
            let message =
                format!("Connector {word} instances must be between {} and {}.", allowed.start(), allowed.end());
            return Err(Refusal::invalid(message));
        }
        connector.insert(instances, size.into());
        connector.insert(throughput, (size * 100).into());
        sizes.push(size);
    }
    if sizes[0] >= sizes[1] {
        return Err(Refusal::invalid("Connector minimum instances must be less than maximum instances."));
    }
    Ok(None)
}

/// Checks the network or subnetwork of a new connector. Errors are reported by the operation, not by the call.
fn place(state: &State, change: &Change<'_>, connector: &mut Map<String, Value>) -> Result<(), Refusal> {
    let failed = |why: String| Refusal::invalid(format!("Operation failed: {why}"));
    let conflict = "Invalid IP CIDR range was provided. It conflicts with an existing subnetwork. Please delete the connector manually.";
    if connector.contains_key("subnet") {
        // The subnetwork determines the network.
        connector.remove("network");
    }
    if let Some(network) = connector.get("network").and_then(Value::as_str) {
        let name = links::last(network).to_owned();
        let path = format!("projects/{}/global/networks/{name}", change.call.project);
        let range = connector.get("ipCidrRange").and_then(Value::as_str).and_then(cidr::range);
        connector.insert("network".to_owned(), name.into());
        if state.accepted(change.call).get(&path).is_none() {
            return Err(failed(format!("The network '{path}' was not found.")));
        }
        address_space::check_not_legacy(state.accepted(change.call).get(&path))
            .map_err(|refusal| failed(refusal.message))?;
        let taken =
            range.is_some_and(|range| address_space::holder(state.accepted(change.call), &path, range, "").is_some());
        return if taken { Err(failed(conflict.to_owned())) } else { Ok(()) };
    }
    let path = address_space::subnetwork_of(change.path, &Value::Object(connector.clone())).unwrap_or_default();
    let Some(subnet) = state.accepted(change.call).get(&path).filter(|subnet| !network_of(subnet).is_empty()) else {
        return Err(failed(format!("The subnetwork '{path}' was not found.")));
    };
    if let Some(agent) = lacking_permission(state, change, &path) {
        let message =
            format!("Operation failed: {agent} does not have the permission compute.subnetworks.use on '{path}'.");
        return Err(Refusal::new(Code::PERMISSION_DENIED, "forbidden", message));
    }
    let range = subnet["ipCidrRange"].as_str().and_then(cidr::range);
    if range.is_none_or(|range| range.prefix_len() != 28) {
        return Err(failed(format!("The subnetwork '{path}' must have a /28 range.")));
    }
    match address_space::connector_on_subnetwork(state.accepted(change.call), &path) {
        Some(other) => Err(failed(format!("The subnetwork '{path}' is already used by '{other}'."))),
        None => Ok(()),
    }
}

/// The failure of a connector that exceeds the region's CPU quota: the operation reports it, not the call.
fn over_quota(state: &State, call: &Call, connector: &Map<String, Value>) -> Option<Refusal> {
    let (limit, used) = connectors::cpus(state, call, call.region().unwrap_or_default());
    let number = |field: &str| connector.get(field).and_then(Value::as_u64).unwrap_or_default();
    let needed = number("minInstances") * connectors::cpus_of(connector.get("machineType").unwrap_or(&Value::Null));
    let message = "Operation failed: Insufficient CPU quota in region.";
    (used + needed > limit).then(|| Refusal::new(Code::FAILED_PRECONDITION, "failedPrecondition", message))
}

/// The service agent that lacks permission on a host project's subnetwork: two agents of the connector's project need it.
/// <https://cloud.google.com/vpc/docs/configure-serverless-vpc-access#service-accounts>
fn lacking_permission(state: &State, change: &Change<'_>, subnetwork: &str) -> Option<String> {
    let project = change.call.project.as_str();
    if links::project(subnetwork) == project {
        return None;
    }
    let number = state.number(project);
    let agents = [
        format!("service-{number}@gcp-sa-vpcaccess.iam.gserviceaccount.com"),
        format!("{number}@cloudservices.gserviceaccount.com"),
    ];
    agents.into_iter().find(|agent| !state.may(agent, "compute.subnetworks.use", subnetwork))
}

type Stage = Option<(&'static str, Map<String, Value>)>;

/// Writes the connector's current and final state, and starts the operation between them.
fn begin(
    state: &mut State,
    change: &Change<'_>,
    now: Stage,
    end: Stage,
    failure: Option<Refusal>,
) -> Result<Value, Refusal> {
    let call = change.call;
    let injected = call.fault(FaultKind::FailOperation).map(|fault| fault.refusal(&call.method, &call.path));
    let (failure, end) = match injected {
        Some(failure) => (Some(failure), now.clone().map(|(_, connector)| ("ERROR", connector))),
        None => (failure, end),
    };
    let due = after(call.now, state.options.connector);
    let staged = |stage: Stage| {
        stage.map(|(state, mut connector)| {
            connector.insert("state".to_owned(), state.into());
            Value::Object(connector)
        })
    };
    let (now, end) = (staged(now), staged(end));
    state.store.write(KIND.collection, change.path, call.now, now);
    // A deletion is visible when it is done; other changes after a lag.
    let seen = if end.is_some() { after(due, state.options.lag) } else { due };
    state.store.write(KIND.collection, change.path, seen, end.clone());
    let mut response = end.unwrap_or_else(|| json!({}));
    response["@type"] = if call.route.verb == Verb::Delete {
        "type.googleapis.com/google.protobuf.Empty".into()
    } else {
        format!("type.googleapis.com/{}", KIND.message).into()
    };
    let outcome = failure.as_ref().map_or(Ok(response.clone()), Err);
    let operation = operations::longrunning(call, due, metadata(change, None), metadata(change, Some(due)), outcome);
    state.record(change.begun("", Some(&operation.running)));
    let mut ended = change.ended("", &operation.running, due, failure.as_ref());
    if failure.is_none() {
        ended["protoPayload"]["response"] = response;
    }
    state.record(ended);
    Ok(state.operations.begin(call, operation))
}

fn metadata(change: &Change<'_>, end: Option<Timestamp>) -> Value {
    let mut metadata = json!({
        "@type": "type.googleapis.com/google.cloud.vpcaccess.v1.OperationMetadata",
        "method": change.method_name(),
        "createTime": written(change.call.now),
        "target": change.path,
    });
    if let Some(end) = end {
        metadata["endTime"] = written(end).into();
    }
    metadata
}

/// A field mask may be in snake case: `min_instances` is `minInstances`.
fn camel(path: &str) -> String {
    let mut camel = String::with_capacity(path.len());
    let mut upper = false;
    for letter in path.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.extend(letter.to_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}
