//! Deploys that were refused because their connector does not exist. Such a deploy leaves nothing behind that says what it
//! wanted, so it is kept here until its workload is deployed or deleted, and for a day at most.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::queue::RunRequest;
use crate::domain::{
    audit::{
        signal::Refused,
        wanted::{WantedConnector, workload_key},
    },
    demand::listed,
    names::last_segment,
    plan::Note,
    policy::{Mode, Policy},
    state::{egress::Egress, observed::Observed, refused_deploy::FailedDeploy, workload::Interface},
    target::Target,
    text,
};

const WISH_LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// The most wishes kept for a target; the oldest make room.
const MAX_PER_TARGET: usize = 1000;
/// The most workloads of which it is remembered when they were last deployed; the oldest make room.
const MAX_DEPLOYED: usize = 10_000;

#[derive(Debug, Default)]
pub struct Wishes {
    held: BTreeMap<Target, Vec<Held>>,
    /// The other deploys that were refused, the latest of each workload: they only keep a connector from being called idle
    /// without a word of them.
    failed: BTreeMap<Target, Vec<Failed>>,
    /// When workloads were last deployed or deleted: an entry that is late or comes again must not bring a wish back.
    deployed: BTreeMap<(Target, String, String), Timestamp>,
}

#[derive(Debug)]
struct Failed {
    deploy: FailedDeploy,
    /// As in `Held`.
    first: Option<Option<Network>>,
}

#[derive(Debug)]
struct Held {
    wanted: WantedConnector,
    /// When the deploy was refused.
    at: Timestamp,
    /// The policy's mode did not let the connector be made then: it is named, and never made.
    barred: Option<Mode>,
    /// The workload as the first look found it, if it did: once it is another, it was deployed, and once it is gone, deleted.
    first: Option<Option<Network>>,
}

/// What a workload says of its network: its connector, egress and interfaces.
type Network = (Option<String>, Egress, Vec<Interface>);

impl Wishes {
    /// Takes in what a request says, and gives it the wishes that are held for its target.
    pub fn join(&mut self, policy: &Policy, request: &mut RunRequest, now: Timestamp) {
        let target = request.target.clone();
        for trigger in request.triggers.iter().filter(|trigger| trigger.told.is_deployed) {
            if let Some((kind, name)) = workload_key(&trigger.resource) {
                let last = self.deployed.entry((target.clone(), kind, name.to_owned())).or_insert(trigger.at);
                *last = trigger.at.max(*last);
            }
        }
        let deployed = &self.deployed;
        let is_over = |workload: &str, at: Timestamp| {
            let key = workload_key(workload).map(|(kind, name)| (target.clone(), kind, name.to_owned()));
            key.and_then(|key| deployed.get(&key)).is_some_and(|deployed| *deployed > at)
        };
        // A workload may have been refused several times, each time for another connector.
        let refused_at = |wanted: &WantedConnector| {
            let own = request.triggers.iter().filter(|trigger| {
                let names_it = |refused: &Refused| {
                    refused.connector.as_ref().is_none_or(|named| named.name == wanted.connector.name)
                };
                !trigger.told.is_deployed
                    && wanted.is_of(&trigger.resource)
                    && trigger.refused.as_ref().is_none_or(names_it)
            });
            own.map(|trigger| trigger.at).max().unwrap_or(now)
        };
        let failed = self.failed.entry(target.clone()).or_default();
        for (trigger, refused) in request.triggers.iter().filter_map(|it| Some((it, it.refused.as_ref()?))) {
            let same = |other: &Failed| workload_key(&other.deploy.workload) == workload_key(&trigger.resource);
            // The same entry again says nothing new.
            if !failed.iter().any(|other| same(other) && other.deploy.at >= trigger.at) {
                failed.retain(|other| !same(other));
                let Refused { connector, words, .. } = refused.clone();
                let deploy = FailedDeploy { workload: trigger.resource.clone(), at: trigger.at, connector, words };
                failed.push(Failed { deploy, first: None });
            }
        }
        failed.retain(|Failed { deploy, .. }| {
            now.duration_since(deploy.at) < WISH_LIFETIME && !is_over(&deploy.workload, deploy.at)
        });
        failed.sort_by_key(|one| one.deploy.at);
        failed.drain(..failed.len().saturating_sub(MAX_PER_TARGET));
        if failed.is_empty() {
            self.failed.remove(&target);
        }
        let held = self.held.entry(target.clone()).or_default();
        for wanted in std::mem::take(&mut request.wanted) {
            let at = refused_at(&wanted);
            if wanted.workload.as_deref().is_some_and(|workload| is_over(workload, at)) {
                continue;
            }
            let newer = |other: &Held| other.wanted.same_origin(&wanted) && other.at > at;
            if !held.iter().any(newer) {
                let known = held.iter().position(|other| other.wanted.same_origin(&wanted));
                let known = known.map(|index| held.remove(index));
                // The same entry again says nothing new.
                let again = known.filter(|known| known.wanted == wanted && known.at == at);
                held.push(again.unwrap_or_else(|| Held { barred: barred(policy, &wanted), wanted, at, first: None }));
            }
        }
        held.retain(|wish| {
            let is_over = |workload: &String| is_over(workload, wish.at);
            now.duration_since(wish.at) < WISH_LIFETIME && !wish.wanted.workload.as_ref().is_some_and(is_over)
        });
        held.sort_by_key(|wish| wish.at);
        held.drain(..held.len().saturating_sub(MAX_PER_TARGET));
        request.wanted = asked(policy, &*held);
        if held.is_empty() {
            self.held.remove(&target);
        }
        self.forget(now);
    }

