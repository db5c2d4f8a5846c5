//! Does what a plan says: translates `before` and `after` to the wire, and makes no choice.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    outcome::{WriteOutcome, may_be_made},
    races::Race,
    reads::{failure, words},
    routers::{self, Others, Place},
    write_locks::WriteLock,
};
use crate::{
    domain::{
        audit::entry::is_about_another_nat,
        names::ConnectorRef,
        plan::{Change, Kind, Note, Object, ObjectId, Plan, Step, Verb},
        report::{StepOutcome, StepReport},
        state::{connector::Connector, firewall::Firewall, read::ReadFailure},
        target::Target,
        text,
    },
    google::{client::Client, error::CallError, error_kind::ErrorKind},
};

/// Why a step was not begun.
pub const NO_TIME: &str = "no time was left; the next run goes on";
pub const STOPPING: &str = "this process is stopping; the next run goes on";

/// What came of one step.
#[derive(Debug)]
pub struct Applied {
    pub report: StepReport,
    /// A later look may plan it again: somebody else was first, or no time was left.
    pub again: bool,
    /// Another change was first.
    pub lost: bool,
    /// The connector whose creation Google accepted.
    pub creation: Option<ConnectorRef>,
    /// Google refused to make a connector.
    pub refused: Option<(ConnectorRef, ReadFailure)>,
    /// A range that Google says is taken.
    pub taken: Option<Ipv4Net>,
    /// What a person must do before the step can be done.
    pub blocked: Option<Note>,
    /// What else is to be told of it.
    pub findings: Vec<Note>,
    /// Others who changed the same router at the same moment.
    pub races: Vec<Race>,
    /// It failed for now. Whether it took effect all the same, the next look tells.
    pub unproven: Option<Unproven>,
}

/// A step of which no good answer came.
#[derive(Debug)]
pub struct Unproven {
    pub step: Step,
    /// Google may have made the change, or may still be at it.
    pub may_be_made: bool,
}

/// What it takes to write: ids that make a repeat harmless, and the moment after which no step is begun.
#[derive(Debug, Clone, Copy)]
pub struct ApplyContext<'a> {
    pub report_id: &'a str,
    pub round: u32,
    pub deadline: Instant,
    /// Shutting down: no new step.
    pub stop: &'a tokio_util::sync::CancellationToken,
    /// Held over each write to the gateways of the network and region.
    pub lock: &'a WriteLock,
}

impl ApplyContext<'_> {
    fn halted(&self) -> Option<&'static str> {
        let stopping = self.stop.is_cancelled().then_some(STOPPING);
        stopping.or_else(|| (Instant::now() >= self.deadline).then_some(NO_TIME))
    }
}

/// Does the steps, side by side where they do not depend on each other. A step that fails takes along what waits for it.
pub async fn apply(
    client: &Client,
    plan: &Plan,
    context: ApplyContext<'_>,
    progress: &(dyn Fn(&StepReport) + Sync),
) -> Vec<Applied> {
    let mut waiting: Vec<&Step> = plan.steps.iter().collect();
    let mut done: HashSet<&ObjectId> = HashSet::new();
    // Steps that were not done; of these, whether a later look may plan them again.
    let mut missing: HashMap<&ObjectId, bool> = HashMap::new();
    let mut running: FuturesUnordered<BoxFuture<'_, (&Step, Applied)>> = FuturesUnordered::new();
    let mut results = Vec::with_capacity(waiting.len());
    loop {
        let halted = context.halted();
        waiting.retain(|&step| {
            let doomed = step.after.iter().find_map(|id| missing.get(id).map(|again| (id, *again)));
            let doom = doomed.map(|(id, again)| (format!("{id} was not done"), again));
            if let Some((why, again)) = doom.or_else(|| halted.map(|why| (why.to_owned(), true))) {
                results.push(Applied { again, ..Applied::plain(step, StepOutcome::Skipped { why }) });
                missing.insert(&step.id, again);
                return false;
            }
            if step.after.iter().all(|id| done.contains(id)) {
                running.push(Box::pin(async move { (step, apply_step(client, plan, step, context).await) }));
                return false;
            }
            true
        });
        let Some((step, applied)) = running.next().await else { break };
        // Of one whose answer is lost the next look tells.
        if applied.unproven.is_none() {
            progress(&applied.report);
        }
        if applied.report.is_done() {
            done.insert(&step.id);
        } else {
            missing.insert(&step.id, applied.again);
        }
        results.push(applied);
    }
    // What ended first tells nobody anything.
    results.sort_by_key(|applied| plan.steps.iter().position(|step| step.key() == applied.key()));
    results
}

