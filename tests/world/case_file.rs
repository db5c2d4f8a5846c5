//! A case as it is written: a first line that says what it shows, then sections.
//!
//! `== world` says only what differs from the usual. Its collections are those of `GET /sim/world`, each a map from the names of
//! its documents to their fields, laid over one another in this order:
//!
//! - what a document of that collection usually looks like: `presets/documents.yaml`, which also says where one stands that is
//!   named by its last part (`egress` is `projects/demo-project/locations/europe-west2/connectors/egress`);
//! - the presets under `like`, from left to right: `like: [job, connector: {range: 10.8.0.16/28}]` is `presets/job.yaml` as it
//!   is, and `presets/connector.yaml` with one of the parameters that stand there under `with`;
//! - what the case itself says. A field is merged with the one below, but a list takes its place.
//!
//! `null` takes away: a field, a document of a preset, or a whole collection with what the demo has in it. `{}` is a document
//! as it usually looks, or a collection that can be asked and has nothing in it. So
//!
//! ```yaml
//! like: [job, connector]
//! vpcaccess.connectors:
//!   egress: {state: ERROR}
//! compute.firewalls:
//!   deny-all: {priority: 500, destinationRanges: [0.0.0.0/0], denied: [{IPProtocol: all}]}
//! ```
//!
//! is a job, the connector that it names, which failed, on its subnet, and somebody's rule. `projects`, `regions` and `seed` are
//! laid over those of the demo.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use egress_reconciler::{domain::audit::wanted::WantedConnector, sim::world::World};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    lab::{PROJECT, REGION, world},
    preset,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    connector: String,
    egress: String,
}

