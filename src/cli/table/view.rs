//! What is drawn, in the order in which it is drawn.

use crate::domain::{
    codes::Code,
    names::last_segment,
    plan::{EgressState, FieldDiff, HoldReason, Note, ObjectId, PathEgress, Plan, Step, Verb, Withheld},
    policy::Mode,
    report::{Outcome, Report, StepOutcome, StepReport},
    target::Target,
};

pub struct View<'a> {
    pub heading: String,
    pub rows: Vec<Row>,
    pub lists: [(&'static str, &'a [Note]); 3],
    pub egress: Vec<Egress>,
    pub summary: String,
}

pub struct Row {
    /// Steps are numbered, what is held back is not.
    pub number: Option<usize>,
    /// `create`; `[create]` for what is held back; `created` for what was done.
    pub verb: String,
    pub tone: Tone,
    pub what: String,
    /// Lines.
    pub why: Vec<String>,
}

pub struct Egress {
    pub path: String,
    pub state: String,
    pub tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Careful,
    Bad,
    Quiet,
}

impl<'a> View<'a> {
    pub fn of_plan(plan: &'a Plan, mode: Mode) -> Self {
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
            lists: lists(&plan.waiting_on, &plan.blocked_by, &plan.findings),
            egress: plan.egress.iter().map(egress).collect(),
            summary: summary(
                counts,
                plan.withheld.len(),
                &plan.waiting_on,
                &plan.blocked_by,
                otherwise(&plan.findings),
            ),
        }
    }

    pub fn of_report(report: &'a Report) -> Self {
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
            report.withheld.len(),
            &report.waiting_on,
            &report.blocked_by,
            match report.outcome {
                Outcome::InSync => otherwise(&report.findings),
                other => other.word(),
            },
        );
        Self {
            heading: format!("{heading} (mode {}{how})", report.mode.word()),
            rows: rows.chain(report.withheld.iter().map(withheld)).collect(),
            lists: lists(&report.waiting_on, &report.blocked_by, &report.findings),
            egress: report.egress.iter().map(egress).collect(),
            summary: match report.mode {
                Mode::Off if report.calls.is_empty() => "mode off: nothing was looked at".to_owned(),
                _ if counted.contains(report.outcome.word()) => counted,
                _ => format!("{}: {counted}", report.outcome.word()),
            },
        }
    }
}

fn place(target: &Target) -> String {
    format!("{} {}", target.project, target.region)
}

fn planned(number: usize, step: &Step, number_of: impl Fn(&ObjectId) -> Option<usize>) -> Row {
    let mut why = vec![step.reason.clone()];
    why.extend(step.diff.iter().map(difference));
    let after: Vec<_> = step.after.iter().filter_map(number_of).map(|number| format!("#{number}")).collect();
    if !after.is_empty() {
        why.push(format!("after {}", after.join(", ")));
    }
    let verb = step.change.verb();
    Row { number: Some(number), verb: verb.word().to_owned(), tone: tone(verb), what: name(&step.id), why }
}

fn reported(number: usize, step: &StepReport) -> Row {
    let mut why = vec![step.reason.clone()];
    why.extend(step.diff.iter().map(difference));
    let verb = step.verb.word();
    let (verb, tone) = match &step.outcome {
        StepOutcome::Done => (past(step.verb).to_owned(), Tone::Good),
        StepOutcome::Failed { error, .. } => {
            why.push(format!("failed: {error}"));
            (format!("{verb} failed"), Tone::Bad)
        }
        StepOutcome::Skipped { why: cause } => {
            why.push(format!("skipped: {cause}"));
            (format!("({verb})"), Tone::Quiet)
        }
    };
    Row { number: Some(number), verb, tone, what: name(&step.step), why }
}

fn withheld(withheld: &Withheld) -> Row {
    let why = match withheld.why {
        HoldReason::Mode => "mode",
        HoldReason::Budget => "budget",
        HoldReason::AllowsFirst => "allows-first",
    };
    Row {
        number: None,
        verb: format!("[{}]", withheld.verb.word()),
        tone: Tone::Quiet,
        what: name(&withheld.step),
        why: vec![format!("held back ({why}): {}", withheld.text)],
    }
}

fn egress(egress: &PathEgress) -> Egress {
    let by = egress.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    Egress {
        path: egress.name().to_owned(),
        state: format!("{}{by}", egress.state.word()),
        tone: match egress.state {
            EgressState::Scoped => Tone::Good,
            EgressState::Observed | EgressState::AllowOnly | EgressState::Unmanaged => Tone::Careful,
            EgressState::Shadowed | EgressState::Disarmed | EgressState::CutOff => Tone::Bad,
        },
    }
}

fn lists<'a>(waiting: &'a [Note], blocked: &'a [Note], findings: &'a [Note]) -> [(&'static str, &'a [Note]); 3] {
    [("waiting on", waiting), ("blocked by", blocked), ("findings", findings)]
}

/// `firewall deny-conn-europe-west2-egress`.
fn name(step: &ObjectId) -> String {
    format!("{} {}", step.kind.word(), last_segment(&step.name))
}

/// `priority 930 → 1000`.
fn difference(diff: &FieldDiff) -> String {
    format!("{} {} → {}", diff.field, diff.before, diff.after)
}

fn tone(verb: Verb) -> Tone {
    match verb {
        Verb::Create | Verb::Extend => Tone::Good,
        Verb::Repair => Tone::Careful,
        Verb::Delete => Tone::Bad,
    }
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Extend => "extended",
        Verb::Repair => "repaired",
        Verb::Delete => "deleted",
    }
}

/// `3 to create, 1 withheld, 1 waiting`.
fn summary(
    counts: impl IntoIterator<Item = (usize, String)>,
    withheld: usize,
    waiting: &[Note],
    blocked: &[Note],
    otherwise: &str,
) -> String {
    let rest = [(withheld, "withheld"), (waiting.len(), "waiting"), (blocked.len(), "blocked")];
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
