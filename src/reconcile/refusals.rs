//! Writes that only a person can make possible: each is tried again at doubling intervals, and sooner when something was
//! changed that may permit it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    plan::{Note, ObjectId},
    target::Target,
    text,
};

/// After the second refusal; the first may have been an accident, and the next run or sweep tries again.
const FIRST_REST: SignedDuration = SignedDuration::from_mins(10);
const MAX_REST: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Default)]
pub struct Refusals(BTreeMap<(Target, ObjectId), Refusal>);

#[derive(Debug)]
struct Refusal {
    times: u32,
    /// Not tried before.
    until: Timestamp,
    note: Note,
    /// The policy under which it was refused.
    policy: String,
}

impl Refusals {
    /// A write was refused.
    pub fn note(&mut self, target: &Target, step: &ObjectId, note: &Note, policy: &str, now: Timestamp) {
        let known = self.0.get(&(target.clone(), step.clone())).map_or(0, |refusal| refusal.times);
        let rest = match known {
            0 => SignedDuration::ZERO,
            times => FIRST_REST * 2_i32.pow((times - 1).min(10)),
        };
        let until = now.checked_add(rest.min(MAX_REST)).unwrap_or(now);
        let refusal = Refusal { times: known + 1, until, note: note.clone(), policy: policy.to_owned() };
        self.0.insert((target.clone(), step.clone()), refusal);
    }

    /// A write was made.
    pub fn done(&mut self, target: &Target, step: &ObjectId) {
        self.0.remove(&(target.clone(), step.clone()));
    }

    /// Where something was refused.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.0.keys().map(|(target, _)| target)
    }

    /// Something was changed that may permit what was refused.
    pub fn lift(&mut self, target: &Target) {
        self.0.retain(|(of, _), _| of != target);
    }

    /// What is not tried now, and why.
    pub fn active(&mut self, target: &Target, policy: &str, now: Timestamp) -> BTreeMap<ObjectId, Note> {
        // Nothing has asked for it for as long as the longest rest.
        self.0.retain(|_, refusal| now.duration_since(refusal.until) < MAX_REST);
        self.0.retain(|(of, _), refusal| of != target || refusal.policy == policy);
        let here = self.0.iter().filter(|((of, _), refusal)| of == target && refusal.until > now);
        here.map(|((_, step), refusal)| (step.clone(), text::reads::resting(&refusal.note, refusal.until))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::Code;
    use crate::domain::plan::Kind;

    #[test]
    fn rests_double_up_to_a_day_and_end_with_a_change() {
        let target = Target {
            project: "demo-project".to_owned().try_into().unwrap(),
            region: "europe-west2".to_owned().try_into().unwrap(),
        };
        let step = Kind::Router.named("a");
        let note = Note { code: Code::Quota, object: step.to_string(), by: None, text: "quota".into() };
        let start: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let mut refusals = Refusals::default();
        let mut tries = Vec::new();
        for minute in (0..3 * 24 * 60).step_by(10) {
            let now = start + SignedDuration::from_mins(minute);
            if !refusals.active(&target, "p", now).contains_key(&step) {
                tries.push(minute);
                refusals.note(&target, &step, &note, "p", now);
            }
        }
        assert_eq!(tries, [0, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 4000]);
        let now = start + SignedDuration::from_hours(72);
        assert_eq!(refusals.active(&target, "p", now).len(), 1);
        assert_eq!(refusals.active(&target, "another policy", now).len(), 0);
        refusals.note(&target, &step, &note, "p", now);
        refusals.note(&target, &step, &note, "p", now);
        assert_eq!(refusals.active(&target, "p", now).len(), 1);
        refusals.lift(&target);
        assert_eq!(refusals.active(&target, "p", now).len(), 0);
    }
}
