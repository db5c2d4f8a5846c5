//! What an event that counts says: where to look, and why.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wanted::WantedConnector;
use crate::domain::{names::ConnectorRef, target::Place};

/// What the insert id of a probe begins with: its run reports though it has nothing new to say.
pub const PROBE: &str = "probe-";

/// An event that names a place to look at. It never says what to do there, but for `wanted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    pub place: Place,
    /// Set by a deploy that failed because its connector does not exist: it leaves no workload behind that names one.
    pub wanted: Option<WantedConnector>,
    /// Shared by the runs of all the targets that a wide place comes to.
    pub trigger: Arc<Trigger>,
}

/// The audit entry behind a run, as reports tell it; or a person's order, `egress-reconciler release` or `rearm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// Log name, timestamp and insert id: the same entry has the same id by every route.
    pub event_id: String,
    /// The method as the audit log spells it.
    pub method: String,
    /// The resource as the audit log names it.
    pub resource: String,
    /// Who made the call: an e-mail address, else the subject. System events have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Google's words, where it refused the change because of a Cloud NAT that exists: the only event that counts though nothing
    /// came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// When it happened, by the entry; the event's age is what `received` is later.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// When the event reached the service.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub received: Timestamp,
    /// How often the same entry had come before: routes overlap, and what is answered 429 comes again.
    #[serde(default, skip_serializing_if = "crate::domain::fields::is_default")]
    pub duplicates: u32,
    /// Kept in memory alone.
    #[serde(skip)]
    pub told: Told,
    /// Set in an entry of a refused deploy.
    #[serde(skip)]
    pub refused: Option<Refused>,
}

/// What the entry of a refused deploy tells of its connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As the request names it, or Google's sentence; `None` = the entry has neither, as the last one of an operation.
    pub connector: Option<ConnectorRef>,
    /// Google says that it does not exist or may not be used.
    pub is_unusable: bool,
    /// Google's words, of one line.
    pub words: String,
}

/// What an entry tells beyond where to look: it ends or explains what is remembered, and asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The workload was deployed or deleted.
    pub is_deployed: bool,
    /// What may have been refused before may be permitted now: roles, an organization policy or an API were changed.
    pub permits: bool,
    /// The change is one of rights alone: where nothing was refused, there is nothing to look at.
    pub grants: bool,
    /// The subnets that a refused change of a router's NAT lists.
    pub nat_subnets: Vec<String>,
    /// The network of such a router, where the call names it.
    pub nat_network: Option<String>,
}

/// Adds triggers to those of the same run; an entry that is there already is counted.
pub fn join(triggers: &mut Vec<Arc<Trigger>>, more: impl IntoIterator<Item = Arc<Trigger>>) {
    for trigger in more {
        match triggers.iter_mut().find(|known| known.event_id == trigger.event_id) {
            Some(known) => Arc::make_mut(known).duplicates += 1,
            None => triggers.push(trigger),
        }
    }
}

impl Trigger {
    /// Whether somebody asked for a report, as `doctor --probe` does. The insert id is the last part of the event's id.
    pub fn is_probe(&self) -> bool {
        self.event_id.rsplit('/').next().is_some_and(|id| id.starts_with(PROBE))
    }
}
