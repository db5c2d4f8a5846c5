//! Whether a file has the shape of the schema. Every fault is noted with its place; what is wrong is left out, or replaced by a
//! placeholder, so that everything else can be checked in the same run.

use serde_json::{Map, Value};

use super::{
    fault::{Fault, Place, Severity},
    leaf::{self, Leaf},
    tree::{Entry, Node, Scalar, ScalarKind, Written, within},
};
use crate::domain::names::shorten;

pub(super) struct Reader<'a> {
    schema: &'a Value,
    pub faults: Vec<Fault>,
    /// Keys whose values are not those of the file.
    pub replaced: Vec<String>,
}

/// What a map must hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Completeness {
    /// Every required key.
    Whole,
    /// Any of its keys: it is merged into a whole one.
    Part,
}

impl<'a> Reader<'a> {
    pub fn new(schema: &'a Value) -> Self {
        Self { schema, faults: Vec::new(), replaced: Vec::new() }
    }

    /// The policy as JSON.
    pub fn policy(&mut self, node: &Node) -> Value {
        let mut policy = self.value(node, self.schema, Completeness::Whole).unwrap_or_default();
        let overrides = match node.get("overrides").map(|list| &list.value) {
            Some(Written::List(items)) => items.as_slice(),
            _ => &[],
        };
        for (index, item) in overrides.iter().enumerate() {
            let settings = self.settings(item);
            if let Some(Value::Object(entry)) = policy["overrides"].get_mut(index) {
                entry.extend(settings);
            }
        }
        policy
    }

    /// What an override sets: sections of a policy, each with some of its keys.
    fn settings(&mut self, item: &Node) -> Map<String, Value> {
        const OF_THE_WHOLE: [&str; 4] = ["version", "owner", "scope", "overrides"];
        let Written::Map(entries) = &item.value else { return Map::new() };
        let (fixed, mut entries): (Vec<Entry>, Vec<Entry>) =
            entries.iter().cloned().partition(|entry| OF_THE_WHOLE.contains(&entry.name.as_str()));
        for entry in fixed {
            let text = "found a key that cannot be overridden, expected it outside `overrides`";
            self.replaced.push(entry.node.key.clone());
            self.fault(entry.place, entry.node.key, text.to_owned());
        }
        entries.retain(|entry| entry.name != "match");
        let rest = Node { value: Written::Map(entries), ..item.clone() };
        match self.value(&rest, self.schema, Completeness::Part) {
            Some(Value::Object(settings)) => settings,
            _ => Map::new(),
        }
    }

    fn fault(&mut self, place: Place, key: String, text: String) {
        self.faults.push(Fault { place, severity: Severity::Error, key, text });
    }

    fn unexpected(&mut self, node: &Node, expected: &str) -> Option<Value> {
        self.wrong(node, format!("found {}, expected {expected}", found(node)))
    }

    fn wrong(&mut self, node: &Node, text: String) -> Option<Value> {
        self.fault(node.place, node.key.clone(), text);
        self.replaced.push(node.key.clone());
        None
    }

    /// The value in the type that the schema has; `None` = it is wrong.
    fn value(&mut self, node: &Node, schema: &'a Value, completeness: Completeness) -> Option<Value> {
        if let Some(leaf) = self.leaf(schema) {
            return self.word(node, &leaf);
        }
        let schema = self.referred(schema);
        let choices = schema["anyOf"].as_array();
        if let Some(choices) = choices {
            let chosen = self.choice(node, choices);
            return match chosen {
                Some(chosen) => self.value(node, chosen, completeness),
                None => self.unexpected(node, &self.expected(schema)),
            };
        }
        if has_type(schema, "null") && matches!(node.value, Written::Nothing) {
            return Some(Value::Null);
        }
        if let Some(words) = words(schema) {
            return self.one_of(node, &words);
        }
        match &node.value {
            Written::Map(entries) if has_type(schema, "object") => Some(self.map(node, entries, schema, completeness)),
            Written::List(items) if has_type(schema, "array") => Some(self.list(items, &schema["items"])),
            Written::Scalar(scalar) => match scalar_as(scalar, schema) {
                Some(value) => Some(value),
                None => self.unexpected(node, &self.expected(schema)),
            },
            // Where anything is allowed.
            _ if schema.get("type").is_none() => Some(Value::Null),
            _ => self.unexpected(node, &self.expected(schema)),
        }
    }

