//! Where two policies differ, key by key, and which targets an override is for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{document::Policy, sections::Match};
use crate::domain::names::{ProjectId, Region};

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Such as `firewall.enforcement`.
    pub key: String,
    pub old: Value,
    pub new: Value,
}

/// What `new` sets otherwise than `old`, in the order of the policy's sections; overrides are not compared.
pub fn differences(old: &Policy, new: &Policy) -> Vec<Setting> {
    let mut found = Vec::new();
    compare("", &json(old), &json(new), &mut found);
    found
}

/// A policy without its overrides. Every type of it has a JSON form, from which it was read.
fn json(policy: &Policy) -> Value {
    let mut value = serde_json::to_value(policy).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.remove("overrides");
    }
    value
}

fn compare(key: &str, old: &Value, new: &Value, found: &mut Vec<Setting>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let key = super::tree::within(key, name);
                compare(&key, &old[name.as_str()], &new[name.as_str()], found);
            }
        }
        (old, new) if old != new => {
            found.push(Setting { key: key.to_owned(), old: old.clone(), new: new.clone() });
        }
        _ => {}
    }
}

/// A value as YAML on one line.
pub fn flow(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<_> = set.map(|(name, value)| format!("{name}: {}", flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// The targets of one project that an override is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub project: ProjectId,
    /// `None` = every region that Cloud Run has, but for `except`.
    pub regions: Option<Vec<Region>>,
    pub except: Vec<Region>,
}

impl Policy {
    /// The targets of the scope that an override is for: those it matches, and no earlier one does.
    pub fn met_by(&self, index: usize) -> Vec<Met> {
        let Some(entry) = self.overrides.get(index).map(|entry| &entry.matches) else { return Vec::new() };
        let earlier: Vec<&Match> = self.overrides[..index]
            .iter()
            .map(|earlier| &earlier.matches)
            .filter(|earlier| earlier.connectors.is_empty() || earlier.connectors == entry.connectors)
            .collect();
        let of = |project: &ProjectId| {
            let taken: Vec<&Match> = earlier
                .iter()
                .copied()
                .filter(|one| one.projects.is_empty() || one.projects.contains(project))
                .collect();
            if taken.iter().any(|one| one.regions.is_empty()) {
                return None;
            }
            let except: BTreeSet<&Region> = taken.iter().flat_map(|one| &one.regions).collect();
            let in_scope = self.scope.regions.list();
            let own = (!entry.regions.is_empty()).then_some(entry.regions.as_slice());
            let regions = match (own, in_scope) {
                (Some(own), None) => Some(own.to_vec()),
                (None, listed) => listed.map(<[Region]>::to_vec),
                (Some(own), Some(listed)) => Some(own.iter().filter(|one| listed.contains(one)).cloned().collect()),
            };
            let regions = regions.map(|all| all.into_iter().filter(|one| !except.contains(one)).collect::<Vec<_>>());
            let except = if regions.is_none() { except.into_iter().cloned().collect() } else { Vec::new() };
            let is_met = regions.as_ref().is_none_or(|regions| !regions.is_empty());
            is_met.then(|| Met { project: project.clone(), regions, except })
        };
        let projects = self.scope.all().into_iter();
        projects.filter(|own| entry.projects.is_empty() || entry.projects.contains(own)).filter_map(of).collect()
    }
}
