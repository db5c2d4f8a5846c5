//! What is drawn, in the order in which it is drawn.

use serde_json::Value;

use super::attributes;
use crate::domain::{
    codes::Code,
    names::last_segment,
    plan::{EgressState, FieldDiff, HoldReason, Note, Object, ObjectId, PathEgress, Plan, Step, Verb, Withheld, past},
    policy::Mode,
    report::{Outcome, Report, StepOutcome, StepReport},
    state::requirement::PathUser,
    target::Target,
    text,
};

pub struct View {
    pub heading: String,
    pub rows: Vec<Row>,
    /// What the mode holds back, said once.
    pub held: Option<String>,
    pub lists: [(&'static str, Vec<Entry>); 3],
    pub egress: Vec<Egress>,
    pub summary: String,
}

/// A step, or one that is held back.
pub struct Row {
    /// Steps are numbered, what is held back is not.
    pub number: Option<usize>,
    /// What the verb does to the object: `+`, `~`, `-`; `!` for what failed.
    pub sign: char,
    /// `create`; `[create]` for what is held back; `created` for what was done.
    pub verb: String,
    pub tone: Tone,
    pub what: String,
    pub why: String,
    /// Of what is created: what will be written. Of what is changed: what becomes of it.
    pub attributes: Vec<(String, String)>,
    /// Lines below.
    pub more: Vec<String>,
}

/// Something to know about an object.
pub struct Entry {
    pub object: String,
    pub text: String,
    /// Others of which the same is true.
    pub likewise: Vec<String>,
}

pub struct Egress {
    pub path: String,
    pub state: String,
    pub tone: Tone,
    pub more: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Careful,
    Bad,
    Quiet,
}

impl View {
    pub fn of_plan(plan: &Plan, mode: Mode) -> Self {
        let number = |id: &ObjectId| plan.steps.iter().position(|step| step.id == *id).map(|at| at + 1);
        let rows = plan.steps.iter().enumerate().map(|(at, step)| planned(at + 1, step, number));
        let counts = Verb::ALL.map(|verb| {
            let count = plan.steps.iter().filter(|step| step.change.verb() == verb).count();
            (count, format!("to {}", verb.word()))
        });
        let network = &plan.network;
        // The network's project is worth its room only in a Shared VPC.
        let network = match network.project == plan.target.project {
            true => network.name.to_string(),
            false => network.to_string(),
        };
        Self {
            heading: format!("{} (network {network}, mode {})", place(&plan.target), mode.word()),
            rows: rows.chain(plan.withheld.iter().map(withheld)).collect(),
            held: held(&plan.withheld),
            lists: lists(&plan.waiting_on, &plan.blocked_by, &plan.findings),
            egress: plan.egress.iter().map(egress).collect(),
            summary: summary(counts, &plan.withheld, &plan.waiting_on, &plan.blocked_by, otherwise(&plan.findings)),
        }
    }

    pub fn of_report(report: &Report) -> Self {
        let heading = report.target.as_ref().map_or_else(|| "no target".to_owned(), place);
        let how = if report.dry_run { ", dry run" } else { "" };
        let rows = report.steps.iter().enumerate().map(|(at, step)| reported(at + 1, step));
        let count =
            |matches: fn(&StepOutcome) -> bool| report.steps.iter().filter(|step| matches(&step.outcome)).count();
        let counts = [
            (count(|outcome| matches!(outcome, StepOutcome::Done)), "done".to_owned()),
            (count(|outcome| matches!(outcome, StepOutcome::Failed { .. })), "failed".to_owned()),
            (count(|outcome| matches!(outcome, StepOutcome::Skipped { .. })), "skipped".to_owned()),
        ];
        let counted = summary(
            counts,
            &report.withheld,
            &report.waiting_on,
            &report.blocked_by,
            match report.outcome {
                Outcome::InSync => otherwise(&report.findings),
                other => other.word(),
            },
        );
        let waited = report.quota_wait.as_ref().map_or_else(String::new, |wait| {
            format!("; {}", text::limits::quota_wait(&wait.metric, wait.project.as_deref(), wait.seconds))
        });
        Self {
            heading: format!("{heading} (mode {}{how})", report.mode.word()),
            rows: rows.chain(report.withheld.iter().map(withheld)).collect(),
            held: held(&report.withheld),
            lists: lists(&report.waiting_on, &report.blocked_by, &report.findings),
            egress: report.egress.iter().map(egress).collect(),
            summary: match report.mode {
                Mode::Off if report.calls.is_empty() => "mode off: nothing was looked at".to_owned(),
                _ if counted.contains(report.outcome.word()) => counted + &waited,
                _ => format!("{}: {counted}{waited}", report.outcome.word()),
            },
        }
    }
}

fn place(target: &Target) -> String {
    format!("{} {}", target.project, target.region)
}

fn planned(number: usize, step: &Step, number_of: impl Fn(&ObjectId) -> Option<usize>) -> Row {
    let after: Vec<_> = step.after.iter().filter_map(number_of).map(|number| number.to_string()).collect();
    let verb = step.change.verb();
    let document = step.change.after().map(Object::document);
    Row {
        number: Some(number),
        sign: sign(verb),
        verb: verb.word_for(&step.diff).to_owned(),
        tone: tone(verb),
        what: name(&step.id),
        why: step.reason.clone(),
        attributes: attributes(verb, document.as_ref(), &step.diff),
        more: if after.is_empty() { Vec::new() } else { vec![format!("after {}", after.join(", "))] },
    }
}

fn reported(number: usize, step: &StepReport) -> Row {
    let word = step.verb.word_for(&step.diff);
    let (sign, verb, tone, more) = match &step.outcome {
        StepOutcome::Done => (sign(step.verb), past(word), Tone::Good, None),
        StepOutcome::Failed { error, .. } => {
            ('!', format!("{word} failed"), Tone::Bad, Some(format!("failed: {error}")))
        }
        StepOutcome::Skipped { why } => {
            (sign(step.verb), format!("({word})"), Tone::Quiet, Some(format!("skipped: {why}")))
        }
    };
    Row {
        number: Some(number),
        sign,
        verb,
        tone,
        what: name(&step.step),
        why: step.reason.clone(),
        attributes: attributes(step.verb, step.after.as_ref(), &step.diff),
        more: more.into_iter().collect(),
    }
}

fn withheld(withheld: &Withheld) -> Row {
    let why = match withheld.why {
        // Said once, below.
        HoldReason::Mode if !withheld.reason.is_empty() => withheld.reason.clone(),
        HoldReason::Mode | HoldReason::Budget | HoldReason::AllowsFirst => withheld.text.clone(),
    };
    Row {
        number: None,
        sign: sign(withheld.verb),
        verb: format!("[{}]", withheld.verb.word_for(&withheld.diff)),
        tone: Tone::Quiet,
        what: name(&withheld.step),
        why,
        attributes: attributes(withheld.verb, withheld.after.as_ref(), &withheld.diff),
        more: Vec::new(),
    }
}

/// What the mode holds back, and which mode does not.
fn held(withheld: &[Withheld]) -> Option<String> {
    let by_mode = withheld.iter().filter(|held| held.why == HoldReason::Mode);
    let (adding, changing): (Vec<_>, Vec<_>) =
        by_mode.partition(|held| matches!(held.verb, Verb::Create | Verb::Extend));
    let count = |held: &[&Withheld], mode: &str| format!("{} until `mode: {mode}`", held.len());
    let counts = [(adding, "create"), (changing, "enforce")];
    let told: Vec<_> =
        counts.iter().filter(|(held, _)| !held.is_empty()).map(|(held, mode)| count(held, mode)).collect();
    (!told.is_empty()).then(|| format!("The policy's mode holds back steps in brackets: {}.", told.join(", ")))
}

fn attributes(verb: Verb, after: Option<&Value>, diff: &[FieldDiff]) -> Vec<(String, String)> {
    match (verb, after) {
        (Verb::Create, Some(document)) => attributes::of(document),
        _ => diff.iter().map(|diff| (diff.field.clone(), format!("{} → {}", diff.before, diff.after))).collect(),
    }
}

fn egress(egress: &PathEgress) -> Egress {
    let by = egress.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let mut users: Vec<_> = egress.users.iter().map(PathUser::to_string).collect();
    if egress.more_users > 0 {
        users.push(format!("and {} more", egress.more_users));
    }
    Egress {
        path: egress.name().to_owned(),
        state: format!("{}{by}", egress.state.word()),
        tone: match egress.state {
            EgressState::Scoped => Tone::Good,
            EgressState::Observed | EgressState::AllowOnly | EgressState::Unmanaged => Tone::Careful,
            EgressState::Shadowed | EgressState::Disarmed | EgressState::CutOff => Tone::Bad,
        },
        more: if users.is_empty() { String::new() } else { format!(", used by {}", users.join(", ")) },
    }
}

fn lists(waiting: &[Note], blocked: &[Note], findings: &[Note]) -> [(&'static str, Vec<Entry>); 3] {
    [("waiting on", waiting), ("blocked by", blocked), ("findings", findings)]
        .map(|(title, notes)| (title, grouped(notes)))
}

/// One entry for all notes that differ in the object's name alone.
fn grouped(notes: &[Note]) -> Vec<Entry> {
    let mut said: Vec<(Code, String)> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    for note in notes {
        // Most sentences name who or what is behind it themselves.
        let by = note.by.as_ref().filter(|by| !note.text.contains(by.as_str()));
        let by = by.map_or_else(String::new, |by| format!(" (by {by})"));
        let text = format!("{}{by}", note.text);
        let key = (note.code, text.replace(last_segment(&note.object), ""));
        match said.iter().position(|known| *known == key) {
            Some(at) => entries[at].likewise.push(note.object.clone()),
            None => {
                said.push(key);
                entries.push(Entry { object: note.object.clone(), text, likewise: Vec::new() });
            }
        }
    }
    entries
}

/// `firewall deny-conn-europe-west2-egress`.
fn name(step: &ObjectId) -> String {
    format!("{} {}", step.kind.word(), last_segment(&step.name))
}

fn sign(verb: Verb) -> char {
    match verb {
        Verb::Create => '+',
        Verb::Extend | Verb::Repair => '~',
        Verb::Delete => '-',
    }
}

fn tone(verb: Verb) -> Tone {
    match verb {
        Verb::Create | Verb::Extend => Tone::Good,
        Verb::Repair => Tone::Careful,
        Verb::Delete => Tone::Bad,
    }
}

/// `3 to create, 1 withheld, 1 waiting`.
fn summary(
    counts: impl IntoIterator<Item = (usize, String)>,
    withheld: &[Withheld],
    waiting: &[Note],
    blocked: &[Note],
    otherwise: &str,
) -> String {
    let rest = [(withheld.len(), "withheld"), (waiting.len(), "waiting"), (blocked.len(), "blocked")];
    let all = counts.into_iter().chain(rest.map(|(count, word)| (count, word.to_owned())));
    let told: Vec<_> = all.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { otherwise.to_owned() } else { told.join(", ") }
}

/// What to say where nothing is to be done. What could not be read may not be so.
fn otherwise(findings: &[Note]) -> &'static str {
    match findings.iter().any(|note| note.code == Code::ReadFailed) {
        true => "unknown, because some reads failed",
        false => "in-sync",
    }
}
