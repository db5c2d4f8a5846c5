//! The one store of documents, by path, in versions.
//!
//! A change is written when it is accepted and seen when its time has come: an operation in flight is nothing but a
//! version in the future, so nothing has to happen at the moment it ends. What callers read is the version of their time
//! ([`Store::seen`]); what rules are checked against is what has been accepted ([`Standing`]).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::sim::store::kind::Kind;

#[derive(Debug, Default)]
pub struct Store {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: &'static Kind,
    /// By time; never empty. A version without document is an absence.
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    from: Timestamp,
    document: Option<Value>,
}

/// The eyes of one reader: a moment, whether what it sees lags one write behind, and whether it sees what has been deleted
/// and is kept for a while.
#[derive(Debug, Clone, Copy)]
pub struct Eyes {
    pub now: Timestamp,
    pub stale: bool,
    pub deleted: bool,
}

impl Eyes {
    pub fn at(now: Timestamp) -> Self {
        Self { now, stale: false, deleted: false }
    }
}

/// Whether a document is but kept: its deletion is over. <https://google.aip.dev/164>
fn is_deleted(document: &Value) -> bool {
    !document["deleteTime"].is_null() && document["reconciling"].is_null()
}

fn is_expired(document: &Value, now: Timestamp) -> bool {
    let expires = document["expireTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    is_deleted(document) && expires.is_some_and(|time| time <= now)
}

/// What stands, as rules see it: every change that has been accepted, but for deletions, which count when they are done.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    store: &'a Store,
    now: Timestamp,
}

impl Entry {
    fn standing(&self, now: Timestamp) -> Option<&Value> {
        let newest = self.versions.last()?.document.as_ref();
        newest.filter(|document| !is_deleted(document)).or_else(|| self.seen(Eyes::at(now)))
    }

    fn seen(&self, eyes: Eyes) -> Option<&Value> {
        let mut visible = self.versions.iter().rev().filter(|version| version.from <= eyes.now);
        let document = visible.nth(usize::from(eyes.stale))?.document.as_ref()?;
        let shown = if eyes.deleted { !is_expired(document, eyes.now) } else { !is_deleted(document) };
        shown.then_some(document)
    }
}

impl Store {
    /// Writes a version seen from `from` on, in place of whatever was to be seen later than that.
    pub fn write(&mut self, kind: &'static Kind, path: &str, from: Timestamp, document: Option<Value>) {
        let entry =
            self.entries.entry(path.to_owned()).or_insert_with(|| Entry { kind, versions: Vec::with_capacity(2) });
        entry.versions.retain(|version| version.from <= from);
        // The current version and the one before it are all that anybody can still see.
        let old = entry.versions.len().saturating_sub(2);
        entry.versions.drain(..old);
        entry.versions.push(Version { from, document });
    }

    /// Deletes everything under a path.
    pub fn empty(&mut self, under: &str, now: Timestamp) {
        let entries = self.entries.range(under.to_owned()..).take_while(|(path, _)| path.starts_with(under));
        let all: Vec<_> = entries.map(|(path, entry)| (entry.kind, path.clone())).collect();
        all.into_iter().for_each(|(kind, path)| self.write(kind, &path, now, None));
    }

    pub fn standing(&self, now: Timestamp) -> Standing<'_> {
        Standing { store: self, now }
    }

    pub fn seen(&self, path: &str, eyes: Eyes) -> Option<&Value> {
        self.entries.get(path)?.seen(eyes)
    }

    /// The documents of a kind under a collection's path as a reader sees them, in the order of their paths.
    pub fn listed<'a>(
        &'a self,
        kind: &'a Kind,
        under: &'a str,
        eyes: Eyes,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let entries = self.entries.range(under.to_owned()..).take_while(move |(path, _)| path.starts_with(under));
        let entries = entries.filter(move |(_, entry)| entry.kind == kind);
        entries.filter_map(move |(path, entry)| Some((path.as_str(), entry.seen(eyes)?)))
    }

    /// Every document there is to see, with its kind and path.
    pub fn all(&self, eyes: Eyes) -> impl Iterator<Item = (&'static Kind, &str, &Value)> {
        self.entries.iter().filter_map(move |(path, entry)| Some((entry.kind, path.as_str(), entry.seen(eyes)?)))
    }

    /// The versions nobody sees yet: when, of what, and what it will be.
    pub fn future(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &'static Kind, &str, Option<&Value>)> {
        self.entries.iter().flat_map(move |(path, entry)| {
            let later = entry.versions.iter().filter(move |version| version.from > now);
            later.map(move |version| (version.from, entry.kind, path.as_str(), version.document.as_ref()))
        })
    }
}

impl<'a> Standing<'a> {
    /// What stands, and what was still there so long ago.
    pub fn and_before(self, by: SignedDuration) -> Self {
        Self { now: self.now.checked_sub(by).unwrap_or(Timestamp::MIN), ..self }
    }

    pub fn get(self, path: &str) -> Option<&'a Value> {
        self.store.entries.get(path)?.standing(self.now)
    }

    /// All documents of a kind, in the order of their paths.
    pub fn all(self, kind: &'static Kind) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let entries = self.store.entries.iter().filter(move |(_, entry)| entry.kind == kind);
        entries.filter_map(move |(path, entry)| Some((path.as_str(), entry.standing(self.now)?)))
    }

    /// Whether a change of this document has been accepted and is not yet to be seen.
    pub fn in_flight(self, path: &str) -> bool {
        let newest = self.store.entries.get(path).and_then(|entry| entry.versions.last());
        newest.is_some_and(|version| version.from > self.now)
    }
}
