use super::{list, note};
use crate::domain::{names::ConnectorRef, plan::Note, state::observed::ReadFailure, target::Target};

pub fn connector(connector: &ConnectorRef) -> String {
    format!(
        "nothing has used {} for 7 days, and the policy does not declare it (`connector.prune: 7d`)",
        connector.name
    )
}

pub fn mark(connector: &ConnectorRef, unused: bool) -> String {
    match unused {
        true => {
            format!("nothing asks for {} any more; the mark tells since when (`connector.prune: 7d`)", connector.name)
        }
        false => format!("{} is asked for again, so the mark that nothing does leaves", connector.name),
    }
}

pub fn unlist(subnets: &[String]) -> String {
    format!("no connector stands on {} any more (`connector.prune: 7d`)", list(subnets))
}

pub fn rule(connector: &ConnectorRef) -> String {
    format!("its connector {} is gone and nothing asks for it (`connector.prune: 7d`)", connector.name)
}

pub fn subnet(connector: &ConnectorRef) -> String {
    format!("connector {} does not stand on it any more (`connector.prune: 7d`)", connector.name)
}

pub fn left_over(connector: &ConnectorRef) -> Note {
    note(
        "left-over",
        format!("connector/{}", connector.name),
        format!(
            "connector {} is gone and nothing asks for it, while its subnet or rules of ours still stand and cost nothing; `connector.prune: 7d` lets them go",
            connector.name
        ),
    )
}

/// A kind of user that could not be looked for: nothing is removed or replaced on account of what the other kinds say.
pub fn unseen(failure: &ReadFailure, at: &Target) -> Note {
    let ReadFailure { call, message, .. } = failure;
    let (code, why) = match super::reads::blocked(failure, at) {
        Some(known) => (known.code, known.text),
        None => (super::reads::FAILED.to_owned(), format!("{call} failed temporarily. {message}")),
    };
    let users = match call.split('.').next() {
        Some("cloudfunctions") => "functions of the first generation",
        Some("appengine") => "versions of App Engine",
        _ => "Cloud Run instances",
    };
    let region = &at.region;
    note(
        &code,
        call,
        format!(
            "it is not known whether {users} use a connector of {region}, so nothing is removed (`connector.prune`) or replaced (`connector.repair`) there: {why}"
        ),
    )
}
