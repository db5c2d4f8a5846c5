//! Which entries have come before. Told in reports, and no more than that: to look once more is always right.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use crate::domain::{audit::signal::Trigger, target::Target};

/// Entries remembered. Pub/Sub delivers again within minutes.
const MAX_EVENTS: usize = 10_000;

#[derive(Debug, Default)]
pub struct SeenEvents {
    /// How often an entry has led to a run of a target, by a hash of the two.
    counts: HashMap<u64, u32>,
    /// Oldest first.
    order: VecDeque<u64>,
    hashes: RandomState,
}

impl SeenEvents {
    /// Tells each trigger how often it had come before, and remembers it.
    pub fn note(&mut self, target: &Target, triggers: &mut [Arc<Trigger>]) {
        for trigger in triggers {
            let key = self.hashes.hash_one((target, &trigger.event_id));
            let count = self.counts.entry(key).or_insert_with(|| {
                self.order.push_back(key);
                0
            });
            let before = *count;
            *count = count.saturating_add(1).saturating_add(trigger.duplicates);
            // Each target has heard it as often as it has: only those who differ get a copy of their own.
            if before > 0 {
                let trigger = Arc::make_mut(trigger);
                trigger.duplicates = trigger.duplicates.saturating_add(before);
            }
        }
        while self.order.len() > MAX_EVENTS {
            if let Some(oldest) = self.order.pop_front() {
                self.counts.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::audit::signal::join;

    fn trigger(id: usize) -> Trigger {
        Trigger {
            event_id: format!("log/time/{id}"),
            method: "m".into(),
            resource: "r".into(),
            principal: None,
            refusal: None,
            at: Timestamp::UNIX_EPOCH,
            received: Timestamp::UNIX_EPOCH,
            duplicates: 0,
            told: Default::default(),
            refused: None,
        }
    }

    #[test]
    fn duplicates_are_counted_within_a_run_and_from_run_to_run() {
        let target = |region: &str| Target {
            project: "demo-project".to_owned().try_into().unwrap(),
            region: region.to_owned().try_into().unwrap(),
        };
        let (here, there) = (target("europe-west1"), target("us-central1"));
        let mut heard = SeenEvents::default();
        let mut hear = |target: &Target, ids: &[usize]| -> Vec<u32> {
            let mut triggers = Vec::new();
            join(&mut triggers, ids.iter().map(|id| trigger(*id).into()));
            heard.note(target, &mut triggers);
            triggers.iter().map(|trigger| trigger.duplicates).collect()
        };
        assert_eq!(hear(&here, &[1, 2, 1, 1]), [2, 0]);
        assert_eq!(hear(&here, &[1, 2, 3]), [3, 1, 0]);
        assert_eq!(hear(&there, &[1]), [0], "every target's run hears it for the first time");
        hear(&here, &(10..10 + MAX_EVENTS).collect::<Vec<_>>());
        assert_eq!(hear(&here, &[1]), [0], "no more than so many are remembered");
    }
}
