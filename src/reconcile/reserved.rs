//! Ranges that runs of this process are about to cut, or have just cut: two targets of one network never choose the same.

use std::collections::{BTreeMap, HashMap};

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    names::NetworkRef,
    plan::{Change, Kind, Object, Plan, Verb},
    report::Report,
    target::Target,
};

/// Longer than a run may take, and than a list may lag.
const RESERVATION_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// By network, then by target and subnet.
#[derive(Debug, Default)]
pub struct ReservedRanges(HashMap<NetworkRef, BTreeMap<(Target, String), Cut>>);

#[derive(Debug)]
struct Cut {
    range: Ipv4Net,
    at: Timestamp,
    is_made: bool,
}

impl ReservedRanges {
    /// What the next plan of a target must not cut.
    pub fn taken(&mut self, network: &NetworkRef, target: &Target, now: Timestamp) -> Vec<Ipv4Net> {
        let Some(cuts) = self.0.get_mut(network) else { return Vec::new() };
        cuts.retain(|_, cut| now.duration_since(cut.at) < RESERVATION_LIFETIME);
        let others = cuts.iter().filter(|((owner, _), cut)| owner != target || cut.is_made);
        others.map(|(_, cut)| cut.range).collect()
    }

    /// Takes every range that a plan cuts; `false` = another target has taken one of them since it was planned.
    pub fn take(&mut self, plan: &Plan, now: Timestamp) -> bool {
        let planned = plan.steps.iter().filter_map(|step| cut(&step.change));
        let planned = planned.map(|(name, range)| (name.to_owned(), range)).collect();
        self.take_all(&plan.network, &plan.target, planned, now)
    }

    /// The same of all that a dry run shows, what is held back included.
    pub fn take_shown(&mut self, network: &NetworkRef, report: &Report, now: Timestamp) -> bool {
        let Some(target) = &report.target else { return true };
        let steps = report.steps.iter().map(|step| (&step.step, step.verb, &step.after));
        let held = report.withheld.iter().map(|held| (&held.step, held.verb, &held.after));
        let planned = steps.chain(held).filter(|(id, verb, _)| id.kind == Kind::Subnet && *verb == Verb::Create);
        let planned = planned.filter_map(|(id, _, after)| {
            Some((id.name.clone(), after.as_ref()?["ipCidrRange"].as_str()?.parse().ok()?))
        });
        self.take_all(network, target, planned.collect(), now)
    }

    fn take_all(
        &mut self,
        network: &NetworkRef,
        target: &Target,
        planned: Vec<(String, Ipv4Net)>,
        now: Timestamp,
    ) -> bool {
        if planned.is_empty() {
            return true;
        }
        let cuts = self.0.entry(network.clone()).or_default();
        let overlap = |a: &Ipv4Net, b: &Ipv4Net| a.contains(b) || b.contains(a);
        let others = || cuts.iter().filter(|((owner, _), _)| owner != target);
        if others().any(|(_, cut)| planned.iter().any(|(_, range)| overlap(range, &cut.range))) {
            return false;
        }
        for (name, range) in planned {
            cuts.insert((target.clone(), name), Cut { range, at: now, is_made: false });
        }
        true
    }

    /// What became of a cut: a range that was not cut is free again.
    pub fn note(&mut self, plan: &Plan, change: &Change, is_made: bool) {
        let Some((name, _)) = cut(change) else { return };
        let Some(cuts) = self.0.get_mut(&plan.network) else { return };
        let key = (plan.target.clone(), name.to_owned());
        match cuts.get_mut(&key).filter(|_| is_made) {
            Some(cut) => cut.is_made = true,
            None => drop(cuts.remove(&key)),
        }
    }
}

/// The subnet that a change makes, and its range.
fn cut(change: &Change) -> Option<(&str, Ipv4Net)> {
    match change {
        Change::Create(Object::Subnet(subnet)) => Some((&subnet.name, subnet.cidr()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{plan::Step, state::subnet::Subnet};

    fn plan(project: &str, subnet: &str, range: &str) -> Plan {
        let subnet = Subnet { name: subnet.into(), ip_cidr_range: range.into(), ..Subnet::default() };
        let step = Step {
            id: Kind::Subnet.named(subnet.name.as_str()),
            after: Vec::new(),
            change: Change::Create(Object::Subnet(subnet)),
            reason: String::new(),
            diff: Vec::new(),
        };
        Plan {
            target: Target {
                project: project.to_owned().try_into().unwrap(),
                region: "europe-west2".to_owned().try_into().unwrap(),
            },
            network: "projects/net-host/global/networks/shared".to_owned().try_into().unwrap(),
            steps: vec![step],
            withheld: Vec::new(),
            waiting_on: Vec::new(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            egress: Vec::new(),
        }
    }

    #[test]
    fn a_range_is_taken_once_until_it_is_free_again() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let later = now + SignedDuration::from_mins(11);
        let (a, b) = (plan("proj-a", "s-a", "10.8.0.0/28"), plan("proj-b", "s-b", "10.8.0.0/28"));
        let mut reserved = ReservedRanges::default();
        assert!(reserved.take(&a, now) && reserved.take(&a, now), "planned again by its own target");
        assert!(!reserved.take(&b, now));
        assert_eq!(reserved.taken(&a.network, &b.target, now), ["10.8.0.0/28".parse().unwrap()]);
        assert_eq!(reserved.taken(&a.network, &a.target, now), []);
        reserved.note(&a, &a.steps[0].change, false);
        assert!(reserved.take(&b, now), "not cut, so free again");
        reserved.note(&b, &b.steps[0].change, true);
        assert_eq!(reserved.taken(&b.network, &b.target, now).len(), 1, "cut, though a list may not show it yet");
        assert_eq!(reserved.taken(&b.network, &a.target, later), []);
    }
}
