//! From text to a policy that holds together.

use schemars::schema_for;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{check, document::Policy, sections::Override};

/// What is wrong with a policy file, one sentence a line, each naming the key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct PolicyError(pub Vec<String>);

/// Reads a policy.
pub fn read(text: &str) -> Result<Policy, PolicyError> {
    let document: Value = serde_saphyr::from_str(text).map_err(unreadable)?;
    let Value::Object(map) = &document else {
        return Err(PolicyError(vec!["the policy must be a map of keys, such as `version: 1`".into()]));
    };
    let mut wrong = Vec::new();
    unknown_keys(&document, schema().as_value(), "", &mut wrong);
    if !wrong.is_empty() {
        return Err(PolicyError(wrong));
    }
    // The text itself once more, for an error that shows the line.
    let mut policy: Policy = serde_saphyr::from_str(text).map_err(unreadable)?;
    policy.hash = Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    wrong = check::policy(&policy);
    for (index, entry) in policy.overrides.iter().enumerate() {
        match resolve(map, entry) {
            Ok(mut resolved) => {
                wrong.extend(check::policy(&resolved).into_iter().map(|text| format!("overrides[{index}]: {text}")));
                resolved.hash.clone_from(&policy.hash);
                policy.resolved.push(resolved);
            }
            Err(text) => wrong.push(format!("overrides[{index}]: {text}")),
        }
    }
    if wrong.is_empty() {
        wrong = check::networks(&policy);
    }
    wrong.dedup();
    if wrong.is_empty() { Ok(policy) } else { Err(PolicyError(wrong)) }
}

/// What is wrong, with the lines around it.
fn unreadable(error: serde_saphyr::Error) -> PolicyError {
    PolicyError(vec![error.render_with_formatter(&serde_saphyr::UserMessageFormatter)])
}

/// The policy with one override laid over it.
fn resolve(document: &Map<String, Value>, entry: &Override) -> Result<Policy, String> {
    if let Some(key) = ["scope", "owner", "version", "overrides"].iter().find(|key| entry.settings.contains_key(**key))
    {
        return Err(format!("`{key}` cannot be overridden"));
    }
    let mut merged = Value::Object(document.clone());
    lay_over(&mut merged, &Value::Object(entry.settings.clone()));
    merged["overrides"] = Value::Array(Vec::new());
    let mut wrong = Vec::new();
    unknown_keys(&merged, schema().as_value(), "", &mut wrong);
    match wrong.is_empty() {
        true => typed(merged).map_err(|error| match culprit(document, entry) {
            Some(key) => format!("{key}: {error}"),
            None => error.to_string(),
        }),
        false => Err(wrong.join("; ")),
    }
}

fn typed(mut document: Value) -> serde_json::Result<Policy> {
    let schema = schema();
    off_as_a_word(&mut document, schema.as_value(), schema.as_value());
    serde_json::from_value(document)
}

/// The section of an override that cannot be read: laid over alone, it is as wrong.
fn culprit<'a>(document: &Map<String, Value>, entry: &'a Override) -> Option<&'a String> {
    let is_wrong = |(key, value): &(&String, &Value)| {
        let mut alone = Value::Object(document.clone());
        lay_over(&mut alone, &serde_json::json!({ *key: value }));
        typed(alone).is_err()
    };
    entry.settings.iter().find(is_wrong).map(|(key, _)| key)
}

fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Compares the keys of a document with those of the schema, and names the nearest known one.
fn unknown_keys(value: &Value, schema: &Value, path: &str, wrong: &mut Vec<String>) {
    let root = schema;
    walk(value, schema, root, path, wrong);

    fn walk(value: &Value, schema: &Value, root: &Value, path: &str, wrong: &mut Vec<String>) {
        let schema = referred(schema, root);
        match value {
            Value::Object(map) => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, value) in map {
                    let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    match known.and_then(|known| known.get(key)) {
                        Some(schema) => walk(value, schema, root, &at, wrong),
                        None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                            wrong.push(match known.and_then(|known| nearest(key, known.keys())) {
                                Some(near) => format!("{at}: unknown key; did you mean `{near}`?"),
                                None => format!("{at}: unknown key"),
                            });
                        }
                        None => {}
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        walk(item, schema, root, &format!("{path}[{index}]"), wrong);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a schema refers to, or itself.
fn referred<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let name = schema.get("$ref").and_then(Value::as_str);
    name.and_then(|name| root.pointer(name.trim_start_matches('#'))).unwrap_or(schema)
}

/// Without a type to go by, a bare `off` is read as `false`, as YAML 1.1 has it: <https://yaml.org/type/bool.html>. Where the
/// schema has the word, the word was meant.
fn off_as_a_word(value: &mut Value, schema: &Value, root: &Value) {
    let schema = referred(schema, root);
    match value {
        Value::Bool(false) => {
            let listed = schema["enum"].as_array().into_iter().flatten();
            let described = schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
            if listed.chain(described).any(|word| word == "off") {
                *value = "off".into();
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                if let Some(schema) = schema["properties"].get(key) {
                    off_as_a_word(value, schema, root);
                }
            }
        }
        _ => {}
    }
}

/// The known key that takes the fewest edits, if it takes few.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    known
        .map(|name| (strsim::damerau_levenshtein(key, name), name))
        .filter(|(edits, name)| *edits <= name.len().max(key.len()) / 2)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// The JSON Schema of the policy file.
pub fn schema() -> schemars::Schema {
    schema_for!(Policy)
}

/// A policy to start from: it reads and reports, and writes nothing.
pub fn example() -> &'static str {
    include_str!("example.yaml")
}
