//! The part of Cloud Logging's query language that our sink filter uses. What is not understood is an error, and so is
//! `AND` beside `OR` without parentheses: Google reads those the other way round from everybody else.
//!
//! <https://cloud.google.com/logging/docs/view/logging-query-language>

use regex::Regex;
use serde_json::Value;

#[derive(Debug)]
pub enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
    LogId(String),
    Present(String),
    Equals(String, String),
    Above(String, f64),
    Matches(String, Regex),
}

impl Query {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser(tokens(text)?.into_iter().peekable());
        let query = parser.expression()?;
        match parser.0.next() {
            None => Ok(query),
            Some(token) => Err(format!("{token:?} is left over")),
        }
    }

    /// A comparison with a member that the entry lacks is false.
    pub fn lets_through(&self, entry: &Value) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.lets_through(entry)),
            Self::Any(terms) => terms.iter().any(|term| term.lets_through(entry)),
            Self::Not(term) => !term.lets_through(entry),
            Self::LogId(id) => {
                let name = member(entry, "logName").and_then(Value::as_str).unwrap_or_default().replace("%2F", "/");
                name.split_once("/logs/").is_some_and(|(_, found)| found == id)
            }
            Self::Present(path) => member(entry, path).is_some(),
            Self::Equals(path, wanted) => member(entry, path).is_some_and(|found| match found {
                Value::String(text) => text.eq_ignore_ascii_case(wanted),
                other => wanted.parse().is_ok_and(|wanted: Value| wanted == *other),
            }),
            Self::Above(path, least) => member(entry, path).and_then(Value::as_f64).is_some_and(|found| found > *least),
            Self::Matches(path, pattern) => {
                member(entry, path).and_then(Value::as_str).is_some_and(|found| pattern.is_match(found))
            }
        }
    }
}

/// An entry is a protobuf message to Logging: its members have two spellings.
pub fn member<'a>(entry: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path.split('.').try_fold(entry, |value, name| value.get(name).or_else(|| value.get(snake(name))));
    found.filter(|value| !value.is_null())
}

fn snake(name: &str) -> String {
    let spelled = |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.into() };
    name.chars().map(spelled).collect()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 6] = ["(", ")", "=~", ":*", "=", ">"];

fn tokens(mut text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return Ok(tokens);
        }
        let (token, length) = if let Some(comment) = text.strip_prefix("--") {
            text = comment.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| text.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else if let Some(quoted) = text.strip_prefix('"') {
            let inside = quoted.split('"').next().unwrap_or_default();
            if inside.contains('\\') || inside.len() == quoted.len() {
                return Err(format!("no plain text: {text}"));
            }
            (Token::Text(inside.to_owned()), inside.len() + 2)
        } else {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._".contains(c)).unwrap_or(text.len());
            if end == 0 {
                return Err(format!("not understood: {text}"));
            }
            (Token::Word(text[..end].to_owned()), end)
        };
        tokens.push(token);
        text = &text[length..];
    }
}

struct Parser(std::iter::Peekable<std::vec::IntoIter<Token>>);

impl Parser {
    fn expression(&mut self) -> Result<Query, String> {
        let mut terms = vec![self.term()?];
        let mut joint: Option<String> = None;
        while let Some(Token::Word(word)) = self.0.peek().cloned() {
            if !matches!(word.as_str(), "AND" | "OR") || joint.get_or_insert_with(|| word.clone()) != &word {
                return Err(format!("{word} here needs parentheses, or is missing its AND"));
            }
            self.0.next();
            terms.push(self.term()?);
        }
        Ok(if joint.as_deref() == Some("OR") { Query::Any(terms) } else { Query::All(terms) })
    }

    fn term(&mut self) -> Result<Query, String> {
        match self.0.next() {
            Some(Token::Word(word)) if word == "NOT" => Ok(Query::Not(Box::new(self.term()?))),
            Some(Token::Word(word)) if word == "log_id" => {
                self.sign("(")?;
                let Some(Token::Text(id)) = self.0.next() else { return Err("log_id takes a text".into()) };
                self.sign(")")?;
                Ok(Query::LogId(id))
            }
            Some(Token::Sign("(")) => {
                let inside = self.expression()?;
                self.sign(")")?;
                Ok(inside)
            }
            Some(Token::Word(path)) => self.comparison(path),
            other => Err(format!("{other:?} begins no term")),
        }
    }

    fn comparison(&mut self, path: String) -> Result<Query, String> {
        let sign = self.0.next();
        if sign == Some(Token::Sign(":*")) {
            return Ok(Query::Present(path));
        }
        match (sign, self.0.next()) {
            (Some(Token::Sign("=")), Some(Token::Text(value) | Token::Word(value))) => Ok(Query::Equals(path, value)),
            (Some(Token::Sign("=~")), Some(Token::Text(pattern))) => {
                Ok(Query::Matches(path, Regex::new(&pattern).map_err(|error| error.to_string())?))
            }
            (Some(Token::Sign(">")), Some(Token::Word(value))) => {
                Ok(Query::Above(path, value.parse().map_err(|_| format!("{value} is no number"))?))
            }
            (sign, value) => Err(format!("{path:?} {sign:?} {value:?} is no comparison")),
        }
    }

    fn sign(&mut self, wanted: &'static str) -> Result<(), String> {
        match self.0.next() {
            Some(Token::Sign(sign)) if sign == wanted => Ok(()),
            other => Err(format!("{other:?} in place of {wanted}")),
        }
    }
}

#[test]
fn what_is_understood() {
    let entry = serde_json::json!({"logName": "projects/p/logs/a%2Fb", "x": {"n": 7, "t": "Abc", "yes": true}});
    let cases = [
        (r#"x.n>6 AND NOT x.n>7 -- a comment"#, Ok(true)),
        (r#"x.t="abc" AND (x.none>0 OR x.yes=true)"#, Ok(true)),
        (r#"x.t=~"^b" OR log_id("a/b")"#, Ok(true)),
        (r#"NOT x.none:* AND NOT x.none="1""#, Ok(true)),
        (r#"x.n:* AND log_id("b")"#, Ok(false)),
        (r#"x.n>1 AND x.n>2 OR x.n>3"#, Err(())),
        (r#"x.n>1 x.n>2"#, Err(())),
        (r#"x.t=~"a\.b""#, Err(())),
        (r#"x.t=~"(""#, Err(())),
        (r#"(x.n>1"#, Err(())),
        (r#"x.t!="a""#, Err(())),
        ("x.n", Err(())),
        ("", Err(())),
    ];
    for (text, expected) in cases {
        let found = Query::parse(text).map(|query| query.lets_through(&entry)).map_err(|_| ());
        assert_eq!(found, expected, "{text}");
    }
}