    fn word(&mut self, node: &Node, leaf: &Leaf) -> Option<Value> {
        match &node.value {
            Written::Scalar(scalar) => match (leaf.read)(&scalar.text) {
                Ok(()) => Some(scalar.text.clone().into()),
                Err(text) => self.wrong(node, text),
            },
            _ => self.unexpected(node, leaf.expected),
        }
    }

    fn one_of(&mut self, node: &Node, words: &[&str]) -> Option<Value> {
        match &node.value {
            Written::Scalar(scalar) if words.contains(&scalar.text.as_str()) => Some(scalar.text.clone().into()),
            Written::Scalar(scalar) => {
                let near = nearest(&scalar.text, words.iter().copied());
                let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let text = format!("found {}, expected {}{near}", found(node), alternatives(words));
                self.wrong(node, text)
            }
            _ => self.unexpected(node, &alternatives(words)),
        }
    }

    fn list(&mut self, items: &[Node], schema: &'a Value) -> Value {
        let mut list = Vec::new();
        for item in items {
            list.push(self.value(item, schema, Completeness::Whole).unwrap_or_else(|| self.placeholder(schema)));
        }
        Value::Array(list)
    }

    fn map(&mut self, node: &Node, entries: &[Entry], schema: &'a Value, completeness: Completeness) -> Value {
        let known = schema["properties"].as_object();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut map = Map::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|first| first.name == entry.name) {
                let text = format!("found the key twice, expected it once: it is on line {} too", first.place.line);
                self.fault(entry.place, entry.node.key.clone(), text);
                continue;
            }
            match known.and_then(|known| known.get(&entry.name)) {
                Some(schema) => {
                    if let Some(value) = self.value(&entry.node, schema, completeness) {
                        map.insert(entry.name.clone(), value);
                    }
                }
                None if schema["additionalProperties"] == false => {
                    let names: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                    let near = nearest(&entry.name, names.iter().copied());
                    let text = match near {
                        Some(near) => format!("found an unknown key; did you mean `{near}`?"),
                        None => format!("found an unknown key, expected {}", alternatives(&names)),
                    };
                    self.fault(entry.place, entry.node.key.clone(), text);
                    // The key that was meant is not missing.
                    self.replaced.extend(near.map(|near| within(&node.key, near)));
                }
                None => {}
            }
        }
        for name in required {
            if completeness == Completeness::Part || map.contains_key(name) {
                continue;
            }
            let schema = &schema["properties"][name];
            let key = within(&node.key, name);
            if !self.replaced.contains(&key) {
                let text = format!("found nothing, expected {}", self.expected(schema));
                self.fault(node.place, key.clone(), text);
                self.replaced.push(key);
            }
            map.insert(name.to_owned(), self.placeholder(schema));
        }
        Value::Object(map)
    }

    /// The one of several schemas that a value is meant for.
    fn choice(&self, node: &Node, choices: &'a [Value]) -> Option<&'a Value> {
        let mut choices = choices.iter();
        match &node.value {
            Written::Nothing => choices.find(|choice| has_type(choice, "null")),
            Written::List(_) => choices.find(|choice| has_type(self.referred(choice), "array")),
            Written::Map(_) => choices.find(|choice| has_type(self.referred(choice), "object")),
            Written::Scalar(_) => choices.find(|choice| {
                let choice = self.referred(choice);
                ["null", "array", "object"].iter().all(|other| !has_type(choice, other))
            }),
        }
    }

    /// Something that the schema allows.
    fn placeholder(&self, schema: &'a Value) -> Value {
        if let Some(leaf) = self.leaf(schema) {
            return leaf.placeholder.into();
        }
        let schema = self.referred(schema);
        if let Some(first) = words(schema).and_then(|words| words.first().copied()) {
            return first.into();
        }
        match schema["type"].as_str() {
            Some("object") => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let entry = |name: &str| (name.to_owned(), self.placeholder(&schema["properties"][name]));
                Value::Object(required.map(entry).collect())
            }
            Some("array") => Value::Array(Vec::new()),
            Some("string") => "unknown".into(),
            Some("boolean") => false.into(),
            Some("integer") => 1.into(),
            _ => Value::Null,
        }
    }

    /// What belongs here, in words.
    fn expected(&self, schema: &'a Value) -> String {
        if let Some(leaf) = self.leaf(schema) {
            return leaf.expected.to_owned();
        }
        let schema = self.referred(schema);
        if let Some(words) = words(schema) {
            return alternatives(&words);
        }
        let choices = schema["anyOf"].as_array().into_iter().flatten().filter(|choice| !has_type(choice, "null"));
        let choices: Vec<_> = choices.map(|choice| self.expected(choice)).collect();
        if !choices.is_empty() {
            return choices.join(", or ");
        }
        let is = |kind: &str| has_type(schema, kind);
        if is("array") {
            return format!("a list, each entry {}", self.expected(&schema["items"]));
        }
        if is("object") {
            let required: Vec<_> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            return match required.is_empty() {
                true => "a map of keys".to_owned(),
                false => format!("a map with {}", listed(&required, "and")),
            };
        }
        let word = match (is("boolean"), is("integer")) {
            (true, _) => "true or false",
            (_, true) => "a whole number from 0 to 4294967295",
            _ => "text",
        };
        word.to_owned()
    }

    fn leaf(&self, schema: &Value) -> Option<Leaf> {
        schema["$ref"].as_str().and_then(|name| leaf::of(name.rsplit('/').next()?))
    }

    /// What a schema refers to, or itself.
    fn referred(&self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str();
        name.and_then(|name| self.schema.pointer(name.trim_start_matches('#'))).unwrap_or(schema)
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(own) => own == name,
        Value::Array(own) => own.iter().any(|own| own == name),
        _ => false,
    }
}