impl Applied {
    fn key(&self) -> (ObjectId, Verb) {
        (self.report.step.clone(), self.report.verb)
    }

    /// The list of a router was written over: another writer of the same moment may have written over ours.
    pub fn changed_list(&self) -> bool {
        self.report.is_done() && self.report.verb != Verb::Create && self.report.step.kind == Kind::Router
    }

    /// What was done in place of a step that failed.
    fn but(mut self, instead: &str) -> Self {
        if let StepOutcome::Failed { error, .. } = &mut self.report.outcome {
            *error = format!("{error}; {instead}");
        }
        self
    }

    fn plain(step: &Step, outcome: StepOutcome) -> Self {
        Self {
            report: StepReport::new(step, outcome),
            again: false,
            lost: false,
            creation: None,
            refused: None,
            taken: None,
            blocked: None,
            findings: Vec::new(),
            races: Vec::new(),
            unproven: None,
        }
    }
}

async fn apply_step(client: &Client, plan: &Plan, step: &Step, context: ApplyContext<'_>) -> Applied {
    let _held = match &step.change.after() {
        Some(Object::Router(_)) => Some(context.lock.lock().await),
        _ => None,
    };
    // Others may have held it for long.
    if let Some(why) = context.halted() {
        return Applied { again: true, ..Applied::plain(step, StepOutcome::Skipped { why: why.to_owned() }) };
    }
    let report_id = context.report_id;
    // The log has both documents before the write: what goes wrong afterwards can be put back by hand.
    let before = step.change.before().map_or(Value::Null, Object::document).to_string();
    let after = step.change.after().map_or(Value::Null, Object::document).to_string();
    let verb = step.change.verb().word();
    tracing::info!(step = %step.id, verb, reason = step.reason, before, after, "writing");
    // The same object may be written in several rounds of a run: to Google, one id is one write.
    let write_id = format!("{report_id}/{}/{}", context.round, step.id);
    let request_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, write_id.as_bytes());
    let (written, Others { races, unknown }) = match &step.change {
        Change::Extend { before, after } | Change::Repair { before, after } if matches!(after, Object::Router(_)) => {
            let at = written_at(plan, step);
            let place = Place { at: &at, name: after.name() };
            routers::change(client, place, before, after, request_id).await
        }
        _ => (write(client, plan, step, request_id).await, Others::default()),
    };
    Applied { races, findings: unknown.into_iter().collect(), ..came_to(step, &written_at(plan, step), written) }
}

/// What a write came to.
fn came_to(step: &Step, at: &Target, written: Result<WriteOutcome, CallError>) -> Applied {
    let error = match written {
        Ok(WriteOutcome::Done) => return Applied::plain(step, StepOutcome::Done),
        Ok(WriteOutcome::Started(connector)) => {
            return Applied { creation: Some(connector), ..Applied::plain(step, StepOutcome::Done) };
        }
        Ok(WriteOutcome::Overtaken(what)) => return first_was_another(step, &what),
        Ok(WriteOutcome::NotSent(why)) => return Applied::plain(step, StepOutcome::Skipped { why }),
        Ok(WriteOutcome::Instead(error, what)) => return failed(step, at, &error).but(what),
        Err(error) => error,
    };
    let lost = match (error.kind(), &step.change) {
        // It is gone, as it should be.
        (ErrorKind::NotFound, Change::Delete(_)) => return Applied::plain(step, StepOutcome::Done),
        (ErrorKind::NotFound, Change::Extend { .. } | Change::Repair { .. }) => true,
        // Somebody's NAT came in between: the next look shows whether the path needs ours.
        (_, Change::Create(Object::Router(_)) | Change::Extend { .. }) if is_about_another_nat(&words(&error)) => true,
        (kind, _) => matches!(kind, ErrorKind::AlreadyExists | ErrorKind::AddressConflict | ErrorKind::Conflict),
    };
    if lost {
        let taken = match &step.change {
            Change::Create(Object::Subnet(subnet)) if error.kind() == ErrorKind::AddressConflict => subnet.cidr(),
            _ => None,
        };
        return Applied { taken, ..first_was_another(step, &words(&error)) };
    }
    failed(step, at, &error)
}

