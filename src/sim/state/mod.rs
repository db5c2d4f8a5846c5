//! The state of a simulated cloud.

pub mod bindings;
pub mod handle;
pub mod messages;
pub mod operations;
mod project;

pub use project::{Project, all_apis};

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::sim::{
    api::{
        errors::Refusal,
        links,
        permissions::{self, Grant},
    },
    audit::{self, log::AuditLog},
    faults::Faults,
    http::{call::Call, calls::Calls},
    options::Options,
    store::{
        clock::Clock,
        dice::Dice,
        documents::{Accepted, Store},
        kind::{Draft, Kind},
    },
};

use messages::Messages;
use operations::Operations;

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
    pub messages: Messages,
    /// Cloud Run's log of requests.
    pub requests: VecDeque<Value>,
    pub last_message: u64,
    /// Jobs of Cloud Scheduler whose requests are still to be made.
    pub jobs_to_run: Vec<String>,
}

impl State {
    /// The id of a project given by its id or number.
    pub fn project_id(&self, named: &str) -> String {
        let by_number = self.projects.iter().find(|(_, project)| project.number == named);
        by_number.map_or(named, |(id, _)| id).to_owned()
    }

    pub fn number(&self, project: &str) -> &str {
        self.projects.get(project).map_or("0", |project| project.number.as_str())
    }

    pub fn iam(&self, project: &str) -> &permissions::Policy {
        self.projects.get(project).map_or(&None, |project| &project.iam)
    }

    /// The draft of a document that a call writes to a path.
    pub fn draft<'a>(&'a self, call: &'a Call, path: &'a str) -> Draft<'a> {
        let accepted = self.accepted(call);
        Draft {
            accepted,
            now: call.now,
            draw: &call.draw,
            project: &call.project,
            number: self.number(&call.project),
            region: call.region(),
            regions: &self.regions,
            path,
            query: &call.query,
            before: accepted.get(path),
        }
    }

    /// Checks permissions, each on the path of a resource.
    pub fn ask(&self, call: &Call, wanted: Vec<(String, String)>) -> Vec<Grant> {
        let answered = wanted.into_iter().map(|(permission, on)| {
            // A resource outside of projects is checked in the project of the call.
            let project = format!("projects/{}", call.project);
            let below = if on.starts_with("projects/") { &on } else { &project };
            let granted = self.may(&call.caller, &permission, below);
            Grant { permission, on, granted }
        });
        answered.collect()
    }

    /// Whether a caller has a permission on a resource, by the world's `iam` or by an IAM policy.
    pub fn may(&self, caller: &str, permission: &str, on: &str) -> bool {
        permissions::allows(self.iam(links::project(on)), caller, permission)
            || bindings::grant(&self.policies, self.store.accepted(self.clock.now()), caller, permission, on)
    }

    /// Checks one permission, and refuses the call without it.
    pub fn may_read(&self, call: &Call, permission: &str, on: &str) -> Result<(), Refusal> {
        let grants = self.ask(call, vec![(permission.to_owned(), on.to_owned())]);
        permissions::refusal(call.route.service, &grants).map_or(Ok(()), Err)
    }

    /// The next message id; Pub/Sub's are numbers.
    pub fn next_message_id(&mut self) -> String {
        self.last_message += 1;
        (10_000_000_000_000_000 + self.last_message).to_string()
    }

    pub fn record(&mut self, entry: Value) {
        let at = audit::entries::routed(&entry);
        self.audit.add(at, entry);
    }

    /// The accepted documents, which rules are checked against.
    pub fn accepted(&self, call: &Call) -> Accepted<'_> {
        self.store.accepted(call.now)
    }

    /// A document as the caller reads it.
    pub fn seen(&self, kind: &'static Kind, path: &str, call: &Call) -> Option<Value> {
        let mut document = self.store.seen(path, call.view())?.clone();
        kind.rules.present(self.accepted(call), &mut document);
        Some(document)
    }
}
