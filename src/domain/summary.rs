//! A report in one sentence, as it stands in a chat message or in the subject of a mail.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    plan::{EgressState, Kind, Note, Verb, past},
    report::{Outcome, Report, StepOutcome},
};

/// Objects of one kind that are named one by one; more are counted.
const MAX_NAMED: usize = 2;

/// What was done and what was found, and whose changes led to it. It begins with the place.
pub fn summary(report: &Report) -> String {
    let place = report.target.as_ref().map(|target| format!("{} {}", target.project, target.region));
    let mut parts = done(report);
    let count = |matches: fn(&StepOutcome) -> bool| report.steps.iter().filter(|step| matches(&step.outcome)).count();
    parts.extend(counted(
        count(|outcome| matches!(outcome, StepOutcome::Failed { .. })),
        "change failed",
        "changes failed",
    ));
    let skipped = count(|outcome| matches!(outcome, StepOutcome::Skipped { .. }));
    parts.extend(counted(skipped, "change was skipped", "changes were skipped"));
    parts.extend(counted(report.withheld.len(), "change is held back", "changes are held back"));
    parts.extend(first("waiting: ", &report.waiting_on));
    parts.extend(first("blocked: ", &report.blocked_by));
    parts.extend(report.rejected.as_ref().map(|rejected| format!("an event was rejected: {}", rejected.text)));
    if parts.is_empty() {
        parts.push(if report.outcome == Outcome::InSync {
            "nothing to do".to_owned()
        } else {
            report.outcome.word().to_owned()
        });
    }
    parts.extend(paths(report));
    let by: BTreeSet<&str> = report.triggers.iter().filter_map(|trigger| trigger.principal.as_deref()).collect();
    let by = match by.len() {
        0 => String::new(),
        _ => format!(" (after changes by {})", by.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let dry = if report.dry_run { "dry run: " } else { "" };
    format!("{}{dry}{}{by}", place.map_or_else(String::new, |place| format!("{place}: ")), parts.join("; "))
}

/// `created connector conn`, `created 5 firewall rules`.
fn done(report: &Report) -> Vec<String> {
    let mut groups: BTreeMap<(Verb, &str, Kind), Vec<&str>> = BTreeMap::new();
    for step in report.steps.iter().filter(|step| step.is_done()) {
        groups.entry((step.verb, step.verb.word_for(&step.diff), step.step.kind)).or_default().push(&step.step.name);
    }
    let told = groups.into_iter().map(|((_, word, kind), mut names)| {
        names.sort_unstable();
        names.dedup();
        let verb = past(word);
        match names.len() {
            1..=MAX_NAMED => format!("{verb} {} {}", noun(kind), names.join(" and ")),
            count => format!("{verb} {count} {}s", noun(kind)),
        }
    });
    told.collect()
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Firewall => "firewall rule",
        other => other.word(),
    }
}

fn counted(count: usize, one: &str, many: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    }
}

fn first(head: &str, notes: &[Note]) -> Option<String> {
    let (first, rest) = notes.split_first()?;
    let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
    Some(format!("{head}{}{more}", first.text))
}

/// `paths: 2 scoped, 1 unmanaged`.
fn paths(report: &Report) -> Option<String> {
    let mut counts: BTreeMap<EgressState, usize> = BTreeMap::new();
    for path in &report.egress {
        *counts.entry(path.state).or_default() += 1;
    }
    let told: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {}", state.word())).collect();
    (!told.is_empty()).then(|| format!("paths: {}", told.join(", ")))
}
