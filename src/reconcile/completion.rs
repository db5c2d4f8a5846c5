//! Connectors take minutes, and what is read of them lags their operations: a connector's completion entry, too, may be
//! ahead of what its GET tells.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::queue::RunRequest;
use crate::{
    domain::{
        names::{ConnectorRef, last_segment},
        state::connector::Connector,
        target::Target,
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
        // What cannot be read here is read, and told, by the look that follows.
        let found = client.get_connector::<Connector>(project, region, name).await;
        if !found.is_ok_and(|found| found.state.is_changing()) {
            return;
        }
        sleep(pause).await;
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long a target has been waited for, and how many targets are.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    pub since: Instant,
    pub targets: usize,
}

impl Waiting {
    /// The pause before a further look: a tenth of the time that it has taken so far, so that what takes a second is not noticed
    /// late, and what takes minutes costs few calls.
    fn pause(self) -> Duration {
        let shortest = SHORTEST_PAUSE.saturating_mul(u32::try_from(self.targets).unwrap_or(u32::MAX));
        (self.since.elapsed() / 10).max(shortest).min(LONGEST_PAUSE)
    }
}

/// Returns when one of the target's connectors, by its short name, has left its state of change, or when that cannot be read,
/// which the run that follows tells. One call a look, however many connectors there are.
pub async fn wait_for_connectors(client: &Client, target: &Target, names: &[&str], waiting: Waiting) {
    let (project, region) = (target.project.as_str(), target.region.as_str());
    loop {
        sleep(waiting.pause()).await;
        let Ok(connectors) = client.list_connectors::<Connector>(project, region).await else { return };
        let is_changing = |name: &&str| {
            let mut found = connectors.iter().filter(|connector| last_segment(&connector.name) == *name);
            found.next().is_some_and(|connector| connector.state.is_changing())
        };
        if !names.iter().all(is_changing) {
            return;
        }
    }
}
