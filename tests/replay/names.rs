//! What stands in the recordings' `${…}`. A recording writes one variable for every resource of a kind, so a fresh name is
//! taken where one is looked for in vain, and the one before it stands again once a resource is deleted.

use std::collections::HashMap;

use http::Method;
use serde_json::Value;

use crate::dialogue::Exchange;

const FIXED: [(&str, &str); 6] = [
    ("projectId", "demo-project"),
    ("projectNumber", "123456789012"),
    ("uniqueId", "x7"),
    ("jobID", "runjob-x7"),
    ("creatorID", "someone@example.com"),
    ("kccVersion", "1"),
];

/// What the recordings have in the place of every fingerprint.
const FINGERPRINT: &str = "abcdef0123A=";

#[derive(Default)]
pub struct Names {
    stacks: HashMap<String, Vec<String>>,
    taken: usize,
    operation: String,
    /// That of the labels that were read last.
    fingerprint: String,
}

impl Names {
    pub fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').expect("an end of the variable");
            filled.push_str(before);
            filled.push_str(&self.value(variable));
            rest = after;
        }
        (filled + rest).replace(FINGERPRINT, &self.fingerprint)
    }

    fn value(&self, variable: &str) -> String {
        if variable == "operationID" {
            return self.operation.clone();
        }
        let fixed = FIXED.iter().find(|(name, _)| *name == variable).map(|(_, value)| (*value).to_owned());
        let current = || self.stacks.get(variable).and_then(|stack| stack.last().cloned());
        fixed.or_else(current).unwrap_or_else(|| variable.trim_end_matches("ID").to_lowercase())
    }

    /// Before an exchange: what was not found is about to be made, under a name of its own.
    pub fn before(&mut self, exchange: &Exchange) {
        if let (&Method::GET, 404, Some(variable)) = (&exchange.method, exchange.status, subject(&exchange.url)) {
            self.taken += 1;
            let name = format!("{}-{}", variable.trim_end_matches("ID").to_lowercase(), self.taken);
            self.stacks.entry(variable.to_owned()).or_default().push(name);
        }
        // Some bodies write out the name that the URLs have a variable for.
        let body = exchange.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
        if let (&Method::POST, Some(name)) = (&exchange.method, body.as_ref().and_then(|body| body["name"].as_str())) {
            let name = self.filled(name);
            if let Some(current) = collection(&exchange.url).and_then(|kind| self.stacks.get_mut(&kind)?.last_mut()) {
                *current = name;
            }
        }
    }

    /// After an exchange: the fingerprint that was read, the operation that began, and what is gone.
    pub fn after(&mut self, exchange: &Exchange, answer: &Value) {
        if let Some(fingerprint) = answer["labelFingerprint"].as_str() {
            fingerprint.clone_into(&mut self.fingerprint);
        }
        if exchange.method != Method::GET
            && let Some(name) = answer["name"].as_str()
        {
            self.operation = name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        let deleted = exchange.method == Method::DELETE && exchange.status == 200;
        if let (true, Some(variable)) = (deleted, subject(&exchange.url)) {
            self.stacks.entry(variable.to_owned()).or_default().pop();
        }
    }
}

/// The variable that names the resource a URL ends with.
fn subject(url: &str) -> Option<&str> {
    let last = url.split('?').next()?.rsplit('/').next()?;
    last.strip_prefix("${")?.strip_suffix("ID}").map(|_| &last[2..last.len() - 1]).filter(|name| *name != "operationID")
}

/// The variable for the resources of the collection a URL ends with.
fn collection(url: &str) -> Option<String> {
    let plural = url.split('?').next()?.rsplit('/').next()?;
    let one =
        plural.strip_suffix("sses").map_or_else(|| plural.trim_end_matches('s').to_owned(), |stem| format!("{stem}ss"));
    Some(format!("{one}ID"))
}
