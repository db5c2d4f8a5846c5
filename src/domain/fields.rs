//! JSON as strangers write it: an object's members, each read only when a rule asks for it.
//!
//! Audit entries vary by service, route and year: unknown members, nulls, numbers as strings, keys in two spellings. So
//! nothing here fails on a member of the wrong kind: it counts as absent. Members that nobody asks for are skipped as
//! text, without recursion, whatever their depth. Only an object that gives one key twice is no object: Google writes
//! none, and every reader would take another of the two for the right one.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Far above what Google writes, and few enough to be compared with each other.
const MAX_MEMBERS: usize = 1000;

/// The members of one JSON object, as borrowed text.
#[derive(Debug, Default, Clone)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// # Errors
    /// What is not one whole JSON object, gives a key twice, or has thousands of members.
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        Self::read(json, &[], &mut [])
    }

    /// As [`Fields::parse`]; and the objects that the members of these names hold, in the same pass where they can be
    /// read in it: then the object is without them.
    pub fn parse_with<const N: usize>(
        json: &'a str,
        names: [&str; N],
    ) -> Result<(Self, [Option<Self>; N]), serde_json::Error> {
        let mut inner = [const { None }; N];
        match Self::read(json, &names, &mut inner) {
            Ok(fields) => Ok((fields, inner)),
            // One that cannot be read, or is there in two spellings, takes nothing from the others.
            Err(_) => {
                let fields = Self::parse(json)?;
                let inner = names.map(|name| fields.object(name));
                Ok((fields, inner))
            }
        }
    }

    fn read(json: &'a str, names: &[&str], inner: &mut [Option<Self>]) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(json);
        let fields = Members { names, inner }.deserialize(&mut json)?;
        json.end()?;
        Ok(fields)
    }

    /// Whether there is such a member, be it null.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| spells(key, name))
    }

    /// The member's JSON text. Of a key given in both spellings the last counts, and null counts as absent.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.find(|key| spells(key, name))
    }

    /// As [`Fields::raw`], for CloudEvents attributes: HTTP folds their case, and some writers of JSON do too.
    pub fn raw_any_case(&self, name: &str) -> Option<&'a str> {
        self.find(|key| key.eq_ignore_ascii_case(name))
    }

    pub fn object(&self, name: &str) -> Option<Fields<'a>> {
        Fields::parse(self.raw(name)?).ok()
    }

    /// Empty where no object is.
    ///
    /// # Errors
    /// An object that cannot be read.
    pub fn whole_object(&self, name: &str) -> Result<Fields<'a>, serde_json::Error> {
        match self.raw(name).filter(|json| json.starts_with('{')) {
            Some(json) => Fields::parse(json),
            None => Ok(Fields::default()),
        }
    }

    /// The object at the end of a path of members.
    pub fn at(&self, path: &[&str]) -> Option<Fields<'a>> {
        let (first, rest) = path.split_first()?;
        let member = self.object(first)?;
        if rest.is_empty() { Some(member) } else { member.at(rest) }
    }

    /// A string that is not empty, or the digits of a number: Google writes numbers both ways.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.raw(name)?)
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    pub fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "true")
    }

    pub fn list(&self, name: &str) -> Vec<&'a str> {
        list(self.raw(name).unwrap_or("[]")).unwrap_or_default()
    }

    fn find(&self, is_it: impl Fn(&str) -> bool) -> Option<&'a str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| is_it(key))?;
        Some(value.get()).filter(|json| *json != "null")
    }
}

/// The text of a JSON string or literal, borrowed unless it holds escapes.
pub fn text(json: &str) -> Option<Cow<'_, str>> {
    let text = match json.strip_prefix('"') {
        Some(rest) if !json.contains('\\') => Cow::Borrowed(rest.strip_suffix('"')?),
        Some(_) => Cow::Owned(serde_json::from_str(json).ok()?),
        None if json.starts_with(['{', '[']) => return None,
        None => Cow::Borrowed(json),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// The elements of a JSON array, as text.
pub fn list(json: &str) -> Result<Vec<&str>, serde_json::Error> {
    let elements: Vec<&RawValue> = serde_json::from_str(json)?;
    Ok(elements.into_iter().map(RawValue::get).collect())
}

/// Whether a key is the name, or its snake_case twin: inside `request` the style varies by service.
fn spells(key: &str, name: &str) -> bool {
    let mut key = key.bytes();
    for byte in name.bytes() {
        let same = match key.next() {
            Some(b'_') if byte.is_ascii_uppercase() => key.next() == Some(byte.to_ascii_lowercase()),
            found => found == Some(byte),
        };
        if !same {
            return false;
        }
    }
    key.next().is_none()
}

/// Reads an object's members; those of some names into a place of their own.
struct Members<'n, 'de> {
    names: &'n [&'n str],
    inner: &'n mut [Option<Fields<'de>>],
}

