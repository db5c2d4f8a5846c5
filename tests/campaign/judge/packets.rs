//! What each write of ours does to packets, and who may wonder.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Evidence, Failure,
    now::{CONTROL, Connector, Now, PACKETS, opens},
};
use crate::{
    history::Change,
    walker::{self, Fate},
};

struct Cut {
    at: Timestamp,
    by: String,
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    /// Packets that a write of ours stopped, by connector and number.
    cuts: BTreeMap<(String, usize), Cut>,
    /// Rules of ours as the program last wrote them.
    written: BTreeMap<&'a str, &'a Change>,
    /// Since when the program has been deleting a connector.
    leaving: BTreeMap<&'a str, Timestamp>,
    /// Connectors that the program deleted, and what became of their packets until then. Once their subnet is deleted, too,
    /// they were pruned: what is asked for again is a new one.
    replaced: BTreeMap<String, (Connector, Vec<Fate>)>,
    failures: &'a mut Vec<Failure>,
}

pub fn judge(evidence: &Evidence<'_>, failures: &mut Vec<Failure>) {
    let mut judge = Judge {
        evidence,
        cuts: BTreeMap::new(),
        written: BTreeMap::new(),
        leaving: BTreeMap::new(),
        replaced: BTreeMap::new(),
        failures,
    };
    let mut now = Now::default();
    for change in &evidence.changes {
        let decides = !change.collection.starts_with("run.");
        if change.by == "person" && decides {
            judge.cuts.clear();
        }
        let mut after = now.clone();
        after.apply(change);
        match change.collection {
            "compute.firewalls" if change.by == "program" => judge.rule_written(&now, &after, change),
            "vpcaccess.connectors" => judge.connector_changed(&now, &after, change),
            "compute.subnetworks" if change.document.is_none() => judge.subnet_deleted(&now, change),
            _ => {}
        }
        match (change.collection, change.by) {
            ("compute.firewalls", "program") => drop(judge.written.insert(&change.path, change)),
            ("vpcaccess.connectors", "program")
                if change.document.as_ref().is_some_and(|document| document["state"] == "DELETING") =>
            {
                judge.leaving.insert(&change.path, change.at);
            }
            _ => {}
        }
        now = after;
    }
}

