//! What Google keeps of changes of connectors, whoever asked for them.

use jiff::Timestamp;
use serde_json::Value;

use super::reads::{failure, read};
use crate::{
    domain::{
        names::last_segment,
        state::{
            operation::{ConnectorChange, ConnectorOperation},
            read::Read,
        },
        target::Target,
    },
    google::{client::Client, operations::LongRunning},
};

pub async fn connector_operations(client: &Client, target: &Target) -> Read<Vec<ConnectorOperation>> {
    let found = read(client.list_connector_operations(target.project.as_str(), target.region.as_str()).await)?;
    Ok(found.into_iter().filter_map(understood).collect())
}

/// `None` = of something else than a connector.
fn understood(operation: LongRunning) -> Option<ConnectorOperation> {
    let metadata = &operation.metadata;
    let method = metadata["method"].as_str()?;
    let change = [
        ("CreateConnector", ConnectorChange::Create),
        ("UpdateConnector", ConnectorChange::Update),
        ("DeleteConnector", ConnectorChange::Delete),
    ];
    let (_, change) = change.into_iter().find(|(verb, _)| method.ends_with(verb))?;
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    Some(ConnectorOperation {
        connector: last_segment(metadata["target"].as_str()?).to_owned(),
        change,
        begun: time(&metadata["createTime"]),
        ended: time(&metadata["endTime"]),
        done: operation.done,
        failure: operation.ended("vpcaccess.projects.locations.operations.list").err().map(|error| failure(&error)),
        name: operation.name,
    })
}