fn first_was_another(step: &Step, what: &str) -> Applied {
    let why = format!("another change was first: {what}");
    Applied { again: true, lost: true, ..Applied::plain(step, StepOutcome::Skipped { why }) }
}

fn failed(step: &Step, at: &Target, error: &CallError) -> Applied {
    let transient = error.is_transient();
    let outcome = StepOutcome::Failed { error: error.to_string(), transient };
    if transient {
        let unproven = Some(Unproven { step: step.clone(), may_be_made: may_be_made(error) });
        return Applied { again: true, unproven, ..Applied::plain(step, outcome) };
    }
    let refused = match &step.change {
        Change::Create(Object::Connector(connector)) => {
            ConnectorRef::try_from(connector.name.clone()).ok().map(|connector| (connector, failure(error)))
        }
        _ => None,
    };
    let blocked = text::reads::write_blocked(&step.id, &failure(error), at);
    // What only a person can fix is told with everything else that is.
    if blocked.is_none() {
        warn_failed(&step.id, &error.to_string(), transient);
    }
    Applied { refused, blocked, ..Applied::plain(step, outcome) }
}

/// A step that failed goes to the log too.
pub fn warn_failed(step: &ObjectId, error: &str, transient: bool) {
    let told = text::reads::write_failed(error, transient);
    tracing::warn!(%step, transient, "a step failed: {told}");
}

/// The project that is written to, in the plan's region.
fn written_at(plan: &Plan, step: &Step) -> Target {
    let object = step.change.after().or(step.change.before());
    let project = match object {
        Some(Object::Connector(_)) => &plan.target.project,
        _ => &plan.network.project,
    };
    Target { project: project.clone(), region: plan.target.region.clone() }
}

async fn write(client: &Client, plan: &Plan, step: &Step, id: Uuid) -> Result<WriteOutcome, CallError> {
    let (project, region) = (plan.network.project.as_str(), plan.target.region.as_str());
    match &step.change {
        Change::Create(object) => create(client, project, region, object, id).await,
        Change::Extend { before, after } | Change::Repair { before, after } => {
            update(client, project, before, after, id).await
        }
        Change::Delete(object) => delete(client, project, region, object, id).await,
    }
}

async fn create(
    client: &Client,
    project: &str,
    region: &str,
    object: &Object,
    id: Uuid,
) -> Result<WriteOutcome, CallError> {
    let body = object.document();
    match object {
        Object::Network(_) => client.insert_network(project, &body, id).await?,
        Object::Subnet(_) => client.insert_subnetwork(project, region, &body, id).await?,
        Object::Router(_) => client.insert_router(project, region, &body, id).await?,
        Object::Firewall(_) => client.insert_firewall(project, &body, id).await?,
        Object::Connector(connector) => {
            let Some(named) = named(connector) else { return Ok(nameless(connector)) };
            let body = without(body, &["name"]);
            client.create_connector(named.project.as_str(), named.region.as_str(), named.name.as_str(), &body).await?;
            return Ok(WriteOutcome::Started(named));
        }
    }
    Ok(WriteOutcome::Done)
}

