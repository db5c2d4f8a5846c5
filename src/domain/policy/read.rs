//! From text to a policy that holds together.

use std::sync::LazyLock;

use jiff::civil::Date;
use schemars::schema_for;
use serde_json::{Map, Value};
use serde_saphyr::{MessageFormatter, UserMessageFormatter};
use sha2::{Digest, Sha256};

use super::{
    check,
    document::Policy,
    fault::{Fault, Finding, Findings, Place, PolicyError, Severity},
    shape::Reader,
    tree::{Node, Written},
    warn,
};
use crate::domain::names::one_line;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| schema().to_value());

const BEGINNING: Place = Place { line: 1, column: 1 };

/// Reads a policy, or tells all that is wrong with it.
pub fn read(text: &str) -> Result<Policy, PolicyError> {
    let examined = Examined::of(text, None);
    match examined.policy {
        Some(policy) => Ok(policy),
        None => Err(PolicyError(examined.faults)),
    }
}

/// A policy file, and all that is to say of it.
pub struct Examined {
    /// `None` = there are errors.
    pub policy: Option<Policy>,
    /// In the order of the file.
    pub faults: Vec<Fault>,
    tree: Option<Node>,
}

/// Examines a policy file; `today`, in UTC, tells what has expired.
pub fn examine(text: &str, today: Date) -> Examined {
    Examined::of(text, Some(today))
}

impl Examined {
    /// Where a key of the policy is set, or the nearest key around it.
    pub fn place_of(&self, key: &str) -> Place {
        self.tree.as_ref().map_or(BEGINNING, |tree| tree.nearest(key).0.place)
    }

    fn broken(place: Place, text: String, tree: Option<Node>) -> Self {
        let fault = Fault { place, severity: Severity::Error, key: String::new(), text };
        Self { policy: None, faults: vec![fault], tree }
    }

    fn of(text: &str, today: Option<Date>) -> Self {
        let tree = match Node::read(text) {
            Ok(tree) => tree,
            Err(error) => {
                let at = error.location().map_or(BEGINNING, |at| Place { line: at.line(), column: at.column() });
                let words = one_line(&UserMessageFormatter.format_message(error.without_snippet()));
                return Self::broken(at, format!("cannot be read as YAML: {words}"), None);
            }
        };
        if !matches!(tree.value, Written::Map(_)) {
            return Self::broken(BEGINNING, "the policy must be a map of keys, such as `version: 1`".into(), None);
        }
        let mut reader = Reader::new(&SCHEMA);
        let document = reader.policy(&tree);
        let mut policy = match serde_json::from_value::<Policy>(document.clone()) {
            Ok(policy) => policy,
            Err(_) if !reader.faults.is_empty() => {
                reader.faults.sort();
                return Self { policy: None, faults: reader.faults, tree: Some(tree) };
            }
            Err(error) => return Self::broken(BEGINNING, error.to_string(), Some(tree)),
        };
        policy.hash = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let mut judge = Judge { tree: &tree, today, replaced: &reader.replaced, faults: Vec::new() };
        judge.whole(&mut policy, &document);
        let mut faults = [reader.faults, judge.faults].concat();
        faults.sort();
        faults.dedup();
        let is_wrong = faults.iter().any(|fault| fault.severity == Severity::Error);
        Self { policy: (!is_wrong).then_some(policy), faults, tree: Some(tree) }
    }
}

/// What holds together and what does not, with places.
struct Judge<'a> {
    tree: &'a Node,
    today: Option<Date>,
    replaced: &'a [String],
    faults: Vec<Fault>,
}

impl Judge<'_> {
    /// The policy, and each override merged into it, which `policy.resolved` then holds.
    fn whole(&mut self, policy: &mut Policy, document: &Value) {
        let base = self.findings(policy);
        for (index, settings) in policy.overrides.iter().map(|entry| &entry.settings).enumerate() {
            let key = format!("overrides[{index}]");
            let mut resolved = match resolve(document, settings) {
                Ok(resolved) => resolved,
                Err(error) => {
                    let finding =
                        Finding { key, about: Vec::new(), severity: Severity::Error, text: error.to_string() };
                    self.note(&finding, None);
                    continue;
                }
            };
            resolved.hash.clone_from(&policy.hash);
            for finding in self.findings(&resolved) {
                let (node, _) = self.tree.nearest(&key);
                let own = std::iter::once(&finding.key).chain(&finding.about).find(|key| node.nearest(key).1);
                match own {
                    Some(own) => self.note(&finding, Some((&key, own))),
                    // What the policy itself says is said once.
                    None if finding.severity == Severity::Warning || base.contains(&finding) => {}
                    None => self.note(&finding, Some((&key, &finding.key))),
                }
            }
            policy.resolved.push(resolved);
        }
        base.iter().for_each(|finding| self.note(finding, None));
        if self.faults.iter().all(|fault| fault.severity == Severity::Warning) {
            let mut found = Findings::default();
            check::networks(policy, &mut found);
            found.0.iter().for_each(|finding| self.note(finding, None));
        }
    }

    fn findings(&self, policy: &Policy) -> Vec<Finding> {
        let mut found = Findings::default();
        check::policy(policy, &mut found);
        if let Some(today) = self.today {
            warn::policy(policy, today, &mut found);
        }
        found.0
    }

    /// `within`: the key of an override, and the one of its own keys that the finding is about.
    fn note(&mut self, finding: &Finding, within: Option<(&str, &str)>) {
        let full = |key: &str| match within {
            Some((of, _)) => format!("{of}.{key}"),
            None => key.to_owned(),
        };
        // A placeholder says nothing about the file.
        let is_replaced = |key: &str| self.replaced.iter().any(|replaced| is_in(key, replaced) || is_in(replaced, key));
        let mut about = std::iter::once(&finding.key).chain(&finding.about);
        if about.any(|key| is_replaced(&full(key)) || is_replaced(key)) {
            return;
        }
        let at = within.map_or(finding.key.as_str(), |(_, key)| key);
        let place = self.tree.nearest(&full(at)).0.place;
        let (severity, text) = (finding.severity, finding.text.clone());
        self.faults.push(Fault { place, severity, key: full(&finding.key), text });
    }
}

/// The key is `of`, or a key within it.
fn is_in(key: &str, of: &str) -> bool {
    key.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The policy with one override merged into it.
fn resolve(document: &Value, settings: &Map<String, Value>) -> serde_json::Result<Policy> {
    let mut merged = document.clone();
    merge(&mut merged, &Value::Object(settings.clone()));
    merged["overrides"] = Value::Array(Vec::new());
    serde_json::from_value(merged)
}

/// Maps are merged, all else is replaced.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The JSON Schema of the policy file.
pub fn schema() -> schemars::Schema {
    schema_for!(Policy)
}

/// A policy to start from: it reads and reports, and writes nothing.
pub fn example() -> &'static str {
    include_str!("example.yaml")
}
