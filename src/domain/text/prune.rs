use super::{list, note};
use crate::domain::{names::ConnectorRef, plan::Note};

pub fn connector(connector: &ConnectorRef) -> String {
    format!(
        "no job, service or worker pool has named {} for 7 days, and the policy does not declare it (`connector.prune: 7d`)",
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
