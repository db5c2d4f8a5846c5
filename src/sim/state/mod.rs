//! The world as it stands, and the way of one call through it.

pub mod bindings;
pub mod operations;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header::USER_AGENT};
use jiff::Timestamp;
use serde_json::Value;

use crate::sim::{
    api::{
        errors::{Code, Refusal, Shape},
        links,
        permissions::{self as iam, Grant},
        service::Service,
    },
    audit::{entries as audit, log::AuditLog},
    cloud::Options,
    faults::{FaultKind, Faults, Passing, quotas::Bucket},
    http::{
        app_routes as appengine,
        call::Call,
        calls::{Calls, Logged},
        flat_routes as flat_urls,
        routes::{Route, Target, Verb},
    },
    services::{
        compute,
        logging::requests,
        projects,
        pubsub::delivery::Mail,
        run,
        shared::{flat, locations},
        vpcaccess,
    },
    state::operations::Operations,
    store::{
        clock::{Clock, written},
        dice::Dice,
        documents::{Standing, Store},
        kind::{Draft, Kind},
    },
    world::Project,
};

/// A `wait` answers after so long, whether or not the operation is done.
/// <https://cloud.google.com/compute/docs/reference/rest/v1/globalOperations/wait>
const LONGEST_WAIT: Duration = Duration::from_secs(120);

pub struct State {
    pub options: Options,
    pub clock: Clock,
    pub dice: Dice,
    pub projects: BTreeMap<String, Project>,
    pub regions: Vec<String>,
    pub store: Store,
    /// IAM policies by the path of their resource.
    pub policies: BTreeMap<String, Value>,
    pub operations: Operations,
    pub audit: AuditLog,
    pub calls: Calls,
    pub faults: Faults,
    pub mail: Mail,
    /// Cloud Run's log of requests.
    pub requests: VecDeque<Value>,
    pub messages: u64,
    /// Jobs of Cloud Scheduler whose requests are still to be made.
    pub told_to_run: Vec<String>,
}

impl State {
    /// Understands a request, before anything is done about it.
    pub fn hear(&mut self, request: &Request<Bytes>) -> Result<Call, (Refusal, Shape)> {
        let uri = request.uri();
        let Some(route) = Route::read(request.method(), uri, request.headers()) else {
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
        let named = if route.target == Target::Entries { requests::project_asked(&body) } else { &route.project };
        let project = self.project_id(named);
        let query = form_urlencoded(uri.query().unwrap_or_default());
        let path = path_of(&route, &project, &query, &body);
        let caller = iam::caller(request.headers(), &self.options.caller);
        let agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let method = route.method();
        let (bucket, now) = (Bucket::of(&route), self.clock.now());
        let passing = Passing { method: &method, resource: &path, project: &project, bucket: bucket.as_ref(), now };
        Ok(Call {
            draw: self.dice.next(&caller, &method, &path),
            faults: self.faults.strike(&passing),
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

    /// How long the answer to a call takes, beyond the latency of every answer.
    pub fn takes(&self, call: &Call) -> Duration {
        let slow = call.fault(FaultKind::Slow).map_or(0, |fault| fault.ms);
        let waits = match call.route.verb {
            Verb::Own("wait") => self.operations.due(&call.path).map(|due| self.clock.until(due)),
            _ => None,
        };
        Duration::from_millis(slow) + waits.unwrap_or_default().min(LONGEST_WAIT)
    }

    /// Does what the call asks.
    pub fn answer(&mut self, call: &Call) -> Result<Value, Refusal> {
        if let Some(fault) = call.fault(FaultKind::Refuse) {
            return Err(fault.refusal(&call.method, &call.path));
        }
        if let Some(fault) = call.fault(FaultKind::Rate) {
            let over = |bucket: &Bucket| fault.over(bucket, self.number(&call.project));
            return Err(call.bucket.as_ref().map_or_else(|| fault.refusal(&call.method, &call.path), over));
        }
        self.admit(call)?;
        match (call.route.service, call.route.target) {
            (Service::Usage, _) => projects::apis(self, call),
            (_, Target::Project) => projects::answer(self, call),
            (_, Target::Entries) => requests::list(self, call),
            (service, _) if service.is_flat() => flat::answer(self, call),
            (_, Target::Locations) => locations::answer(self, call),
            (Service::Compute, _) => compute::answer(self, call),
            (Service::VpcAccess, _) => vpcaccess::answer(self, call),
            (Service::Run, _) => run::answer(self, call),
            _ => Err(Refusal::not_found(&call.path)),
        }
    }

    /// The project must exist and have enabled the API, the region must exist.
    fn admit(&self, call: &Call) -> Result<(), Refusal> {
        let service = call.route.service;
        let Some(project) = self.projects.get(&call.project) else {
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
            return Err(iam::disabled(service, &project.number));
        }
        if let Target::Kind(kind) = call.route.target
            && !project.knows(service)
        {
            let verb = if call.route.verb == Verb::List { "list" } else { "get" };
            let permission = format!("{}.{verb}", kind.permissions);
            let grants = [Grant { permission, on: format!("projects/{}", call.project), granted: false }];
            return iam::refusal(service, &grants).map_or(Ok(()), Err);
        }
        match call.region() {
            Some("-") if service == Service::VpcAccess || call.route.is_knative() => Ok(()),
            Some(region) if !self.regions.iter().any(|known| known == region) => {
                Err(locations::unknown(service, region))
            }
            Some(region) if project.closed_regions.iter().any(|closed| closed == region) => {
                Err(locations::closed(service, &call.project, region))
            }
            _ => Ok(()),
        }
    }

    /// Writes down what was asked and what came of it.
    pub fn log(&mut self, request: &Request<Bytes>, call: Option<&Call>, status: u16, began: Timestamp) {
        let took = self.clock.now().duration_since(began);
        let body = match request.body() {
            body if body.is_empty() => Value::Null,
            body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into()),
        };
        self.calls.push(Logged {
            at: written(began),
            method: request.method().to_string(),
            url: request.uri().to_string(),
            call: call.map(|call| call.method.clone()).unwrap_or_default(),
            caller: iam::caller(request.headers(), &self.options.caller),
            status,
            ms: took.as_millis().try_into().unwrap_or(0),
            body,
        });
    }

    /// A project may be named by its number.
    pub fn project_id(&self, named: &str) -> String {
        let by_number = self.projects.iter().find(|(_, project)| project.number == named);
        by_number.map_or(named, |(id, _)| id).to_owned()
    }

    pub fn number(&self, project: &str) -> &str {
        self.projects.get(project).map_or("0", |project| project.number.as_str())
    }

    pub fn iam(&self, project: &str) -> &iam::Policy {
        self.projects.get(project).map_or(&None, |project| &project.iam)
    }

    /// What a call's document is drafted by, to be written at this path.
    pub fn draft<'a>(&'a self, call: &'a Call, path: &'a str) -> Draft<'a> {
        let standing = self.standing(call);
        Draft {
            standing,
            now: call.now,
            draw: &call.draw,
            project: &call.project,
            number: self.number(&call.project),
            region: call.region(),
            regions: &self.regions,
            path,
            before: standing.get(path),
        }
    }

    /// Asks IAM for permissions, each on the path of a resource.
    pub fn ask(&self, call: &Call, wanted: Vec<(String, String)>) -> Vec<Grant> {
        let answered = wanted.into_iter().map(|(permission, on)| {
            // What hangs on no project is asked for in the caller's.
            let project = format!("projects/{}", call.project);
            let below = if on.starts_with("projects/") { &on } else { &project };
            let granted = self.may(&call.caller, &permission, below);
            Grant { permission, on, granted }
        });
        answered.collect()
    }

    /// Whether somebody may do something to a resource: because the world says so, or because a policy binds them.
    pub fn may(&self, caller: &str, permission: &str, on: &str) -> bool {
        iam::allows(self.iam(links::project(on)), caller, permission) || bindings::grant(self, caller, permission, on)
    }

    /// Asks for one permission to read.
    pub fn may_read(&self, call: &Call, permission: &str, on: &str) -> Result<(), Refusal> {
        let grants = self.ask(call, vec![(permission.to_owned(), on.to_owned())]);
        iam::refusal(call.route.service, &grants).map_or(Ok(()), Err)
    }

    /// Pub/Sub's ids are numbers.
    pub fn next_message_id(&mut self) -> String {
        self.messages += 1;
        (10_000_000_000_000_000 + self.messages).to_string()
    }

    pub fn record(&mut self, entry: Value) {
        let at = audit::routed(&entry);
        self.audit.add(at, entry);
    }

    /// What rules are checked against.
    pub fn standing(&self, call: &Call) -> Standing<'_> {
        self.store.standing(call.now)
    }

