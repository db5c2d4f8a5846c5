//! A connector's completion entry may be ahead of what its GET tells.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::queue::RunRequest;
use crate::{
    domain::{
        names::ConnectorRef,
        state::connector::{Connector, ConnectorState},
    },
    google::client::Client,
};

/// A connector's GET lags its operation: how long to wait for it to leave a state of change.
const WAKE_PAUSES: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(5),
    Duration::from_secs(5),
];

/// Connectors waited for at once, however many events name one; the rest are seen as they are.
const MAX_AWAITED: usize = 16;

/// Waits until the connectors whose completion woke this run have left their state of change.
pub(super) async fn wait_for_completion(client: &Client, request: &RunRequest) {
    let completed: HashSet<ConnectorRef> = request
        .triggers
        .iter()
        .filter(|trigger| trigger.method.ends_with("Connector"))
        .filter_map(|trigger| ConnectorRef::try_from(trigger.resource.clone()).ok())
        .filter(|connector| request.target.has(connector))
        .collect();
    join_all(completed.iter().take(MAX_AWAITED).map(|connector| settled(client, connector))).await;
}

async fn settled(client: &Client, connector: &ConnectorRef) {
    let (project, region, name) = (connector.project.as_str(), connector.region.as_str(), connector.name.as_str());
    for pause in WAKE_PAUSES {
        let changing = match client.get_connector::<Connector>(project, region, name).await {
            Ok(found) => {
                matches!(found.state, ConnectorState::Creating | ConnectorState::Updating | ConnectorState::Deleting)
            }
            // What cannot be read here is read, and told, by the look that follows.
            Err(_) => false,
        };
        if !changing {
            return;
        }
        sleep(pause).await;
    }
}
