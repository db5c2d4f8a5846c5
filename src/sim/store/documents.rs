//! The one store of documents, by path, in versions.
//!
//! A change is written when it is accepted and seen when its time has come: an operation in flight is nothing but a
//! version in the future, so nothing has to happen at the moment it ends. What callers read is the version of their time
//! ([`Store::seen`]); what rules are checked against is what has been accepted ([`Standing`]).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Store {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    collection: &'static str,
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
pub struct View {
    pub now: Timestamp,
    pub stale: bool,
    pub deleted: bool,
}

impl View {
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
        newest.filter(|document| !is_deleted(document)).or_else(|| self.seen(View::at(now)))
    }

    fn seen(&self, view: View) -> Option<&Value> {
        let mut visible = self.versions.iter().rev().filter(|version| version.from <= view.now);
        let document = visible.nth(usize::from(view.stale))?.document.as_ref()?;
        let shown = if view.deleted { !is_expired(document, view.now) } else { !is_deleted(document) };
        shown.then_some(document)
    }
}

impl Store {
    /// Writes a version seen from `from` on, in place of whatever was to be seen later than that.
    pub fn write(&mut self, collection: &'static str, path: &str, from: Timestamp, document: Option<Value>) {
        let entry = self
            .entries
            .entry(path.to_owned())
            .or_insert_with(|| Entry { collection, versions: Vec::with_capacity(2) });
        entry.versions.retain(|version| version.from <= from);
        // The current version and the one before it are all that anybody can still see.
        let old = entry.versions.len().saturating_sub(2);
        entry.versions.drain(..old);
        entry.versions.push(Version { from, document });
    }

    /// Deletes everything under a path.
    pub fn empty(&mut self, under: &str, now: Timestamp) {
        let entries = self.entries.range(under.to_owned()..).take_while(|(path, _)| path.starts_with(under));
        let all: Vec<_> = entries.map(|(path, entry)| (entry.collection, path.clone())).collect();
        all.into_iter().for_each(|(collection, path)| self.write(collection, &path, now, None));
    }

    pub fn standing(&self, now: Timestamp) -> Standing<'_> {
        Standing { store: self, now }
    }

    pub fn seen(&self, path: &str, view: View) -> Option<&Value> {
        self.entries.get(path)?.seen(view)
    }

    /// The documents of a kind under a collection's path as a reader sees them, in the order of their paths.
    pub fn listed<'a>(
        &'a self,
        collection: &'a str,
        under: &'a str,
        view: View,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let entries = self.entries.range(under.to_owned()..).take_while(move |(path, _)| path.starts_with(under));
        let entries = entries.filter(move |(_, entry)| entry.collection == collection);
        entries.filter_map(move |(path, entry)| Some((path.as_str(), entry.seen(view)?)))
    }

    /// Every document there is to see, with its kind and path.
    pub fn all(&self, view: View) -> impl Iterator<Item = (&'static str, &str, &Value)> {
        self.entries.iter().filter_map(move |(path, entry)| Some((entry.collection, path.as_str(), entry.seen(view)?)))
    }

    /// The versions nobody sees yet: when, of what, and what it will be.
    pub fn future(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &'static str, &str, Option<&Value>)> {
        self.entries.iter().flat_map(move |(path, entry)| {
            let later = entry.versions.iter().filter(move |version| version.from > now);
            later.map(move |version| (version.from, entry.collection, path.as_str(), version.document.as_ref()))
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
    pub fn all(self, collection: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a, '_> {
        let entries = self.store.entries.iter().filter(move |(_, entry)| entry.collection == collection);
        entries.filter_map(move |(path, entry)| Some((path.as_str(), entry.standing(self.now)?)))
    }

    /// Whether a change of this document has been accepted and is not yet to be seen.
    pub fn in_flight(self, path: &str) -> bool {
        let newest = self.store.entries.get(path).and_then(|entry| entry.versions.last());
        newest.is_some_and(|version| version.from > self.now)
    }
}
