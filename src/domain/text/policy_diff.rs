//! What changes from one policy to another, in words.

use serde_json::{Value, json};

use super::policy::{and, changed};
use crate::domain::{
    firewall::reach::Traffic,
    policy::{Match, Mode, Policy, Setting, flow},
    policy_diff::{Class, PathDiff, PolicyDiff},
};

/// Lines of text. `old` and `new` are the policies that were compared.
pub fn lines(diff: &PolicyDiff, old: &Policy, new: &Policy) -> String {
    if diff.is_empty() {
        return "no difference: the two policies ask for the same\n".to_owned();
    }
    let mut page = String::new();
    if !diff.settings.is_empty() {
        page += "settings:\n";
        page.extend(diff.settings.iter().map(|setting| format!("  {}\n", changed(setting))));
    }
    for path in &diff.paths {
        page += &format!("{}:\n", class(path, old, new));
        page.extend(path.settings.iter().map(|setting| format!("  {}\n", changed(setting))));
        page.extend(path.opens.iter().map(|one| format!("  opens {}\n", traffic(one))));
        page.extend(path.closes.iter().map(|one| format!("  closes {}\n", traffic(one))));
        let enforced = |word: &str, one: &Traffic| format!("  with enforcement, would {word} {}\n", traffic(one));
        page.extend(path.would_open.iter().map(|one| enforced("open", one)));
        page.extend(path.would_close.iter().map(|one| enforced("close", one)));
        if path.mode < Mode::Create {
            page += &format!("  no rule changes while `mode` is {}\n", path.mode.word());
        }
    }
    page
}

/// Which connectors.
fn class(path: &PathDiff, old: &Policy, new: &Policy) -> String {
    let of =
        |policy: &Policy, index: usize| format!("overrides[{index}] ({})", matched(&policy.overrides[index].matches));
    match path.class {
        Class { old: None, new: None } => "connectors that no override is for".to_owned(),
        Class { old: Some(before), new: Some(after) }
            if old.overrides[before].matches == new.overrides[after].matches =>
        {
            format!("connectors of {}", of(new, after))
        }
        Class { old: Some(before), new: Some(after) } => {
            format!("connectors of {} in the old policy and {} in the new one", of(old, before), of(new, after))
        }
        Class { old: Some(before), new: None } => {
            format!("connectors of {} in the old policy and no override in the new one", of(old, before))
        }
        Class { old: None, new: Some(after) } => {
            format!("connectors of no override in the old policy and {} in the new one", of(new, after))
        }
    }
}

/// What an override matches, without empty lists.
fn matched(entry: &Match) -> String {
    let Match { projects, regions, connectors } = entry;
    let parts = [("projects", json!(projects)), ("regions", json!(regions)), ("connectors", json!(connectors))];
    let parts = parts.into_iter().filter(|(_, list)| list.as_array().is_some_and(|list| !list.is_empty()));
    let parts: Vec<_> = parts.map(|(key, list)| format!("{key}: {}", flow(&list))).collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") }
}

/// `tcp:443 to 203.0.113.0/24`; where fewer words name the rest, `everything except tcp:443`.
pub fn traffic(traffic: &Traffic) -> String {
    let services = match traffic.services.all_but() {
        Some(rest) if rest.is_empty() => "everything".to_owned(),
        Some(rest) => format!("everything except {}", and(&rest)),
        None if traffic.services.words() == ["all"] => "everything".to_owned(),
        None => and(&traffic.services.words()),
    };
    let to = match traffic.to.all_but() {
        Some(rest) if rest.is_empty() => "every address".to_owned(),
        Some(rest) => format!("every address except {}", and(&rest)),
        None => and(&traffic.to.ranges()),
    };
    format!("{services} to {to}")
}

/// The same as JSON.
pub fn json_of(diff: &PolicyDiff) -> Value {
    let settings = |all: &[Setting]| -> Vec<Value> {
        all.iter().map(|one| json!({"key": one.key, "old": one.old, "new": one.new})).collect()
    };
    let sets = |all: &[Traffic]| -> Vec<Value> {
        all.iter().map(|one| json!({"to": one.to.ranges(), "services": one.services.words()})).collect()
    };
    let paths: Vec<Value> = diff
        .paths
        .iter()
        .map(|path| {
            json!({
                "overrides": path.class, "suchAs": path.such_as, "mode": path.mode, "settings": settings(&path.settings),
                "opens": sets(&path.opens), "closes": sets(&path.closes),
                "wouldOpen": sets(&path.would_open), "wouldClose": sets(&path.would_close),
            })
        })
        .collect();
    json!({"settings": settings(&diff.settings), "paths": paths})
}
