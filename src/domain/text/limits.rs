use crate::domain::{
    plan::{StepId, Verb},
    policy::Mode,
};

pub fn mode(mode: Mode, verb: Verb, reason: &str) -> String {
    let (is, needs) = match (mode, verb) {
        (Mode::Off | Mode::Report, Verb::Create | Verb::Extend) => ("report", "`mode: create`"),
        (Mode::Off | Mode::Report, Verb::Repair | Verb::Delete) => ("report", "`mode: enforce`"),
        (Mode::Create | Mode::Enforce, _) => ("create", "`mode: enforce`"),
    };
    format!("{reason}; held back by `mode: {is}`, set {needs} to let it happen")
}

pub fn depends(first: &StepId, reason: &str) -> String {
    format!("{reason}; waits for {first}, which is held back")
}

pub fn budget(limit: &str, reason: &str) -> String {
    format!("{reason}; held back because `{limit}` is used up, the next run goes on, or raise it")
}