    /// The wishes that a look at a target goes by, beside those of its own request.
    pub fn of(&self, policy: &Policy, target: &Target, now: Timestamp) -> Vec<WantedConnector> {
        let held = self.held.get(target).into_iter().flatten();
        asked(policy, held.filter(|wish| now.duration_since(wish.at) < WISH_LIFETIME))
    }

    /// The refused deploys of a target that nobody has repeated.
    pub fn failed(&self, target: &Target, now: Timestamp) -> Vec<FailedDeploy> {
        let failed = self.failed.get(target).into_iter().flatten().map(|one| &one.deploy);
        failed.filter(|deploy| now.duration_since(deploy.at) < WISH_LIFETIME).cloned().collect()
    }

    fn forget(&mut self, now: Timestamp) {
        self.deployed.retain(|_, at| now.duration_since(*at) < WISH_LIFETIME);
        while self.deployed.len() > MAX_DEPLOYED {
            let oldest = self.deployed.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.deployed.remove(&oldest);
            }
        }
    }

    /// What a look shows of the workloads: which are there as they were wished for, and which were deleted.
    pub fn note(&mut self, observed: &Observed) {
        if let Some(failed) = self.failed.get_mut(&observed.target) {
            failed.retain_mut(|one| match network_of(observed, &one.deploy.workload) {
                Some(found) => *one.first.get_or_insert_with(|| found.clone()) == found,
                None => true,
            });
        }
        let Some(held) = self.held.get_mut(&observed.target) else { return };
        held.retain_mut(|wish| {
            let workload = wish.wanted.workload.as_deref();
            let Some(found) = workload.and_then(|workload| network_of(observed, workload)) else { return true };
            let named = found.as_ref().and_then(|(connector, ..)| connector.as_deref()).map(last_segment);
            let as_wished = named == Some(wish.wanted.connector.name.as_str());
            *wish.first.get_or_insert_with(|| found.clone()) == found && !as_wished
        });
    }

    /// The wishes whose connector still does not exist, as reports name them.
    pub fn notes(&self, observed: &Observed) -> Vec<Note> {
        let held = self.held.get(&observed.target).into_iter().flatten();
        let missing = held.filter(|wish| {
            let mut connector = wish.wanted.connector.clone();
            connector.project = observed.target.project.clone();
            matches!(listed(observed, &connector), None | Some(None))
        });
        missing.filter_map(Held::note).collect()
    }

    /// The wishes of a target under a policy that lets nothing be looked at.
    pub fn unseen(&self, target: &Target) -> Vec<Note> {
        self.held.get(target).into_iter().flatten().filter_map(Held::note).collect()
    }
}

impl Held {
    /// What a report says of it: nothing of a person's wish, which its command answers and which ends with the process.
    fn note(&self) -> Option<Note> {
        let until = self.at.checked_add(WISH_LIFETIME).unwrap_or(self.at);
        let workload = self.wanted.workload.as_deref()?;
        Some(text::connector::held_wish(&self.wanted.connector, workload, self.at, until, self.barred))
    }
}

/// What a workload that was read says of its network, `Some(None)` = it is absent; `None` = it could not be read.
fn network_of(observed: &Observed, workload: &str) -> Option<Option<Network>> {
    let (kind, name) = workload_key(workload)?;
    let read = match kind.as_str() {
        "jobs" => &observed.jobs,
        "services" => &observed.services,
        "workerpools" => &observed.worker_pools,
        "instances" => &observed.instances,
        "functions" => &observed.others.as_ref()?.functions,
        "versions" => &observed.others.as_ref()?.versions,
        _ => return None,
    };
    let name = name.replace("/versions/", "/");
    let found = read.as_ref().ok()?.iter().find(|workload| workload.name == name);
    Some(found.map(|one| (one.connector.clone(), one.egress, one.direct.clone())))
}

/// What a plan goes by: where the mode lets nothing be made, it still shows what would be.
fn asked<'a>(policy: &Policy, held: impl IntoIterator<Item = &'a Held>) -> Vec<WantedConnector> {
    let shown = held.into_iter().filter(|wish| wish.barred.is_none() || barred(policy, &wish.wanted).is_some());
    shown.map(|wish| wish.wanted.clone()).collect()
}

/// The mode that keeps a wanted connector from being made.
fn barred(policy: &Policy, wanted: &WantedConnector) -> Option<Mode> {
    let target = Target::from(&wanted.connector);
    let modes = [policy.for_target(&target).mode, policy.for_connector(&wanted.connector).mode];
    modes.into_iter().find(|mode| *mode < Mode::Create)
}
