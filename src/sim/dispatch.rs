//! Handles one request: it is routed, admitted, answered by its service, and logged.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header::USER_AGENT};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    api::{
        errors::{Code, Refusal, Shape},
        links,
        permissions::{self, Grant},
        service::Service,
    },
    faults::{CallInfo, FaultKind, quotas::Bucket},
    http::{
        call::Call,
        calls::Logged,
        paths,
        quotas::bucket_of,
        route::{Target, Verb},
        routes,
        urls::form_urlencoded,
    },
    services::{
        KINDS, compute,
        iam::{policy, roles},
        logging::requests,
        orgpolicy,
        projects::{self, apis},
        pubsub::{delivery, subscriptions},
        run, scheduler,
        secretmanager::payloads,
        shared::{flat, locations},
        vpcaccess,
    },
    state::State,
    store::{
        clock::{after, written},
        kind::Kind,
    },
};

/// Limit of a `wait`, which then answers whether or not the operation is done.
/// <https://cloud.google.com/compute/docs/reference/rest/v1/globalOperations/wait>
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Routes a request. This also counts it against quotas and injected faults.
pub fn route(state: &mut State, request: &Request<Bytes>) -> Result<Call, (Refusal, Shape)> {
    let uri = request.uri();
    let Some(route) = routes::read(KINDS, request.method(), uri, request.headers()) else {
        let message = format!("The requested URL {} was not found on this server.", uri.path());
        return Err((Refusal::new(Code::NOT_FOUND, "notFound", message), Shape::Status));
    };
    let shape = if route.service == Service::Compute { Shape::Compute } else { Shape::Status };
    let body = if request.body().is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(request.body())
            .map_err(|error| (Refusal::bad_request(format!("Invalid JSON payload received. {error}")), shape))?
    };
    let named = match (route.service, route.target) {
        (_, Target::Entries) => requests::project_asked(&body),
        (Service::Iam, Target::Project) => links::last(body["fullResourceName"].as_str().unwrap_or_default()),
        _ => &route.project,
    };
    let project = state.project_id(named);
    let query = form_urlencoded(uri.query().unwrap_or_default());
    let path = paths::path_of(&route, &project, &query, &body);
    let caller = permissions::caller(request.headers(), &state.options.caller);
    let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let method = route.method();
    let (bucket, now) = (bucket_of(&route), state.clock.now());
    let info = CallInfo { method: &method, resource: &path, project: &project, bucket: bucket.as_ref(), now };
    Ok(Call {
        draw: state.dice.next(&caller, &method, &path),
        faults: state.faults.matching(&info),
        bucket,
        agent: agent.to_owned(),
        now,
        route,
        method,
        project,
        path,
        query,
        body,
        caller,
    })
}

/// The delay of the answer to a call, in addition to the latency of every answer.
pub fn delay(call: &Call) -> Duration {
    Duration::from_millis(call.fault(FaultKind::Slow).map_or(0, |fault| fault.ms))
}

/// How much longer a `wait` is held back, by the simulated clock: until its operation is done, or the limit is reached.
pub fn held_back(state: &State, call: &Call) -> Duration {
    let due = match call.route.verb {
        Verb::Custom("wait") => state.operations.due(&call.path),
        _ => None,
    };
    due.map_or(Duration::ZERO, |due| state.clock.until(due.min(after(call.now, MAX_WAIT))))
}

/// Answers a call.
pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    if let Some(fault) = call.fault(FaultKind::Refuse) {
        return Err(fault.refusal(&call.method, &call.path));
    }
    if let Some(fault) = call.fault(FaultKind::Rate) {
        let over = |bucket: &Bucket| fault.over(bucket, state.number(&call.project));
        return Err(call.bucket.as_ref().map_or_else(|| fault.refusal(&call.method, &call.path), over));
    }
    admit(state, call)?;
    match (call.route.service, call.route.target) {
        (Service::Usage, _) => apis::answer(state, call),
        (Service::Compute, _) => compute::answer(state, call),
        (Service::Iam, Target::Project) => Ok(roles::testable(KINDS)),
        (_, Target::Project) => projects::answer(state, call),
        (_, Target::Entries) => requests::list(state, call),
        (_, Target::Locations) => locations::list(state, call),
        (service, _) if service.is_flat() => flat::answer(state, call, custom),
        (Service::VpcAccess, _) => vpcaccess::answer(state, call),
        (Service::Run, _) => run::answer(state, call),
        _ => Err(Refusal::not_found(&call.path)),
    }
}