/// What happens between two runs.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Happens {
    /// Somebody's call: `PATCH compute/v1/…`.
    Call(String, #[serde(default)] Value),
    /// Somebody's call that Google refuses, and whose it is.
    Refused(String, Value, #[serde(default)] Option<String>),
    /// The policy file changes: laid over the case's policy.
    Policy(Value),
    /// Seconds go by.
    Wait(u64),
    /// Google's faults, as `POST /sim/faults` takes them.
    Fault(Value),
}

pub struct Case {
    pub title: String,
    /// In the order of the file.
    sections: Vec<(String, String)>,
}

impl Case {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let (title, rest) = text.split_once('\n').expect("a first line that says what the case shows");
        let mut sections = Vec::new();
        for section in rest.split("\n== ").skip(1) {
            let (name, body) = section.split_once('\n').unwrap_or((section, ""));
            sections.push((name.trim().to_owned(), body.trim_end().to_owned()));
        }
        Self { title: title.to_owned(), sections }
    }

    pub fn section(&self, name: &str) -> &str {
        self.sections.iter().find(|(own, _)| own == name).map_or("", |(_, body)| body)
    }

    pub fn yaml(&self, name: &str) -> Value {
        let text = self.section(name);
        if text.trim().is_empty() {
            json!({})
        } else {
            serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{}: {name}: {error}", self.title))
        }
    }

    /// The case with a key (`mode`, `firewall.ingress.harden`) taken out of its policies; `None` = none of them has it.
    pub fn without(&self, key: &str) -> Option<Self> {
        let mut taken = false;
        let path: Vec<&str> = key.split('.').collect();
        let mut take = |policy: &mut Value| taken |= remove(policy, &path);
        let mut sections = Vec::new();
        for (name, body) in &self.sections {
            let mut value = match name.as_str() {
                name if name == "policy" || name == "before" || is_chapter(name) => self.yaml(name),
                _ => Value::Null,
            };
            match &mut value {
                Value::Array(events) => {
                    events.iter_mut().filter_map(|event| event.get_mut("policy")).for_each(&mut take)
                }
                Value::Object(_) => take(&mut value),
                _ => {}
            }
            sections.push((name.clone(), if value.is_null() { body.clone() } else { value.to_string() }));
        }
        taken.then(|| Self { title: self.title.clone(), sections })
    }

    pub fn policy(&self, over: &Value) -> String {
        let mut policy = json!({
            "version": 1, "owner": "lab", "mode": "enforce",
            "scope": {"projects": [PROJECT], "regions": [REGION]},
            "network": {"name": "my-vpc"},
            "connector": {"subnet_pools": ["10.8.0.0/20"]},
        });
        lay_over(&mut policy, self.yaml("policy"));
        lay_over(&mut policy, over.clone());
        policy.to_string()
    }

    pub fn world(&self) -> World {
        let mut document = world().written();
        for (key, value) in preset::world(self.yaml("world")) {
            match value {
                Value::Null => document["resources"][key] = json!([]),
                // A collection is added to the demo's.
                Value::Array(documents) if key.contains('.') => {
                    let list = &mut document["resources"][key];
                    let demo = list.as_array().cloned().unwrap_or_default();
                    *list = [demo, documents].concat().into();
                }
                value => lay_over(&mut document[key], value),
            }
        }
        World::read(document).unwrap_or_else(|error| panic!("{}: world: {error}", self.title))
    }

    pub fn wanted(&self) -> Vec<WantedConnector> {
        let Value::Array(items) = self.yaml("wanted") else { return Vec::new() };
        let read = |item: Value| {
            let Wanted { connector, egress } = serde_json::from_value(item).unwrap();
            WantedConnector {
                connector: format!("projects/{PROJECT}/locations/{REGION}/connectors/{connector}").try_into().unwrap(),
                egress: egress_reconciler::domain::state::egress::Egress::parse(&egress),
                workload: Some(format!("namespaces/{PROJECT}/jobs/refused")),
            }
        };
        items.into_iter().map(read).collect()
    }

    /// `== before`: what happens before the first look.
    pub fn before(&self) -> Vec<Happens> {
        if self.section("before").is_empty() { Vec::new() } else { self.happens("before") }
    }

    fn happens(&self, name: &str) -> Vec<Happens> {
        serde_json::from_value(self.yaml(name)).unwrap_or_else(|error| panic!("{}: {name}: {error}", self.title))
    }

    /// `== then`, `== then again`, …: what happens after each time the world has come to rest; `== or …`: what happens in place
    /// of the chapters before it.
    pub fn chapters(&self) -> Vec<(&str, Vec<Happens>)> {
        let names = self.sections.iter().map(|(name, _)| name.as_str()).filter(|name| is_chapter(name));
        names.map(|name| (name, self.happens(name))).collect()
    }

    /// The file with its results; each chapter's stand behind it.
    pub fn write(&self, path: &Path, results: &BTreeMap<String, String>) {
        let mut out = self.title.clone() + "\n";
        let mut section = |name: &str, body: &str| write!(out, "\n== {name}\n{}\n", body.trim_end()).unwrap();
        for name in ["policy", "world", "wanted", "before"].into_iter().filter(|name| !self.section(name).is_empty()) {
            section(name, self.section(name));
        }
        section("plan", &results["plan"]);
        section("end", &results["end"]);
        for (name, _) in self.chapters() {
            section(name, self.section(name));
            for kind in ["plan", "end"] {
                let name = format!("{kind} {name}");
                section(&name, &results[&name]);
            }
        }
        // Other tests read the cases at the same time.
        if fs::read_to_string(path).ok().as_ref() != Some(&out) {
            fs::write(path, out).unwrap();
        }
    }
}

fn is_chapter(section: &str) -> bool {
    section.starts_with("then") || starts_over(section)
}

/// Whether a chapter goes on from the first end and not from that of the chapter before it.
pub fn starts_over(chapter: &str) -> bool {
    chapter.starts_with("or ")
}

/// Takes a key out, of each entry where it lies in a list.
fn remove(from: &mut Value, path: &[&str]) -> bool {
    match (from, path) {
        (Value::Array(entries), _) => entries.iter_mut().fold(false, |taken, entry| remove(entry, path) | taken),
        (Value::Object(map), [key]) => map.remove(*key).is_some(),
        (Value::Object(map), [key, rest @ ..]) => map.get_mut(*key).is_some_and(|inner| remove(inner, rest)),
        _ => false,
    }
}

pub fn lay_over(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}
