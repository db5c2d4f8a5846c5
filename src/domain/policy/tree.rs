//! The file as it is written: every value with its key and its place, and words as words. What type a value is meant to have
//! the schema tells later, so that `owner: no` is text and `create: no` is a boolean.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use serde_saphyr::{Spanned, options::DuplicateKeyPolicy};

use super::fault::Place;

#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Such as `firewall.internet[0].to[1]`.
    pub key: String,
    pub place: Place,
    pub value: Written,
}

#[derive(Debug, Clone)]
pub(super) enum Written {
    Nothing,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub name: String,
    /// Where the key is, not its value.
    pub place: Place,
    pub node: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Scalar {
    /// As it is spelled in the file, without quotes.
    pub text: String,
    pub kind: ScalarKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ScalarKind {
    Bool(bool),
    Number(Number),
    /// A word without quotes.
    Plain,
    Quoted,
}

impl Node {
    pub fn read(text: &str) -> Result<Self, serde_saphyr::Error> {
        let options = serde_saphyr::options! {
            // Which words are booleans depends on the key.
            strict_booleans: true,
            // All duplicates are reported, not the first alone.
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            // A policy has eight levels. Reading is recursive, and must not exhaust the stack.
            budget: serde_saphyr::budget! { max_depth: 16 },
        };
        let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options)?;
        Ok(node(raw, String::new(), text))
    }

    /// The value under a key of a map.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Written::Map(entries) => entries.iter().find(|entry| entry.name == name).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The node at a key such as `firewall.internet[0].to`, or the last one on the way to it, and whether it is the very one.
    pub fn nearest(&self, key: &str) -> (&Node, bool) {
        let mut at = self;
        for part in key.split(['.', '[']).filter(|part| !part.is_empty()) {
            let next = match (&at.value, part.strip_suffix(']')) {
                (Written::List(items), Some(index)) => index.parse().ok().and_then(|index: usize| items.get(index)),
                (_, None) => at.get(part),
                _ => None,
            };
            match next {
                Some(next) => at = next,
                None => return (at, false),
            }
        }
        (at, true)
    }
}

/// The key of something within what has the key `of`.
pub(super) fn within(of: &str, name: &str) -> String {
    if of.is_empty() { name.to_owned() } else { format!("{of}.{name}") }
}

fn node(raw: Spanned<Raw>, key: String, text: &str) -> Node {
    let place = place(&raw.referenced);
    let value = match raw.value {
        Raw::Nothing => Written::Nothing,
        Raw::Bool(value) => {
            let spelled = spelled(&raw.defined, text).filter(|word| word.eq_ignore_ascii_case(&value.to_string()));
            let text = spelled.map_or_else(|| value.to_string(), str::to_owned);
            Written::Scalar(Scalar { text, kind: ScalarKind::Bool(value) })
        }
        Raw::Number(number) => {
            let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            let text = spelled(&raw.defined, text).filter(is_number).map_or_else(|| number.to_string(), str::to_owned);
            Written::Scalar(Scalar { text, kind: ScalarKind::Number(number) })
        }
        Raw::Text(word) => {
            let is_plain = spelled(&raw.defined, text).is_some_and(|spelled| spelled == word);
            let kind = if is_plain { ScalarKind::Plain } else { ScalarKind::Quoted };
            Written::Scalar(Scalar { text: word, kind })
        }
        Raw::List(items) => {
            let item = |(index, raw)| node(raw, format!("{key}[{index}]"), text);
            Written::List(items.into_iter().enumerate().map(item).collect())
        }
        Raw::Map(entries) => {
            let entry = |(name, raw): (Spanned<String>, Spanned<Raw>)| {
                let mut node = node(raw, within(&key, &name.value), text);
                let at = self::place(&name.referenced);
                // Nothing has no place of its own.
                if matches!(node.value, Written::Nothing) {
                    node.place = at;
                }
                Entry { name: name.value, place: at, node }
            };
            Written::Map(entries.into_iter().map(entry).collect())
        }
    };
    Node { key, place, value }
}

fn place(location: &serde_saphyr::Location) -> Place {
    Place { line: location.line().max(1), column: location.column().max(1) }
}

/// The scalar in the words of the file.
fn spelled<'a>(location: &serde_saphyr::Location, text: &'a str) -> Option<&'a str> {
    let span = location.span();
    let (from, length) = (usize::try_from(span.byte_offset()?).ok()?, usize::try_from(span.byte_len()?).ok()?);
    text.get(from..from.checked_add(length)?).map(str::trim)
}

enum Raw {
    Nothing,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Number::from_f64(value).map_or_else(|| Raw::Text(value.to_string()), Raw::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