/// Answers custom methods that do more than change the document.
fn custom(state: &mut State, call: &Call, kind: &'static Kind, name: &str) -> Result<Value, Refusal> {
    let found = |state: &State, verb| flat::found(state, call, kind, verb);
    match (kind.collection, name) {
        (_, "testIamPermissions") => Ok(policy::tested(state, call)),
        (_, "getIamPolicy") => found(state, name).map(|_| policy::current(state, call)),
        (_, "setIamPolicy") => found(state, name).and_then(|_| policy::set(state, call)),
        ("orgpolicy.policies", "getEffectivePolicy") => orgpolicy::effective(state, call),
        ("pubsub.topics", "subscriptions.list") => {
            found(state, "get").and_then(|_| subscriptions::of_topic(state, call))
        }
        ("pubsub.topics", "publish") => found(state, name).and_then(|_| delivery::publish(state, call)),
        ("pubsub.subscriptions", "pull") => found(state, "consume").map(|it| delivery::pull(state, call, &it)),
        ("pubsub.subscriptions", "acknowledge") => found(state, "consume").map(|_| delivery::acknowledge(state, call)),
        ("secretmanager.secrets", "addVersion") => payloads::add(state, call, kind),
        ("secretmanager.versions", "access") => payloads::access(state, call, kind),
        ("cloudscheduler.jobs", "run") => found(state, name).map(|job| scheduler::run(state, call, job)),
        _ => Err(flat::not_found(call)),
    }
}

/// Checks that the project exists and has the API enabled, and that the region exists and is open to it.
fn admit(state: &State, call: &Call) -> Result<(), Refusal> {
    let service = call.route.service;
    match call.route.target {
        // What is in no project, or in all of them.
        Target::Project if call.project.is_empty() && service == Service::ResourceManager => return Ok(()),
        Target::Project if call.project.is_empty() => {
            let message = "The caller does not have permission";
            return Err(Refusal::new(Code::PERMISSION_DENIED, "forbidden", message));
        }
        Target::Kind(_) if call.project.is_empty() => return Ok(()),
        _ => {}
    }
    let Some(project) = state.projects.get(&call.project) else {
        return Err(match service {
            Service::Compute => Refusal::not_found(&format!("projects/{}", call.project)),
            _ => {
                let message = format!("Permission denied on resource project {}.", call.project);
                Refusal::new(Code::PERMISSION_DENIED, "forbidden", message)
            }
        });
    };
    let always_on = matches!(service, Service::Usage | Service::ResourceManager);
    if !always_on && !project.enabled(service) {
        return Err(permissions::disabled(service, &project.number));
    }
    if let Target::Kind(kind) = call.route.target
        && !project.knows(service)
    {
        let verb = if call.route.verb == Verb::List { "list" } else { "get" };
        let permission = format!("{}.{verb}", kind.permissions);
        let grants = [Grant { permission, on: format!("projects/{}", call.project), granted: false }];
        return permissions::refusal(service, &grants).map_or(Ok(()), Err);
    }
    match call.region() {
        Some("-") if matches!(service, Service::VpcAccess | Service::Functions) || call.route.is_knative() => Ok(()),
        Some(region) if !state.regions.iter().any(|known| known == region) => Err(locations::unknown(service, region)),
        Some(region) if project.closed_regions.iter().any(|closed| closed == region) => {
            Err(locations::closed(service, &call.project, region))
        }
        _ => Ok(()),
    }
}

/// Adds a request and its outcome to the log of calls.
pub fn log(state: &mut State, request: &Request<Bytes>, call: Option<&Call>, status: u16, began: Timestamp) {
    let took = state.clock.now().duration_since(began);
    let body = match request.body() {
        body if body.is_empty() => Value::Null,
        body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
    };
    state.calls.push(Logged {
        at: written(began),
        method: request.method().to_string(),
        url: request.uri().to_string(),
        call: call.map(|call| call.method.clone()).unwrap_or_default(),
        caller: permissions::caller(request.headers(), &state.options.caller),
        status,
        ms: took.as_millis().try_into().unwrap_or(0),
        body,
    });
}