    /// A document as the caller sees it.
    pub fn seen(&self, kind: &'static Kind, path: &str, call: &Call) -> Option<Value> {
        let mut document = self.store.seen(path, call.eyes())?.clone();
        kind.rules.present(self.standing(call), &mut document);
        Some(document)
    }
}

/// The path of the resource a call is about. A creation names it in the body or in a parameter.
fn path_of(route: &Route, project: &str, query: &[(String, String)], body: &Value) -> String {
    let region = route.region.as_deref();
    let parent = match (route.target, route.service, region) {
        // An app is its project's only one.
        (Target::Kind(kind), Service::AppEngine, _) if kind.segment.is_empty() => return appengine::app_path(project),
        (Target::Kind(kind), ..) => kind.collection_path(project, region, route.within.as_deref()),
        (Target::Operations, Service::Compute, Some(region)) => {
            format!("projects/{project}/regions/{region}/operations/")
        }
        (Target::Operations, Service::Compute, None) => format!("projects/{project}/global/operations/"),
        (Target::Operations, _, region) => {
            format!("projects/{project}/locations/{}/operations/", region.unwrap_or("-"))
        }
        (Target::Apis, ..) => format!("projects/{project}/services/"),
        (Target::Locations, Service::Compute, _) => format!("projects/{project}/regions/"),
        (Target::Locations, ..) => format!("projects/{project}/locations/"),
        (Target::Project | Target::Entries, ..) => return format!("projects/{project}"),
    };
    let name = match (&route.name, route.verb, route.service) {
        (Some(name), ..) => Some(name.as_str()),
        (None, Verb::Create, service) if service.is_flat() => {
            let name = flat_urls::new_name(route, project, query, body).unwrap_or_default();
            return format!("{parent}{name}").trim_end_matches('/').to_owned();
        }
        (None, Verb::Create, Service::Compute) => body["name"].as_str(),
        (None, Verb::Create, _) if route.is_knative() => body["metadata"]["name"].as_str(),
        // `connectorId`, `jobId` and so on.
        (None, Verb::Create, _) => query.iter().find(|(key, _)| key.ends_with("Id")).map(|(_, id)| id.as_str()),
        (None, ..) => return parent.trim_end_matches('/').to_owned(),
    };
    format!("{parent}{}", name.unwrap_or_default())
}

/// `application/x-www-form-urlencoded`, leniently: what does not decode stays as it is.
fn form_urlencoded(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    crate::sim::http::routes::percent_decoded(&spaced).unwrap_or(spaced)
}
