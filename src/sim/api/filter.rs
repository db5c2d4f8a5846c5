//! The filter of a list: Compute's two forms, Resource Manager's, and the one of log entries.
//!
//! They share a grammar, in which OR binds closer than AND, and terms beside each other are joined by AND.
//! <https://google.aip.dev/160>, <https://cloud.google.com/logging/docs/view/logging-query-language>

use jiff::Timestamp;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::glob;

/// Bytes of a regular expression's program.
const MAX_PATTERN: usize = 1 << 20;
/// Limit of parentheses in parentheses.
const MAX_DEPTH: usize = 50;

#[derive(Debug, Clone)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Term { field: String, test: Test },
}

/// What a field is compared with.
#[derive(Debug, Clone)]
pub enum Test {
    Is(String),
    /// `:`, a part of the text; with asterisks a glob, and an asterisk alone asks whether there is anything.
    Has(String),
    /// A regular expression of RE2: `eq` asks for the whole text, `=~` for a part of it.
    Matches(Regex),
    Less(String),
    More(String),
}

/// The severities of log entries, the least first.
const SEVERITIES: [&str; 9] =
    ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];

impl Filter {
    /// None if it is no filter. One without terms fits everything.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest { text: text.trim_start(), depth: 0 };
        let filter = if rest.text.is_empty() { Self::All(Vec::new()) } else { rest.all()? };
        rest.text.is_empty().then_some(filter)
    }

    pub fn fits(&self, document: &Value) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.fits(document)),
            Self::Any(filters) => filters.iter().any(|filter| filter.fits(document)),
            Self::Not(filter) => !filter.fits(document),
            Self::Term { field, test } => {
                let mut found = Vec::new();
                values(document, field, &mut found);
                found.iter().any(|value| test.fits(value))
            }
        }
    }
}

impl Test {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => value == text,
            Self::Has(text) if text == "*" => true,
            Self::Has(text) if text.contains('*') => glob::matches(&text.to_lowercase(), &value.to_lowercase()),
            Self::Has(text) => value.to_lowercase().contains(&text.to_lowercase()),
            Self::Matches(pattern) => pattern.is_match(value),
            Self::Less(bound) => order(value, bound).is_lt(),
            Self::More(bound) => order(value, bound).is_gt(),
        }
    }
}

/// The order of two numbers, times or severities, else that of their letters.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    let numbers = || a.parse::<f64>().ok()?.partial_cmp(&b.parse().ok()?);
    let times = || Some(a.parse::<Timestamp>().ok()?.cmp(&b.parse().ok()?));
    let rank = |text: &str| SEVERITIES.iter().position(|severity| *severity == text);
    let severities = || Some(rank(a)?.cmp(&rank(b)?));
    numbers().or_else(times).or_else(severities).unwrap_or_else(|| a.cmp(b))
}

/// The scalars at a dotted path, those of each item where there is a list on the way.
fn values(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| values(item, path, found)),
        Value::Object(fields) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            let inner = fields.get(name).map(|inner| (inner, rest));
            // A label's key may have dots.
            if let Some((inner, rest)) = inner.or_else(|| fields.get(path).map(|inner| (inner, ""))) {
                values(inner, rest, found);
            }
        }
        Value::Null => {}
        Value::String(text) if path.is_empty() => found.push(text.clone()),
        scalar if path.is_empty() => found.push(scalar.to_string()),
        _ => {}
    }
}

/// What is still to be read of a filter.
struct Rest<'a> {
    text: &'a str,
    depth: usize,
}

impl<'a> Rest<'a> {
    fn took(&mut self, token: &str) -> bool {
        let rest = self.text.strip_prefix(token);
        self.text = rest.map_or(self.text, str::trim_start);
        rest.is_some()
    }

