use jiff::Timestamp;

use super::{note, note_by};
use crate::domain::{
    codes::Code,
    plan::{Note, ObjectId, Verb},
    policy::Mode,
    target::Target,
};

/// A saved plan that is not what would be done now.
pub fn stale(target: &Target, differences: &[String]) -> Note {
    let text = format!(
        "something has changed since the plan was saved, so nothing was done here: {}; make the plan again",
        differences.join(", ")
    );
    note(Code::PlanStale, target.to_string(), text)
}

pub fn mode(mode: Mode, verb: Verb, reason: &str) -> String {
    let (is, needs) = match (mode, verb) {
        (Mode::Off | Mode::Report, Verb::Create | Verb::Extend) => ("report", "`mode: create`"),
        (Mode::Off | Mode::Report, Verb::Repair | Verb::Delete) => ("report", "`mode: enforce`"),
        (Mode::Create | Mode::Enforce, _) => ("create", "`mode: enforce`"),
    };
    format!("{reason}; held back by `mode: {is}`, set {needs} to let it happen")
}

pub fn depends(first: &ObjectId, reason: &str) -> String {
    format!("{reason}; waits for {first}, which is held back")
}

pub fn budget(limit: &str, reason: &str) -> String {
    format!("{reason}; held back because `{limit}` is used up; a later run continues, or raise the limit")
}

pub fn undone(until: Timestamp, reason: &str) -> String {
    format!("{reason}; undone three times within an hour, so left alone until {until:.0}")
}

/// Calls that waited because Google counts them by the minute. `project` = whose quota it is, if not our own.
pub fn quota_wait(metric: &str, project: Option<&str>, seconds: u64) -> String {
    let of = project.map_or_else(|| "the service's own project".to_owned(), |project| format!("project {project}"));
    format!("calls to Google waited up to {seconds} s for the quota {metric} of {of}")
}

/// The breaker: two programs, or a program and a person, must not fight over an object.
pub fn left_alone(step: &ObjectId, until: Timestamp, by: Option<&str>) -> Note {
    let who = by.unwrap_or("unknown");
    note_by(
        Code::LeftAlone,
        step.to_string(),
        who,
        format!(
            "{step} was repaired three times within an hour and undone each time, last by {who}, so it is left alone until {until:.0}; agree with them, or change the policy"
        ),
    )
}
