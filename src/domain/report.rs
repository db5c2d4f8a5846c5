//! What a run tells the world. **Contract**: CloudEvents `dev.egress-reconciler.report.v1`, body in camelCase.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    audit::signal::Trigger,
    plan::{FieldDiff, Note, ObjectId, PathEgress, Plan, Step, Verb, Withheld},
    policy::{Mode, Policy},
    target::Target,
};

/// One run over one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// A UUID; also `ce-id`, and the `requestId` of every write is derived from it.
    pub id: String,
    /// Absent on a rejected event that names no place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    pub outcome: Outcome,
    /// All of it in one sentence for a person, such as a chat message. Not for programs: its words may change.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    pub mode: Mode,
    pub dry_run: bool,
    pub policy_hash: String,
    /// The events that asked for this run, the first hundred of them; none = a sweep, or a command but `release` and `rearm`.
    pub triggers: Vec<Trigger>,
    /// How many more events asked for it.
    #[serde(default, skip_serializing_if = "super::fields::is_default")]
    pub more_triggers: usize,
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When the first plan was made.
    #[schemars(with = "String")]
    pub decided: Timestamp,
    #[schemars(with = "String")]
    pub done: Timestamp,
    /// When the lists were read that this report rests on, where they were read once for the whole project; absent = they were
    /// read for this target alone. What they show to be missing is looked at again before anything is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub snapshot_at: Option<Timestamp>,
    /// Rounds that wrote.
    pub rounds: u32,
    pub steps: Vec<StepReport>,
    pub withheld: Vec<Withheld>,
    pub egress: Vec<PathEgress>,
    /// The cloud must finish.
    pub waiting_on: Vec<Note>,
    /// A person must act.
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// Calls to Google by method.
    pub calls: BTreeMap<String, u32>,
    /// The call that waited longest for one of Google's quotas, if that was ten seconds or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_wait: Option<QuotaWait>,
    /// Something may work in a moment: the delivery is answered 429, so that it comes again.
    #[serde(skip)]
    pub transient: bool,
}

/// Worst wins; the order is that of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    InSync,
    Changed,
    /// Held back by mode, budget or dry run.
    Drift,
    Waiting,
    Blocked,
    Failed,
    Rejected,
}

impl Outcome {
    pub const ALL: [Self; 7] =
        [Self::InSync, Self::Changed, Self::Drift, Self::Waiting, Self::Blocked, Self::Failed, Self::Rejected];

    pub fn word(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Changed => "changed",
            Self::Drift => "drift",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }
}

/// A call that waited because calls per minute are limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuotaWait {
    /// Google's name of the quota's metric, such as `compute.googleapis.com/list_requests`.
    pub metric: String,
    /// Whose quota it is; absent = that of the service's own project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    pub seconds: u64,
}

/// An event that could not be acted on; told at most once a minute for each reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    pub reason: String,
    /// The field, what was found and what was expected.
    pub text: String,
    /// How many since the last report of this reason, this one included.
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    pub step: ObjectId,
    pub verb: Verb,
    pub reason: String,
    pub diff: Vec<FieldDiff>,
    /// Google's document before the write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    pub outcome: StepOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum StepOutcome {
    Done,
    Failed { error: String, transient: bool },
    Skipped { why: String },
}

impl StepReport {
    pub fn new(step: &Step, outcome: StepOutcome) -> Self {
        Self {
            step: step.id.clone(),
            verb: step.change.verb(),
            reason: step.reason.clone(),
            diff: step.diff.clone(),
            before: step.change.before().map(|object| object.document()),
            after: step.change.after().map(|object| object.document()),
            outcome,
        }
    }

    pub fn is_done(&self) -> bool {
        self.outcome == StepOutcome::Done
    }
}

impl Report {
    /// The report of a run that begins.
    pub fn begun(id: String, policy: &Policy, now: Timestamp) -> Self {
        Self {
            id,
            target: None,
            outcome: Outcome::InSync,
            summary: String::new(),
            mode: policy.mode,
            dry_run: false,
            policy_hash: policy.hash.clone(),
            triggers: Vec::new(),
            more_triggers: 0,
            snapshot_at: None,
            started: now,
            decided: now,
            done: now,
            rounds: 0,
            steps: Vec::new(),
            withheld: Vec::new(),
            egress: Vec::new(),
            waiting_on: Vec::new(),
            blocked_by: Vec::new(),
            findings: Vec::new(),
            rejected: None,
            calls: BTreeMap::new(),
            quota_wait: None,
            transient: false,
        }
    }

    /// The report of events that led to no run.
    pub fn rejected(id: String, policy: &Policy, rejected: Rejected, now: Timestamp) -> Self {
        Self { outcome: Outcome::Rejected, rejected: Some(rejected), ..Self::begun(id, policy, now) }
    }

    /// Takes over what the last plan knows, and judges. The steps that the plan still has are skipped: `why` tells.
    pub fn close(&mut self, plan: Plan, why: &str, transient_reads: Vec<Note>) {
        let left_over = !plan.steps.is_empty();
        let skipped = || StepOutcome::Skipped { why: why.to_owned() };
        // What was not begun in the last round for the same reason is told once.
        let is_left = |step: &StepReport| {
            step.outcome == skipped() && plan.steps.iter().any(|left| left.key() == (step.step.clone(), step.verb))
        };
        self.steps.retain(|step| !is_left(step));
        self.steps.extend(plan.steps.iter().map(|step| StepReport::new(step, skipped())));
        self.transient |= !transient_reads.is_empty();
        self.withheld = plan.withheld;
        self.egress = plan.egress;
        self.waiting_on = plan.waiting_on;
        self.blocked_by = plan.blocked_by;
        self.findings = plan.findings;
        self.findings.extend(transient_reads);
        self.outcome = self.judge(left_over);
    }

    fn judge(&self, left_over: bool) -> Outcome {
        // What only a person can make possible is told as blocked.
        let is_blocked = |step: &StepReport| self.blocked_by.iter().any(|note| note.object == step.step.to_string());
        let has_failed = |step: &StepReport| matches!(step.outcome, StepOutcome::Failed { .. }) && !is_blocked(step);
        let failed = self.steps.iter().any(has_failed);
        [
            (self.transient || failed, Outcome::Failed),
            (!self.blocked_by.is_empty(), Outcome::Blocked),
            (!self.waiting_on.is_empty(), Outcome::Waiting),
            (!self.withheld.is_empty() || left_over, Outcome::Drift),
            (self.changed(), Outcome::Changed),
        ]
        .into_iter()
        .find_map(|(holds, outcome)| holds.then_some(outcome))
        .unwrap_or(Outcome::InSync)
    }

    /// How many writes were made.
    pub fn done_steps(&self) -> usize {
        self.steps.iter().filter(|step| step.is_done()).count()
    }

    /// Something was written.
    pub fn changed(&self) -> bool {
        self.steps.iter().any(StepReport::is_done)
    }

    /// What makes a report new: a run that changed nothing and says the same as the last one is not published.
    pub fn signature(&self) -> String {
        let withheld: Vec<_> = self.withheld.iter().map(|held| (&held.step, held.verb, held.why, &held.text)).collect();
        let said = (&self.outcome, &self.egress, &self.waiting_on, &self.blocked_by, withheld, &self.findings);
        serde_json::to_string(&said).unwrap_or_default()
    }

    /// `//egress-reconciler/projects/P/locations/R`.
    pub fn source(&self) -> String {
        self.target
            .as_ref()
            .map_or_else(|| "//egress-reconciler".to_owned(), |target| format!("//egress-reconciler/{target}"))
    }
}

/// The JSON Schema of the report.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}
