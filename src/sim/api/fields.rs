//! Tables of fields, and the validator that reads them.

use serde_json::{Map, Value};

use super::{errors::Refusal, links};

/// One field of a message, as its API's discovery document declares it.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    of: Type,
    repeated: bool,
    output: bool,
    fixed: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum Type {
    Text,
    Bool,
    Int32,
    /// Written as a decimal string.
    Int64,
    Number,
    /// By name, or by number from one on, as in the enums of Cloud Run and VPC Access. Compute's numbers are not used by
    /// clients.
    Enum(&'static [&'static str]),
    /// A Compute URL, full or from `projects/`, `global/` or `regions/` on; reads always show it in full.
    Link,
    /// A Compute URL of a region, or its name.
    Region,
    Message(&'static [Field]),
    /// String to string.
    Map,
    /// A message whose fields are not checked.
    Any,
}

pub const fn field(name: &'static str, of: Type) -> Field {
    Field { name, of, repeated: false, output: false, fixed: false }
}

pub const fn text(name: &'static str) -> Field {
    field(name, Type::Text)
}

pub const fn flag(name: &'static str) -> Field {
    field(name, Type::Bool)
}

pub const fn int(name: &'static str) -> Field {
    field(name, Type::Int32)
}

pub const fn long(name: &'static str) -> Field {
    field(name, Type::Int64)
}

pub const fn choice(name: &'static str, of: &'static [&'static str]) -> Field {
    field(name, Type::Enum(of))
}

pub const fn link(name: &'static str) -> Field {
    field(name, Type::Link)
}

pub const fn region(name: &'static str) -> Field {
    field(name, Type::Region)
}

pub const fn message(name: &'static str, of: &'static [Field]) -> Field {
    field(name, Type::Message(of))
}

pub const fn any(name: &'static str) -> Field {
    field(name, Type::Any)
}

pub const fn map(name: &'static str) -> Field {
    field(name, Type::Map)
}

impl Field {
    pub const fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }

    /// Output only: ignored in a request.
    pub const fn output(mut self) -> Self {
        self.output = true;
        self
    }

    /// Immutable.
    pub const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }
}

fn of<'a>(groups: &'a [&'a [Field]]) -> impl Iterator<Item = &'a Field> {
    groups.iter().copied().flatten()
}

/// What every Compute resource carries.
pub const COMPUTE: &[Field] = &[
    text("kind").output(),
    long("id").output(),
    text("creationTimestamp").output(),
    text("selfLink").output(),
    text("selfLinkWithId").output(),
];

/// Checks a request body against its table, which may be split into groups. The result has no output fields; nulls remain,
/// because they have a meaning in a merge patch.
pub fn check(groups: &[&[Field]], sent: &Value, at: &str) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(sent) = sent else {
        return Err(mismatch(at, "TYPE_MESSAGE", sent));
    };
    let mut kept = Map::new();
    for (name, value) in sent {
        let Some(field) = of(groups).find(|field| field.name == name) else {
            return Err(Refusal::bad_request(format!(
                "Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field."
            )));
        };
        let value = field.check(value, &format!("{at}.{name}"))?;
        if !field.output {
            kept.insert(name.clone(), value);
        }
    }
    Ok(kept)
}

