//! Deploys that Cloud Run refused although their connector is READY: its service agent may not use it.
//!
//! Google's sentence is the same where a connector does not exist, so only what is read tells the two apart: the connector's
//! state, and when the operation that made it ended.

use jiff::SignedDuration;

use crate::domain::{
    plan::Note,
    state::{connector::ConnectorState, operation::ConnectorChange, refused_deploy::RefusedDeploy},
    target::Target,
    text,
};

/// A connector is seen as READY only this long after its operation.
const READY_LATER: SignedDuration = SignedDuration::from_secs(5);

/// Whether the connector was READY when the deploy was refused; `None` = that cannot be told.
fn was_ready(refused: &RefusedDeploy) -> Option<bool> {
    let operations = refused.operations.as_ref().ok()?;
    let own = operations.iter().filter(|one| one.connector == refused.connector.name.as_str());
    let creations = own.filter(|one| one.change == ConnectorChange::Create);
    Some(match creations.max_by_key(|one| one.begun) {
        // Made before any operation that is kept.
        None => true,
        Some(creation) => creation.ended.is_some_and(|ended| ended + READY_LATER <= refused.at),
    })
}

pub fn notes(here: &Target, refused: &[RefusedDeploy]) -> Vec<Note> {
    let of_agent = refused.iter().filter(|one| one.state == ConnectorState::Ready);
    let told = of_agent.filter_map(|one| {
        let certain = match was_ready(one) {
            Some(false) => return None,
            certain => certain.is_some(),
        };
        Some(text::cause::run_agent(here, one, certain))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::domain::{
        planner::refused_deploys::*,
        state::{
            operation::ConnectorOperation,
            read::{FailureKind, ReadFailure},
        },
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn creation(ended: Option<i64>) -> ConnectorOperation {
        ConnectorOperation {
            name: "o".into(),
            connector: "conn".into(),
            change: ConnectorChange::Create,
            begun: Some(at(0)),
            ended: ended.map(at),
            done: ended.is_some(),
            failure: None,
        }
    }

    #[test]
    fn only_a_connector_that_was_ready_then_proves_that_a_role_is_missing() {
        let failure =
            ReadFailure { call: "o".into(), kind: FailureKind::Invalid, message: "no".into(), consumer: None };
        let refused = |operations| RefusedDeploy {
            workload: "projects/demo-project/locations/europe-west2/jobs/etl".into(),
            connector: "projects/demo-project/locations/europe-west2/connectors/conn".to_owned().try_into().unwrap(),
            at: at(100),
            state: ConnectorState::Ready,
            operations,
            number: Ok("7".into()),
        };
        let other = ConnectorOperation { connector: "other".into(), ..creation(Some(150)) };
        let cases = [
            (Ok(vec![]), Some(true)),
            (Ok(vec![other]), Some(true)),
            (Ok(vec![creation(Some(95))]), Some(true)),
            (Ok(vec![creation(Some(96))]), Some(false)),
            (Ok(vec![creation(None)]), Some(false)),
            (Err(failure), None),
        ];
        for (operations, ready) in cases {
            assert_eq!(was_ready(&refused(operations.clone())), ready, "{operations:?}");
        }
        let here = Target::from(&refused(Ok(vec![])).connector);
        let mut creating = refused(Ok(vec![]));
        creating.state = ConnectorState::Creating;
        assert!(notes(&here, &[creating]).is_empty());
        assert_eq!(notes(&here, &[refused(Ok(vec![]))]).len(), 1);
    }
}
