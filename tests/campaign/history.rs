//! All that became of a scene's world, with whose call it was: read off the cloud after each write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use bytes::Bytes;
use egress_reconciler::sim::cloud::Cloud;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

/// What the judge looks at.
const WATCHED: [&str; 9] = [
    "compute.networks",
    "compute.subnetworks",
    "vpcaccess.connectors",
    "compute.routers",
    "compute.firewalls",
    "compute.firewallPolicies",
    "compute.networkFirewallPolicies",
    "run.jobs",
    "run.services",
];

/// From this moment on, a document is what it is.
#[derive(Debug, Clone)]
pub struct Change {
    pub at: Timestamp,
    pub collection: &'static str,
    pub path: String,
    pub document: Option<Value>,
    /// `world` (from the beginning), `person` or `program`.
    pub by: &'static str,
}

#[derive(Default)]
pub struct History {
    seen: Mutex<Seen>,
    pub policies: Mutex<Vec<(Timestamp, Value)>>,
    pub reports: Mutex<Vec<(Timestamp, Value)>>,
    /// Of events: the answer, the instance, the delivery.
    pub answers: Mutex<Vec<(StatusCode, u64, Bytes)>>,
}

#[derive(Default)]
struct Seen {
    changes: Vec<Change>,
    /// What is to come, as far as it is among the changes.
    ahead: BTreeSet<(String, Timestamp)>,
}

impl Seen {
    fn latest(&self, now: Timestamp) -> BTreeMap<&str, &Change> {
        let mut latest: BTreeMap<&str, &Change> = BTreeMap::new();
        for change in self.changes.iter().filter(|change| change.at <= now) {
            let held = latest.entry(&change.path).or_insert(change);
            if held.at <= change.at {
                *held = change;
            }
        }
        latest
    }
}

impl History {
    /// Notes what is new since the last look; an operation's end is known when it begins.
    pub fn observe(&self, cloud: &Cloud, by: &'static str) {
        let world = cloud.world();
        let now = world.now.unwrap();
        let mut seen = self.seen.lock().unwrap();
        let (mut fresh, mut present) = (Vec::new(), BTreeSet::new());
        {
            let latest = seen.latest(now);
            let watched = world.resources.iter().filter(|found| WATCHED.contains(&found.kind.collection));
            for found in watched {
                let change = |at| Change {
                    at,
                    collection: found.kind.collection,
                    path: found.path.clone(),
                    document: found.document.clone(),
                    by,
                };
                match found.from {
                    Some(at) if !seen.ahead.contains(&(found.path.clone(), at)) => fresh.push(change(at)),
                    Some(_) => {}
                    None => {
                        present.insert(found.path.as_str());
                        if latest.get(found.path.as_str()).is_none_or(|known| known.document != found.document) {
                            fresh.push(change(now));
                        }
                    }
                }
            }
            for (path, known) in latest {
                if known.document.is_some() && !present.contains(path) {
                    fresh.push(Change { at: now, document: None, by, ..known.clone() });
                }
            }
        }
        seen.ahead.extend(fresh.iter().filter(|change| change.at > now).map(|change| (change.path.clone(), change.at)));
        seen.changes.extend(fresh);
    }

    /// Oldest first.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = self.seen.lock().unwrap().changes.clone();
        changes.sort_by_key(|change| change.at);
        changes
    }
}
