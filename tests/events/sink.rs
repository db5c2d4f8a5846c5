//! The log sink's filter and the Eventarc triggers let through all that the service acts on, and little more.

use std::collections::BTreeSet;

use egress_reconciler::domain::audit::log_filter;
use serde_json::Value;

use super::{
    corpus, entries,
    filter::{Query, member},
};

/// What the filter lets through though nothing comes of it, and why it cannot know better.
const IN_VAIN: &[(&str, &str)] = &[
    ("ignore own-change", "the filter is the same for every installation and does not know our account"),
    ("ignore refused", "a deploy that lacked a permission is told from one that failed by its code alone: rare"),
    ("ignore validate-only", "what a request holds differs by version and is read at the door"),
    ("ignore split-part", "a part of an oversize entry that names no place; another part does"),
    ("ignore no-one-project", "only the whole entry shows that a change of one region names no project"),
    ("reject no-project", "only the whole entry shows that it names no project"),
    ("reject project-mismatch", "a sink of a folder or organisation delivers every project of it"),
    ("reject out-of-scope", "the scope is the policy's, and changes without a new filter"),
    ("reject no-region", "only the whole entry shows that it names no region"),
    ("reject malformed", "only the whole entry shows it"),
];

struct Judged {
    name: String,
    entry: Value,
    decision: String,
}

fn judged() -> Vec<Judged> {
    let cases = entries::decided().into_iter().chain(corpus::decided());
    cases.map(|(name, entry, decision)| Judged { name, entry, decision }).collect()
}

#[test]
fn the_filter_lets_through_what_is_acted_on() {
    let text = log_filter::filter();
    assert!(text.len() < log_filter::MAX_FILTER_BYTES, "{} characters", text.len());
    let filter = Query::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (mut wrong, mut used, mut acted) = (Vec::new(), BTreeSet::new(), 0);
    for Judged { name, entry, decision } in judged() {
        let (passes, acts) = (filter.lets_through(&entry), decision.starts_with("act"));
        acted += usize::from(acts);
        let in_vain = IN_VAIN.iter().find(|(expected, _)| *expected == decision);
        match (acts, passes, in_vain) {
            (true, true, _) | (false, false, _) => {}
            (false, true, Some((decision, _))) => drop(used.insert(*decision)),
            (true, false, _) => wrong.push(format!("stopped, though: {decision}: {name}")),
            (false, true, None) => wrong.push(format!("let through, though: {decision}: {name}")),
        }
    }
    assert!(wrong.is_empty() && acted > 100, "{acted} acted on\n{}", wrong.join("\n"));
    let unused: Vec<_> = IN_VAIN.iter().map(|(decision, _)| *decision).filter(|it| !used.contains(it)).collect();
    assert!(unused.is_empty(), "no entry is let through any more for: {unused:?}");
}

#[test]
fn the_triggers_name_what_is_acted_on() {
    let triggers: BTreeSet<(String, String)> =
        log_filter::triggers().into_iter().map(|it| (it.service_name.to_owned(), it.method_name)).collect();
    let unnamed: BTreeSet<String> = judged()
        .into_iter()
        .filter(|it| it.decision.starts_with("act"))
        .map(|it| {
            let text = |path| member(&it.entry, path).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("protoPayload.serviceName"), text("protoPayload.methodName"))
        })
        .filter(|named| !triggers.contains(named))
        .map(|(_, method)| method)
        .collect();
    assert_eq!(unnamed, BTreeSet::new());
}