    /// A keyword, behind which no word goes on.
    fn took_word(&mut self, word: &str) -> bool {
        let rest = self.text.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(|next: char| next.is_whitespace() || next == '(')) && self.took(word)
    }

    fn all(&mut self) -> Option<Filter> {
        let mut filters = vec![self.any()?];
        while !self.text.is_empty() && !self.text.starts_with(')') {
            self.took_word("AND");
            filters.push(self.any()?);
        }
        Some(one_or(filters, Filter::All))
    }

    fn any(&mut self) -> Option<Filter> {
        let mut filters = vec![self.one()?];
        while self.took_word("OR") {
            filters.push(self.one()?);
        }
        Some(one_or(filters, Filter::Any))
    }

    fn one(&mut self) -> Option<Filter> {
        self.depth += 1;
        let filter = if self.depth > MAX_DEPTH {
            None
        } else if self.took_word("NOT") || self.took("-") {
            self.one().map(|filter| Filter::Not(Box::new(filter)))
        } else if self.took("log_id(") {
            let log = self.value()?.replace('/', "%2F");
            let test = Test::Has(format!("*/logs/{log}"));
            self.took(")").then(|| Filter::Term { field: "logName".to_owned(), test })
        } else if self.took("(") {
            let inner = self.all()?;
            self.took(")").then_some(inner)
        } else {
            self.term()
        };
        self.depth -= 1;
        filter
    }

    fn term(&mut self) -> Option<Filter> {
        let ends = |letter: char| !(letter.is_alphanumeric() || "._-/".contains(letter));
        let (field, rest) = self.text.split_at(self.text.find(ends)?);
        self.text = rest.trim_start();
        let operators = ["=~", "!~", "!=", "<=", ">=", "=", "<", ">", ":"];
        let words = ["eq", "ne"];
        let operator = (operators.into_iter().find(|operator| self.took(operator)))
            .or_else(|| words.into_iter().find(|word| self.took_word(word) || self.took_before_quote(word)))?;
        let value = self.value()?;
        let (test, wanted) = match operator {
            "=" => (Test::Is(value), true),
            "!=" => (Test::Is(value), false),
            ":" => (Test::Has(value), true),
            "eq" => (Test::Matches(pattern(&format!(r"\A(?:{value})\z"))?), true),
            "ne" => (Test::Matches(pattern(&format!(r"\A(?:{value})\z"))?), false),
            "=~" => (Test::Matches(pattern(&value)?), true),
            "!~" => (Test::Matches(pattern(&value)?), false),
            "<" => (Test::Less(value), true),
            ">=" => (Test::Less(value), false),
            ">" => (Test::More(value), true),
            _ => (Test::More(value), false),
        };
        let at_least = matches!(operator, "<=" | ">=");
        let term = Filter::Term { field: field.to_owned(), test };
        let negated = |term: Filter| Filter::Not(Box::new(term));
        (!field.is_empty()).then(|| match (wanted, at_least) {
            (true, _) => term,
            (false, false) => negated(term),
            // What is not there is neither more nor less than anything.
            (false, true) => {
                let there = Filter::Term { field: field.to_owned(), test: Test::Has("*".to_owned()) };
                Filter::All(vec![there, negated(term)])
            }
        })
    }

    fn took_before_quote(&mut self, word: &str) -> bool {
        let rest = self.text.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(['"', '\''])) && self.took(word)
    }

    /// A value in quotes, or as far as the next space or the parenthesis that closes a group.
    fn value(&mut self) -> Option<String> {
        let (value, rest) = match self.text.chars().next()? {
            quote @ ('"' | '\'') => quoted(&self.text[1..], quote)?,
            _ => {
                let end = bare(self.text);
                (self.text[..end].to_owned(), &self.text[end..])
            }
        };
        self.text = rest.trim_start();
        Some(value)
    }
}

/// None if it is no regular expression, or a huge one.
fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(MAX_PATTERN).build().ok()
}

fn one_or(mut filters: Vec<Filter>, all: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(filter) if filters.is_empty() => filter,
        last => {
            filters.extend(last);
            all(filters)
        }
    }
}

/// The text up to the closing quote. Of the backslashes only those before a quote go away: the others are for the pattern.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next()?.1 {
                next if next == quote => value.push(next),
                next => value.extend([letter, next]),
            },
            letter if letter == quote => return Some((value, &text[at + quote.len_utf8()..])),
            letter => value.push(letter),
        }
    }
    None
}

/// Where a value without quotes ends.
fn bare(text: &str) -> usize {
    let mut open = 0;
    let ends = |(_, letter): &(usize, char)| match letter {
        '(' => {
            open += 1;
            false
        }
        ')' if open == 0 => true,
        ')' => {
            open -= 1;
            false
        }
        letter => letter.is_whitespace(),
    };
    text.char_indices().find(ends).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Filter;

    /// `eq` asks for the whole text, `=~` for a part of it; both take RE2's syntax, and no pattern takes long.
    #[test]
    fn patterns() {
        let cases = [
            ("name eq a.c", "abc", true),
            ("name eq b", "abc", false),
            ("name eq a|bc", "abc", false),
            ("name eq (a|ab)c", "abc", true),
            (r"name eq '.*\bvpc\b.*'", "my-vpc", true),
            (r"name eq '.*\bvpc\b.*'", "vpcs", false),
            ("name ne a.*", "b", true),
            ("name =~ b$", "ab", true),
            ("name =~ ^b", "ab", false),
            (r"name =~ '[\d.]+'", "10.8", true),
            ("name !~ ^deny-", "allow-deny-", true),
            ("name eq 'ä.'", "äö", true),
            ("name eq (a*)*(a*)*b", &"a".repeat(300), false),
        ];
        for (filter, name, fits) in cases {
            assert_eq!(Filter::parse(filter).expect(filter).fits(&json!({"name": name})), fits, "{filter}: {name}");
        }
        for wrong in ["(", "*", "a{3,2}", "[a", "a\\", &format!("(a{{1000}}){{{}}}", 1000)] {
            assert!(Filter::parse(&format!("name =~ '{wrong}'")).is_none(), "{wrong}");
        }
    }
}