impl<'de> DeserializeSeed<'de> for Members<'_, 'de> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// As many as a log entry has.
        const USUAL: usize = 16;
        #[cfg(test)]
        PARSED.with(|parsed| parsed.set(parsed.get() + 1));
        let mut members: Vec<(Cow<'_, str>, _)> = Vec::with_capacity(USUAL);
        while let Some(Key(key)) = map.next_key()? {
            if let Some(index) = self.names.iter().position(|name| spells(&key, name)) {
                let member = map.next_value_seed(Members { names: &[], inner: &mut [] })?;
                if self.inner[index].replace(member).is_some() {
                    return Err(A::Error::custom(format_args!("the key {key:?} twice")));
                }
                continue;
            }
            if members.len() == MAX_MEMBERS {
                return Err(A::Error::custom(format_args!("more than {MAX_MEMBERS} members")));
            }
            if members.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!("the key {key:?} twice")));
            }
            members.push((key, map.next_value()?));
        }
        Ok(Fields(members))
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
thread_local! {
    /// How many objects this thread has opened: how a test sees what a decision has not read.
    pub(super) static PARSED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a document leaves out.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_every_kind() {
        let json = r#"{"a": 2, "code": 7, "none": null, "empty": "", "escaped": "a\/b\n", "lone": "\ud800",
            "resource_name": "snake", "vpcAccess": {"egress": "x"}, "on": true, "off": "false", "list": [1, {}]}"#;
        let fields = Fields::parse(json).unwrap();
        let cases: &[(&str, Option<&str>)] = &[
            ("a", Some("2")),
            ("code", Some("7")),
            ("none", None),
            ("empty", None),
            ("escaped", Some("a/b\n")),
            ("lone", None),
            ("resourceName", Some("snake")),
            ("resource_name", Some("snake")),
            ("vpc_access", None),
            ("vpcAccess", None),
            ("missing", None),
        ];
        for (name, expected) in cases {
            assert_eq!(fields.text(name).as_deref(), *expected, "{name}");
        }
        assert_eq!((fields.integer("code"), fields.integer("a"), fields.integer("on")), (Some(7), Some(2), None));
        assert!(fields.is_true("on") && !fields.is_true("off") && !fields.is_true("missing"));
        assert_eq!(fields.list("list"), ["1", "{}"]);
        assert_eq!(fields.list("on"), [""; 0]);
        assert_eq!(fields.raw_any_case("VPCACCESS"), fields.raw("vpcAccess"));
        assert_eq!(fields.at(&["vpcAccess"]).unwrap().text("egress").unwrap(), "x");
        assert!(fields.at(&["vpcAccess", "egress"]).is_none() && fields.at(&[]).is_none());
    }

    #[test]
    fn only_a_whole_object_will_do() {
        for json in ["", "[]", "null", "\"text\"", "{", "{} {}", "{\"a\":}", "{a:1}"] {
            assert!(Fields::parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn one_key_twice_is_no_object_and_neither_are_thousands_of_keys() {
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|index| format!("\"k{index}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        let cases = [
            (r#"{"a":1,"a":1}"#.to_owned(), false),
            (r#"{"a":1,"b":2,"\u0061":3}"#.to_owned(), false),
            (r#"{"messageId":"1","message_id":"1"}"#.to_owned(), true),
            (r#"{"skipped":{"a":1,"a":2}}"#.to_owned(), true),
            (many(MAX_MEMBERS), true),
            (many(MAX_MEMBERS + 1), false),
        ];
        for (json, expected) in cases {
            assert_eq!(Fields::parse(&json).is_ok(), expected, "{}", &json[..json.len().min(80)]);
        }
    }

    /// Whether members are read in the same pass changes nothing of what is found.
    #[test]
    fn with_some_members() {
        let cases = [
            (r#"{"a":1,"inner":{"b":2},"c":3}"#, Some("2")),
            (r#"{"a":1}"#, None),
            (r#"{"inner":null}"#, None),
            (r#"{"inner":"text"}"#, None),
            (r#"{"inner":[{"b":2}]}"#, None),
            (r#"{"inner":1e999}"#, None),
            (r#"{"inner":{"b":2,"b":3}}"#, None),
        ];
        for (json, expected) in cases {
            let (fields, [inner]) = Fields::parse_with(json, ["inner"]).unwrap();
            assert_eq!(inner.and_then(|inner| inner.text("b")).as_deref(), expected, "{json}");
            assert!(expected.is_some() || fields.raw("inner") == Fields::parse(json).unwrap().raw("inner"), "{json}");
        }
        for json in [r#"{"inner":{},"inner":{}}"#, r#"{"inner":{}"#, r#"{"inner":{]}"#, "[]", ""] {
            assert!(Fields::parse_with(json, ["inner"]).is_err(), "{json}");
        }
        let both = r#"{"inMost":{"a":1},"in_most":{"a":2}}"#;
        let (fields, inner) = Fields::parse_with(both, ["inMost"]).unwrap();
        let [inner] = inner.map(|inner| inner.and_then(|inner| inner.text("a")));
        assert_eq!((fields.raw("inMost"), inner.as_deref()), (Some(r#"{"a":2}"#), Some("2")));
        for other in ["null", "\"x\"", r#"{"a":1,"a":2}"#, "[]"] {
            let json = format!(r#"{{"other":{other},"inner":{{"b":2}}}}"#);
            let (_, [_, inner]) = Fields::parse_with(&json, ["other", "inner"]).unwrap();
            assert_eq!(inner.and_then(|inner| inner.text("b")).as_deref(), Some("2"), "{json}");
        }
    }

    #[test]
    fn null_is_a_member_without_a_value() {
        let fields = Fields::parse(r#"{"log_name":null}"#).unwrap();
        assert!(fields.has("logName") && !fields.has("log") && fields.raw("logName").is_none());
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{{\"request\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
        assert!(Fields::parse(&deep).unwrap().object("request").is_none());
    }
}
