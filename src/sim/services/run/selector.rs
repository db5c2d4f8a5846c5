//! Label selectors of Cloud Run's v1: `a = b`, `a != b`, `a in (b, c)`, `a notin (b)`, `a` and `!a`, joined by commas.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels>

use serde_json::Value;

pub struct Selector(Vec<Term>);

struct Term {
    label: String,
    /// Any of these; without them, any value.
    values: Option<Vec<String>>,
    wanted: bool,
}

impl Selector {
    pub fn parse(text: &str) -> Option<Self> {
        let mut open = false;
        let terms = text.split(|letter| {
            open = match letter {
                '(' => true,
                ')' => false,
                _ => open,
            };
            letter == ',' && !open
        });
        terms.map(str::trim).filter(|term| !term.is_empty()).map(term).collect::<Option<_>>().map(Self)
    }

    pub fn fits(&self, labels: &Value) -> bool {
        self.0.iter().all(|term| {
            let value = labels[term.label.as_str()].as_str();
            let fits = value.is_some_and(|value| {
                term.values.as_ref().is_none_or(|values| values.iter().any(|wanted| wanted == value))
            });
            fits == term.wanted
        })
    }
}

fn term(text: &str) -> Option<Term> {
    let of = |label: &str, values: Option<Vec<String>>, wanted: bool| {
        let label = label.trim().to_owned();
        (!label.is_empty() && !label.contains(char::is_whitespace)).then_some(Term { label, values, wanted })
    };
    let one = |value: &str| Some(vec![value.trim().to_owned()]);
    if let Some(label) = text.strip_prefix('!') {
        return of(label, None, false);
    }
    if let Some((label, value)) = text.split_once("!=") {
        return of(label, one(value), false);
    }
    if let Some((label, value)) = text.split_once('=') {
        return of(label, one(value.trim_start_matches('=')), true);
    }
    for (operator, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((label, set)) = text.split_once(operator) {
            let set = set.trim().strip_prefix('(')?.strip_suffix(')')?;
            return of(label, Some(set.split(',').map(|value| value.trim().to_owned()).collect()), wanted);
        }
    }
    of(text, None, true)
}