async fn update(
    client: &Client,
    project: &str,
    before: &Object,
    after: &Object,
    id: Uuid,
) -> Result<WriteOutcome, CallError> {
    match after {
        Object::Firewall(firewall) => {
            let body = settings(&before.document(), &after.document());
            client.patch_firewall(project, &firewall.name, &body, id).await?;
        }
        Object::Connector(connector) => {
            let Some(named) = named(connector) else { return Ok(nameless(connector)) };
            let body = json!({ "minInstances": connector.min_instances, "maxInstances": connector.max_instances });
            let (project, region, name) = (named.project.as_str(), named.region.as_str(), named.name.as_str());
            client.patch_connector(project, region, name, &["minInstances", "maxInstances"], &body).await?;
        }
        // Networks and subnets of ours never change: nothing of theirs is ours to repair. Routers have a way of their own.
        Object::Network(_) | Object::Subnet(_) | Object::Router(_) => return Ok(not_sent(after)),
    }
    Ok(WriteOutcome::Done)
}

/// The whole name of a connector.
fn named(connector: &Connector) -> Option<ConnectorRef> {
    ConnectorRef::try_from(connector.name.clone()).ok()
}

fn nameless(connector: &Connector) -> WriteOutcome {
    WriteOutcome::NotSent(format!("{:?} is no name of a connector", connector.name))
}

fn not_sent(object: &Object) -> WriteOutcome {
    WriteOutcome::NotSent(format!("{} is never changed in this way", object.id()))
}

async fn delete(
    client: &Client,
    project: &str,
    region: &str,
    object: &Object,
    id: Uuid,
) -> Result<WriteOutcome, CallError> {
    match object {
        Object::Firewall(firewall) => return delete_firewall(client, project, firewall, id).await,
        Object::Router(router) => client.delete_router(project, region, &router.name, id).await?,
        Object::Subnet(subnet) => client.delete_subnetwork(project, region, &subnet.name, id).await?,
        Object::Connector(connector) => return delete_connector(client, connector).await,
        Object::Network(_) => return Ok(not_sent(object)),
    }
    Ok(WriteOutcome::Done)
}

/// A rule that opens something and may not be deleted is disabled, which is the same to packets: above a deny, a watch rule that
/// stays would leave everything open.
async fn delete_firewall(client: &Client, project: &str, rule: &Firewall, id: Uuid) -> Result<WriteOutcome, CallError> {
    match client.delete_firewall(project, &rule.name, id).await {
        Ok(()) => Ok(WriteOutcome::Done),
        Err(error) if matches!(error.kind(), ErrorKind::Denied { .. }) && !rule.is_deny() && !rule.disabled => {
            let id = Uuid::new_v5(&id, b"disable");
            client.patch_firewall(project, &rule.name, &json!({"disabled": true}), id).await?;
            Ok(WriteOutcome::Instead(error, "it was disabled instead"))
        }
        Err(error) => Err(error),
    }
}

/// Connectors have no etag, so a last look is all that keeps one from being deleted that somebody has just made anew.
async fn delete_connector(client: &Client, seen: &Connector) -> Result<WriteOutcome, CallError> {
    let Some(named) = named(seen) else { return Ok(nameless(seen)) };
    let (project, region, name) = (named.project.as_str(), named.region.as_str(), named.name.as_str());
    let now: Connector = client.get_connector(project, region, name).await?;
    if now.state != seen.state || now.subnet != seen.subnet {
        return Ok(WriteOutcome::Overtaken(format!("connector {name} is {} by now", now.state.word())));
    }
    client.delete_connector(project, region, name).await?;
    Ok(WriteOutcome::Done)
}

/// A firewall rule's PATCH: what changes, and nothing else. A merge patch keeps what it does not say, so a list that became
/// empty is said.
fn settings(before: &Value, after: &Value) -> Value {
    const FIELDS: [&str; 12] = [
        "description",
        "priority",
        "disabled",
        "logConfig",
        "allowed",
        "denied",
        "sourceRanges",
        "destinationRanges",
        "sourceTags",
        "targetTags",
        "sourceServiceAccounts",
        "targetServiceAccounts",
    ];
    let changed = FIELDS.into_iter().filter(|field| before.get(field) != after.get(field));
    changed.map(|field| (field.to_owned(), after.get(field).cloned().unwrap_or_else(|| json!([])))).collect()
}

fn without(mut document: Value, fields: &[&str]) -> Value {
    if let Some(map) = document.as_object_mut() {
        map.retain(|key, _| !fields.contains(&key.as_str()));
    }
    document
}
