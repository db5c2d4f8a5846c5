//! Other writers of our routers: which of their changes one of our own may have overwritten, and what these asked for.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    audit::classify::RouterRequest,
    plan::Note,
    state::{observed::Observed, router::Router},
    target::Target,
    text::nat::{self, Lost},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Requests, and races, that are remembered.
const MAX_REMEMBERED: usize = 1000;

/// A change of a router that began between our read of it and our write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// The router's project and region.
    pub at: Target,
    pub router: String,
    pub by: String,
    /// The operation's name.
    pub operation: String,
    /// `patch`, `update`.
    pub kind: String,
    /// When the call was made, as Google writes it.
    pub begun: String,
}

/// Oldest first.
#[derive(Debug, Default)]
pub struct Races {
    requests: VecDeque<(Timestamp, RouterRequest)>,
    open: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    since: Timestamp,
    /// Whose run met it.
    of: Target,
    race: Race,
    told: bool,
}

impl Races {
    /// An audit entry told what a call asked of a router.
    pub fn hear(&mut self, request: RouterRequest, now: Timestamp) {
        if !self.requests.iter().any(|(_, known)| *known == request) {
            self.requests.push_back((now, request));
        }
        self.forget(now);
    }

    /// A run met another writer.
    pub fn note(&mut self, of: &Target, race: &Race, now: Timestamp) {
        if !self.open.iter().any(|open| (&open.of, &open.race) == (of, race)) {
            self.open.push_back(Open { since: now, of: of.clone(), race: race.clone(), told: false });
        }
        self.forget(now);
    }

    /// What a run of the target is to tell: each race once, and again while a NAT that the other asked for is missing. Its
    /// audit entry may come after the run that met it.
    pub fn notes(&mut self, of: &Target, observed: &Observed, now: Timestamp) -> Vec<Note> {
        self.forget(now);
        let requests = &self.requests;
        let met = self.open.iter_mut().filter(|open| open.of == *of);
        let notes = met.filter_map(|open| {
            let race = &open.race;
            let asked = requests.iter().map(|(_, request)| request);
            let mut asked = asked.filter(|asked| asked.at == race.at && asked.operation == race.operation);
            let lost = lost(asked.next(), race, observed);
            let tell = !std::mem::replace(&mut open.told, true) || matches!(lost, Lost::Gone(_));
            let place = (race.at.project.as_str(), race.at.region.as_str(), race.router.as_str());
            tell.then(|| nat::raced(place, &race.by, (&race.kind, &race.begun), &lost))
        });
        let mut told: Vec<Note> = Vec::new();
        for note in notes {
            if !told.contains(&note) {
                told.push(note);
            }
        }
        told
    }

    fn forget(&mut self, now: Timestamp) {
        let old = |since: Timestamp| now.duration_since(since) >= HOUR;
        while self.requests.len() > MAX_REMEMBERED || self.requests.front().is_some_and(|(since, _)| old(*since)) {
            self.requests.pop_front();
        }
        while self.open.len() > MAX_REMEMBERED || self.open.front().is_some_and(|open| old(open.since)) {
            self.open.pop_front();
        }
    }
}

fn lost(asked: Option<&RouterRequest>, race: &Race, observed: &Observed) -> Lost {
    let Some(asked) = asked.filter(|asked| !asked.nats.is_empty()) else { return Lost::Unknown };
    let routers = observed.routers.as_deref().unwrap_or_default();
    let now: Option<&Router> = routers.iter().find(|router| router.name == race.router);
    let is_gone = |name: &&String| now.is_some_and(|router| router.nats.iter().all(|nat| nat.name != **name));
    let gone: Vec<String> = asked.nats.iter().filter(is_gone).cloned().collect();
    if gone.is_empty() { Lost::Changed(asked.nats.clone()) } else { Lost::Gone(gone) }
}