/// The words of which one is expected.
fn words(schema: &Value) -> Option<Vec<&str>> {
    let described = schema["oneOf"].as_array().into_iter().flatten();
    let described = described.flat_map(|one| one["const"].as_str().into_iter().chain(listed_words(one)));
    let words: Vec<&str> = listed_words(schema).chain(described).chain(schema["const"].as_str()).collect();
    (!words.is_empty()).then_some(words)
}

fn listed_words(schema: &Value) -> impl Iterator<Item = &str> {
    schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn scalar_as(scalar: &Scalar, schema: &Value) -> Option<Value> {
    if has_type(schema, "string") {
        return Some(scalar.text.clone().into());
    }
    if has_type(schema, "boolean") {
        return match (&scalar.kind, scalar.text.to_ascii_lowercase().as_str()) {
            (ScalarKind::Bool(value), _) => Some((*value).into()),
            (_, "true" | "yes" | "y" | "on") => Some(true.into()),
            (_, "false" | "no" | "n" | "off") => Some(false.into()),
            _ => None,
        };
    }
    if has_type(schema, "integer") {
        let number = match &scalar.kind {
            ScalarKind::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => scalar.text.parse().ok(),
        };
        return number.map(Value::from);
    }
    schema.get("type").is_none().then(|| scalar.text.clone().into())
}

/// What was found, in words.
fn found(node: &Node) -> String {
    match &node.value {
        Written::Nothing => "nothing".to_owned(),
        Written::List(_) => "a list".to_owned(),
        Written::Map(_) => "a map".to_owned(),
        Written::Scalar(Scalar { text, kind: ScalarKind::Bool(_) | ScalarKind::Number(_) }) => shorten(text),
        Written::Scalar(scalar) => format!("{:?}", shorten(&scalar.text)),
    }
}

fn alternatives(words: &[&str]) -> String {
    match words {
        [one] => format!("`{one}`"),
        _ => format!("one of {}", listed(words, "or")),
    }
}

fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., end] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} {last} `{end}`", first.join(", "))
        }
    }
}

/// The known word that takes the fewest edits, if it takes few.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(edits, name)| *edits <= name.len().max(word.len()) / 2)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}
