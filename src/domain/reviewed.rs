//! A plan that somebody has read and agreed to: what a run may write, and when it must not begin at all.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    audit::wanted::WantedConnector,
    plan::{Kind, ObjectId, Plan, Step, Verb},
    report::{Report, StepOutcome, StepReport},
    target::Target,
};

/// The version of the file; another one is refused.
const VERSION: u32 = 1;

/// What `plan --out` writes. **Contract**, within one version of the program: the reports of the dry runs are as
/// `plan --format json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedPlan {
    version: u32,
    /// Of the policy that was planned with.
    pub policy_hash: String,
    /// What a person asked for by `--connector`: the plan is what it is because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<WantedConnector>,
    pub reports: Vec<Report>,
}

/// Why a file is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    #[error("not a plan that `plan --out` wrote: {0}")]
    Json(#[from] serde_json::Error),
    #[error("version: found {found}, expected {VERSION}; make the plan again with this version of the program")]
    Version { found: u32 },
    #[error("reports: found one without a target, expected the reports of `plan`")]
    NoTarget,
}

impl SavedPlan {
    pub fn new(policy_hash: String, reports: Vec<Report>, wanted: Option<WantedConnector>) -> Self {
        Self { version: VERSION, policy_hash, wanted, reports }
    }

    /// # Errors
    /// What is no saved plan, or one of another version.
    pub fn parse(text: &str) -> Result<Self, NoPlan> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        match serde_json::from_str::<Head>(text)?.version {
            VERSION => {}
            found => return Err(NoPlan::Version { found }),
        }
        let saved: Self = serde_json::from_str(text)?;
        if saved.reports.iter().any(|report| report.target.is_none()) {
            return Err(NoPlan::NoTarget);
        }
        Ok(saved)
    }

    /// What was agreed to, target by target.
    pub fn reviews(&self) -> impl Iterator<Item = (Target, Reviewed)> + '_ {
        self.reports.iter().filter_map(|report| Some((report.target.clone()?, Reviewed::of(report))))
    }
}

/// What was agreed to at one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviewed {
    steps: Vec<StepReport>,
    /// What was shown, done at once or held back.
    shown: Vec<(ObjectId, Verb)>,
}

impl Reviewed {
    fn of(report: &Report) -> Self {
        let steps = report.steps.iter().map(|step| (step.step.clone(), step.verb));
        let held = report.withheld.iter().map(|held| (held.step.clone(), held.verb));
        Self { steps: report.steps.clone(), shown: steps.chain(held).collect() }
    }

    /// What a plan has, or lacks, that was not agreed to; empty = it writes the same.
    pub fn differences(&self, plan: &Plan) -> Vec<String> {
        let now: Vec<StepReport> = plan.steps.iter().map(|step| StepReport::new(step, StepOutcome::Done)).collect();
        let find = |steps: &[StepReport], like: &StepReport| {
            steps.iter().find(|step| (&step.step, step.verb) == (&like.step, like.verb)).cloned()
        };
        let told = |step: &StepReport| format!("{} {}", step.verb.word(), step.step);
        let mut found: Vec<String> = Vec::new();
        for step in &now {
            match find(&self.steps, step) {
                None => found.push(format!("{} is new", told(step))),
                Some(known) if !is_same(&known, step) => found.push(format!("{} has changed", told(step))),
                Some(_) => {}
            }
        }
        let gone = self.steps.iter().filter(|step| find(&now, step).is_none());
        found.extend(gone.map(|step| format!("{} is no longer planned", told(step))));
        found
    }

    /// Takes out what was never shown, with all that waits for it: in later rounds, a plan has what it held back before.
    pub fn limit(&self, plan: &mut Plan) {
        // A mark on what was shown says no more than that it was seen in place.
        let is_shown = |step: &Step| {
            let is_mark = step.change.verb() == Verb::Extend && step.id.kind == Kind::Firewall;
            self.shown.contains(&step.key()) || is_mark && self.shown.iter().any(|(id, _)| *id == step.id)
        };
        let unseen = plan.steps.iter().filter(|step| !is_shown(step));
        plan.drop_failed(&unseen.map(|step| step.id.clone()).collect());
    }
}

/// Whether two steps write the same over the same. A description is our own stamp, and may carry the day.
fn is_same(one: &StepReport, other: &StepReport) -> bool {
    let without_stamp = |document: &Option<Value>| {
        let mut document = document.clone();
        if let Some(members) = document.as_mut().and_then(Value::as_object_mut) {
            members.remove("description");
        }
        document
    };
    one.before == other.before && without_stamp(&one.after) == without_stamp(&other.after)
}