impl Field {
    fn check(&self, value: &Value, at: &str) -> Result<Value, Refusal> {
        match value {
            Value::Null => Ok(Value::Null),
            Value::Array(items) if self.repeated => {
                let items = items.iter().enumerate().map(|(i, item)| self.one(item, &format!("{at}[{i}]")));
                items.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            // Google's JSON parser accepts a single value as a list of one.
            _ if self.repeated => Ok(Value::Array(vec![self.one(value, at)?])),
            _ => self.one(value, at),
        }
    }

    fn one(&self, value: &Value, at: &str) -> Result<Value, Refusal> {
        let integer = || value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let (kept, wanted) = match self.of {
            Type::Text | Type::Link | Type::Region => (value.as_str().map(Value::from), "TYPE_STRING"),
            Type::Bool => (value.as_bool().map(Value::from), "TYPE_BOOL"),
            Type::Int32 => (integer().and_then(|n| i32::try_from(n).ok()).map(Value::from), "TYPE_INT32"),
            Type::Int64 => (integer().map(|n| n.to_string().into()), "TYPE_INT64"),
            Type::Number => (value.is_number().then(|| value.clone()), "TYPE_FLOAT"),
            Type::Enum(of) => {
                let numbered = || match usize::try_from(value.as_u64()?).ok()? {
                    // Number zero is UNSPECIFIED.
                    0 => Some(Value::Null),
                    number => of.get(number - 1).map(|name| Value::from(*name)),
                };
                let named = value.as_str().filter(|text| of.contains(text)).map(Value::from);
                let unsaid = || value.as_str().filter(|text| text.ends_with("_UNSPECIFIED")).map(|_| Value::Null);
                (named.or_else(numbered).or_else(unsaid), "TYPE_ENUM")
            }
            Type::Message(fields) => return check(&[fields], value, at).map(Value::Object),
            Type::Map => {
                let strings = value.as_object().is_some_and(|map| map.values().all(Value::is_string));
                (strings.then(|| value.clone()), "TYPE_MAP")
            }
            Type::Any => (value.is_object().then(|| value.clone()), "TYPE_MESSAGE"),
        };
        kept.ok_or_else(|| mismatch(at, wanted, value))
    }
}

fn mismatch(at: &str, wanted: &str, value: &Value) -> Refusal {
    Refusal::bad_request(format!("Invalid value at '{at}' ({wanted}), {value}"))
}

/// Applies a JSON merge patch (RFC 7396): null and `[]` clear a field, lists are replaced.
pub fn merge(document: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (document.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, value) => {
                document.insert(name, value);
            }
        }
    }
    prune(document);
}

/// Removes what a read does not show: nulls and empty lists.
pub fn prune(document: &mut Map<String, Value>) {
    document.retain(|_, value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()));
    for value in document.values_mut() {
        match value {
            Value::Object(inner) => prune(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(prune),
            _ => {}
        }
    }
}

/// Expands every link of the document to a full URL.
pub fn expand_links(
    groups: &[&[Field]],
    document: &mut Map<String, Value>,
    project: &str,
    at: &str,
) -> Result<(), Refusal> {
    for field in of(groups) {
        let Some(value) = document.get_mut(field.name) else { continue };
        let at = format!("{at}.{}", field.name);
        let values = match value {
            Value::Array(items) => items.iter_mut().collect(),
            one => vec![one],
        };
        for value in values {
            match (field.of, &mut *value) {
                (Type::Link, Value::String(text)) => *text = links::expand(text, project, &at)?,
                (Type::Region, Value::String(text)) => *text = links::expand_region(text, project, &at)?,
                (Type::Message(fields), Value::Object(inner)) => expand_links(&[fields], inner, project, &at)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Replaces every enum of the document by its number.
pub fn number_enums(groups: &[&[Field]], document: &mut Map<String, Value>) {
    for field in of(groups) {
        let values = match document.get_mut(field.name) {
            None => continue,
            Some(Value::Array(items)) => items.iter_mut().collect(),
            Some(one) => vec![one],
        };
        for value in values {
            match (field.of, &mut *value) {
                (Type::Enum(names), Value::String(name)) => {
                    let number = names.iter().position(|known| known == name).map_or(0, |before| before + 1);
                    *value = number.into();
                }
                (Type::Message(fields), Value::Object(inner)) => number_enums(&[fields], inner),
                _ => {}
            }
        }
    }
}

/// The output fields of a document.
pub fn set_by_google(groups: &[&[Field]], document: &Map<String, Value>) -> Map<String, Value> {
    let output = |name: &str| of(groups).any(|field| field.output && field.name == name);
    document.iter().filter(|(name, _)| output(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The first immutable field that differs.
pub fn changed_for_good<'a>(
    groups: &'a [&'a [Field]],
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Option<&'a str> {
    let differs = |field: &&Field| field.fixed && before.get(field.name) != after.get(field.name);
    of(groups).find(differs).map(|field| field.name)
}

/// Removes fields that a document has in the simulation only.
pub fn hide(document: &mut Value, fields: &[&str]) {
    for field in fields {
        document.as_object_mut().map(|document| document.remove(*field));
    }
}
