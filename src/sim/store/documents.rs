//! The store of documents, by path, in versions.
//!
//! A change is written when it is accepted, with the time from which it is visible: an operation in progress is a version in
//! the future, so that nothing has to happen when it ends. Callers read the current version ([`Store::seen`]); rules are
//! checked against the accepted one ([`Accepted`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Store {
    entries: BTreeMap<String, Entry>,
    /// The paths of each collection: a list of one does not walk through all others.
    paths: BTreeMap<&'static str, BTreeSet<String>>,
}

#[derive(Debug)]
struct Entry {
    collection: &'static str,
    /// By time; never empty. A version without a document is a deletion.
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    from: Timestamp,
    document: Option<Value>,
}

/// What a read sees: the state at a time, optionally one write behind, optionally with soft-deleted documents.
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

/// Whether a document is soft-deleted. <https://google.aip.dev/164>
fn is_deleted(document: &Value) -> bool {
    !document["deleteTime"].is_null() && document["reconciling"].is_null()
}

fn is_expired(document: &Value, now: Timestamp) -> bool {
    let expires = document["expireTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    is_deleted(document) && expires.is_some_and(|time| time <= now)
}

/// The accepted documents: every accepted change, except that a deletion counts when it is done.
#[derive(Debug, Clone, Copy)]
pub struct Accepted<'a> {
    store: &'a Store,
    now: Timestamp,
}

impl Entry {
    fn accepted(&self, now: Timestamp) -> Option<&Value> {
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
    /// Writes a version that is visible from `from` on. Later versions are discarded.
    pub fn write(&mut self, collection: &'static str, path: &str, from: Timestamp, document: Option<Value>) {
        let entry = self.entries.entry(path.to_owned()).or_insert_with(|| {
            self.paths.entry(collection).or_default().insert(path.to_owned());
            Entry { collection, versions: Vec::with_capacity(2) }
        });
        entry.versions.retain(|version| version.from <= from);
        // Only the current version and the one before it can still be read.
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

    pub fn accepted(&self, now: Timestamp) -> Accepted<'_> {
        Accepted { store: self, now }
    }

    pub fn seen(&self, path: &str, view: View) -> Option<&Value> {
        self.entries.get(path)?.seen(view)
    }

    /// The visible documents of a collection under a path, ordered by path.
    pub fn listed<'a>(
        &'a self,
        collection: &'a str,
        under: &'a str,
        view: View,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let paths = self.paths.get(collection).into_iter().flat_map(|paths| paths.range(under.to_owned()..));
        let below = paths.take_while(move |path| path.starts_with(under));
        below.filter_map(move |path| Some((path.as_str(), self.entries.get(path)?.seen(view)?)))
    }

    /// Every visible document, with its collection and path.
    pub fn all(&self, view: View) -> impl Iterator<Item = (&'static str, &str, &Value)> {
        self.entries.iter().filter_map(move |(path, entry)| Some((entry.collection, path.as_str(), entry.seen(view)?)))
    }

    /// The versions that are not visible yet: time, collection, path and document.
    pub fn future(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, &'static str, &str, Option<&Value>)> {
        self.entries.iter().flat_map(move |(path, entry)| {
            let later = entry.versions.iter().filter(move |version| version.from > now);
            later.map(move |version| (version.from, entry.collection, path.as_str(), version.document.as_ref()))
        })
    }
}

impl<'a> Accepted<'a> {
    /// Includes documents whose deletion was done less than `by` ago.
    pub fn and_before(self, by: SignedDuration) -> Self {
        Self { now: self.now.checked_sub(by).unwrap_or(Timestamp::MIN), ..self }
    }

    pub fn get(self, path: &str) -> Option<&'a Value> {
        self.store.entries.get(path)?.accepted(self.now)
    }

    /// All accepted documents of a collection, ordered by path.
    pub fn all(self, collection: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a, '_> {
        let paths = self.store.paths.get(collection).into_iter().flatten();
        paths.filter_map(move |path| Some((path.as_str(), self.store.entries.get(path)?.accepted(self.now)?)))
    }

    /// Whether an accepted change of the document is not visible yet.
    pub fn in_flight(self, path: &str) -> bool {
        let newest = self.store.entries.get(path).and_then(|entry| entry.versions.last());
        newest.is_some_and(|version| version.from > self.now)
    }
}
