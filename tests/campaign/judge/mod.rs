//! What must hold, judged by packets, documents and the log of calls. Nothing here asks the planner.

mod documents;
mod log;
mod now;
mod packets;
mod rest;
mod wishes;

use egress_reconciler::app::simulated::Logged;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    deeds::Deed,
    history::Change,
    scene::{OWNER, Scene},
};

/// What does not hold: which rule of ours, and how it was broken.
#[derive(Debug, Clone)]
pub struct Failure {
    pub rule: &'static str,
    pub text: String,
}

/// All that is known of a scene when it is over.
pub struct Evidence<'a> {
    pub scene: &'a Scene,
    pub changes: Vec<Change>,
    pub policies: Vec<(Timestamp, Value)>,
    pub reports: Vec<(Timestamp, Value)>,
    /// Audit entries that were answered with 204, by `insertId`.
    pub heard: Vec<String>,
    pub statuses: Vec<u16>,
    pub audit: Vec<Value>,
    pub calls: Vec<Logged>,
    /// When each deed was done.
    pub done: Vec<(Timestamp, &'a Deed)>,
    /// Writes during each round of sweeps at the end.
    pub rounds: Vec<usize>,
    /// The reports of the last round.
    pub last: Vec<Value>,
    /// What an instance that remembers nothing would do then.
    pub fresh: Vec<Value>,
}

pub fn judge(evidence: &Evidence<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    packets::judge(evidence, &mut failures);
    documents::judge(evidence, &mut failures);
    log::judge(evidence, &mut failures);
    rest::judge(evidence, &mut failures);
    wishes::judge(evidence, &mut failures);
    failures
}

impl Evidence<'_> {
    pub fn policy(&self) -> &Value {
        &self.policies.last().unwrap().1
    }

    /// The policies that an instance may have acted on at that time: it takes a new one over between two runs.
    pub fn policies_at(&self, at: Timestamp) -> Vec<&Value> {
        let ends = self.policies.iter().skip(1).map(|(since, _)| *since).chain([Timestamp::MAX]);
        let known = self.policies.iter().zip(ends);
        known
            .filter(|((since, _), end)| *since <= at && (*end > at || seconds(at, *end) < 300))
            .map(|((_, policy), _)| policy)
            .collect()
    }

    /// Nobody else changed what decides shortly before: a run knew what it did.
    pub fn is_calm(&self, at: Timestamp) -> bool {
        let decides = |change: &Change| !change.collection.starts_with("run.");
        self.is_undisturbed(at, decides)
            && !self.policies.iter().skip(1).any(|(since, _)| (0..120).contains(&seconds(at, *since)))
    }

    /// Nobody changed rules that are not ours shortly before.
    pub fn others_rules_are_known(&self, at: Timestamp) -> bool {
        self.is_undisturbed(at, |change| {
            let theirs = |document: &Value| !is_ours(&change.path, document);
            change.collection.to_lowercase().contains("firewall") && change.document.as_ref().is_none_or(theirs)
        })
    }

    fn is_undisturbed(&self, at: Timestamp, matters: impl Fn(&Change) -> bool) -> bool {
        let people =
            self.changes.iter().filter(|change| change.by == "person" && (0..120).contains(&seconds(at, change.at)));
        let stale = |deed: &Deed| matches!(deed, Deed::Fault(fault) if fault["kind"] == "stale");
        people.filter(|change| matters(change)).next().is_none() && !self.done.iter().any(|(_, deed)| stale(deed))
    }

    /// A process was killed after that.
    pub fn killed_since(&self, at: Timestamp) -> bool {
        self.done.iter().any(|(when, deed)| *when >= at && matches!(deed, Deed::Kill { .. }))
    }
}

pub fn seconds(later: Timestamp, earlier: Timestamp) -> i64 {
    later.duration_since(earlier).as_secs()
}

/// It bears our stamp: for this owner, and for the object itself.
pub fn is_ours(path: &str, document: &Value) -> bool {
    let words: Vec<&str> = document["description"].as_str().unwrap_or_default().split(' ').collect();
    let has = |word: &str| words.contains(&word);
    has("managed-by=egress-reconciler") && has(&format!("owner={OWNER}")) && has(&format!("self={path}"))
}