impl<'a> Judge<'a> {
    fn rule_written(&mut self, before: &Now<'_>, after: &Now<'_>, change: &Change) {
        let scene = self.evidence.scene;
        let targets = |now: &Now<'_>| {
            let tags = now.get(&change.path).map(|rule| rule["targetTags"].as_array().cloned().unwrap_or_default());
            tags.unwrap_or_else(|| vec!["no rule".into()])
        };
        let (old, new) = (targets(before), targets(after));
        let concerned = |of: &Connector| {
            let named = |tags: &[serde_json::Value]| tags.is_empty() || tags.iter().any(|tag| *tag == *of.tag);
            (named(&old) || named(&new)) && before.sends(&of.path)
        };
        for connector in before.connectors(scene).into_iter().filter(concerned) {
            let (was, is) = (before.fates(scene, &connector, true), after.fates(scene, &connector, true));
            if was == is {
                continue;
            }
            let foreign = after.fates(scene, &connector, false);
            let meant = self.without_drift(before).fates(scene, &connector, true);
            for at in 0..PACKETS.len() {
                self.packet(&connector, change, at, [&was[at], &is[at], &foreign[at], &meant[at]]);
            }
        }
    }

    fn packet(&mut self, connector: &Connector, change: &Change, at: usize, [was, is, foreign, meant]: [&Fate; 4]) {
        let packet = PACKETS[at];
        let key = (connector.path.clone(), at);
        let say = |what: &str| {
            format!("{} {}: {what} {packet:?} of {} (was {was:?}, is {is:?})", change.at, change.path, connector.path)
        };
        let calm = self.evidence.is_calm(change.at);
        if was.surely_allowed() && is.surely_denied() {
            if at < CONTROL && calm {
                self.fail("control traffic is never cut by us", say("stops"));
            }
            if calm {
                self.cuts.insert(key, Cut { at: change.at, by: change.path.clone() });
            }
            return;
        }
        if !was.surely_denied() || is.surely_denied() {
            return;
        }
        if let Some(cut) = self.cuts.remove(&key).filter(|cut| !self.policy_changed(cut.at, change.at)) {
            let text = format!("{}; it was stopped at {} by {}", say("opens again"), cut.at, cut.by);
            self.fail("what is open before and after is not cut in between", text);
        }
        let policies = self.evidence.policies_at(change.at);
        let overridden = |name: &String| {
            let named = |policy: &&serde_json::Value| {
                policy["firewall"]["override_denies"].to_string().contains(&format!("\"{name}\""))
            };
            policies.iter().any(named)
        };
        // Our own rules, whatever became of them, hide no deny. A deny of ours that goes back to its place opens what was
        // open before.
        let back = was.denied_by.iter().any(|name| change.path.ends_with(&format!("/{name}")));
        if !back
            && self.evidence.others_rules_are_known(change.at)
            && foreign.surely_denied()
            && !foreign.denied_by.iter().any(overridden)
        {
            self.fail("no deny of another's is opened", say(&format!("opens, against {:?},", foreign.denied_by)));
        }
        // Behind somebody's allow it may be open as it was before a deny of ours was moved.
        let by_us = is.allowed_by.iter().any(|name| name == "implied" || !foreign.allowed_by.contains(name));
        // Nor is it opened if a rule of ours stopped it only because somebody had changed that rule.
        let stopped = meant.surely_denied();
        if calm && by_us && stopped && !policies.iter().any(|policy| opens(policy, connector, packet)) {
            self.fail("no more is opened than the policy says", say("opens"));
        }
    }

    /// The world in which each rule of ours is as the program wrote it last.
    fn without_drift<'b>(&self, now: &Now<'b>) -> Now<'b>
    where
        'a: 'b,
    {
        let mut meant = now.clone();
        for (path, change) in &self.written {
            if now.get(path).is_some() && change.document.is_some() {
                meant.apply(change);
            }
        }
        meant
    }

    /// A connector that the program makes again has to be no more open than it was, but for what the policy opens.
    fn connector_changed(&mut self, before: &Now<'_>, after: &Now<'_>, change: &Change) {
        let scene = self.evidence.scene;
        if change.document.is_none() {
            match before.connector(scene, &change.path).filter(|of| change.by == "program" && of.ours) {
                Some(of) => {
                    let fates = before.fates(scene, &of, true);
                    self.replaced.insert(change.path.clone(), (of, fates));
                }
                None => drop(self.replaced.remove(&change.path)),
            }
            return;
        }
        let Some((old, was)) = self.replaced.remove(&change.path) else { return };
        let Some(new) = after.connector(scene, &change.path).filter(|new| change.by == "program" && new.ours) else {
            return;
        };
        let policies = self.evidence.policies_at(change.at);
        if !self.evidence.is_calm(change.at) {
            return;
        }
        // Who changes rules while Google deletes the connector has opened it: that cannot be called off.
        let since = self.leaving.get(new.path.as_str()).copied().unwrap_or(change.at);
        let by_people = |other: &Change| {
            other.by == "person" && other.collection.contains("irewall") && since <= other.at && other.at <= change.at
        };
        if self.evidence.changes.iter().any(by_people) {
            return;
        }
        for (at, (was, is)) in was.iter().zip(after.fates(scene, &new, true)).enumerate() {
            if was.surely_denied()
                && !is.surely_denied()
                && !policies.iter().any(|policy| opens(policy, &new, PACKETS[at]))
            {
                let text = format!(
                    "{} {}: {:?} was stopped at {:?} {was:?}, and is not at {:?} {is:?}",
                    change.at, new.path, PACKETS[at], old.range, new.range
                );
                self.fail("a replaced connector is not open", text);
                return;
            }
        }
    }

    fn subnet_deleted(&mut self, before: &Now<'_>, change: &Change) {
        let range = before.get(&change.path).and_then(|subnet| walker::range(subnet["ipCidrRange"].as_str()?));
        self.replaced.retain(|_, (connector, _)| Some(connector.range) != range);
    }

    fn policy_changed(&self, from: Timestamp, to: Timestamp) -> bool {
        self.evidence.policies.iter().any(|(at, _)| from <= *at && *at <= to)
    }

    fn fail(&mut self, rule: &'static str, text: String) {
        self.failures.push(Failure { rule, text });
    }
}
