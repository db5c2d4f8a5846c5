//! Changes that somebody undoes again and again are left alone for a growing while: two hands must not fight over an object.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{plan::Repeat, target::Target};

/// The same change so often within [`WINDOW`] means that it was undone each time.
const TIMES: usize = 3;
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
const FIRST_REST: SignedDuration = SignedDuration::from_mins(15);
const MAX_REST: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Default)]
pub struct Breaker {
    changes: HashMap<(Target, Repeat), Fight>,
}

#[derive(Debug)]
struct Fight {
    made: VecDeque<Timestamp>,
    rest: SignedDuration,
    until: Option<Timestamp>,
}

impl Breaker {
    /// The change was made.
    pub fn note(&mut self, target: &Target, change: Repeat, now: Timestamp) {
        let fight = self.changes.entry((target.clone(), change)).or_insert_with(|| Fight {
            made: VecDeque::new(),
            rest: FIRST_REST,
            until: None,
        });
        fight.forget(now);
        fight.made.push_back(now);
        // After a rest one more try is enough to tell that the other hand has not given up.
        if fight.made.len() >= TIMES || fight.until.is_some() {
            fight.until = now.checked_add(fight.rest).ok();
            fight.rest = MAX_REST.min(fight.rest * 2);
        }
    }

    /// What is left alone at a target, and until when.
    pub fn open(&mut self, target: &Target, now: Timestamp) -> BTreeMap<Repeat, Timestamp> {
        self.changes.retain(|_, fight| {
            fight.forget(now);
            !fight.made.is_empty() || fight.until.is_some()
        });
        let here = self.changes.iter().filter(|((of, _), _)| of == target);
        here.filter_map(|((_, change), fight)| Some((change.clone(), fight.until.filter(|until| *until > now)?)))
            .collect()
    }
}

impl Fight {
    fn forget(&mut self, now: Timestamp) {
        while self.made.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            self.made.pop_front();
        }
        // Quiet for as long as the next rest would be: the fight is over.
        if self.until.is_some_and(|until| now.duration_since(until) > self.rest) {
            self.until = None;
            self.rest = FIRST_REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{Kind, Verb};

    #[test]
    fn rests_grow_while_the_fight_goes_on_and_end_with_it() {
        let target = Target {
            project: "demo-project".to_owned().try_into().unwrap(),
            region: "europe-west2".to_owned().try_into().unwrap(),
        };
        let change = Repeat { step: Kind::Firewall.named("a"), verb: Verb::Repair, diff: Vec::new() };
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let minute = |minutes: i64| start + SignedDuration::from_mins(minutes);
        let mut breaker = Breaker::default();
        // Minute of a change, or of a mere look (`None`); and how long the change is left alone then.
        for (at, made, rests_until) in [
            (0, true, None),
            (1, true, None),
            (2, true, Some(17)),
            (10, false, Some(17)),
            (18, false, None),
            (19, true, Some(49)),
            (50, true, Some(110)),
            (400, false, None),
            (401, true, None),
        ] {
            if made {
                breaker.note(&target, change.clone(), minute(at));
            }
            let open = breaker.open(&target, minute(at));
            assert_eq!(open.get(&change).copied(), rests_until.map(minute), "minute {at}");
        }
    }
}
