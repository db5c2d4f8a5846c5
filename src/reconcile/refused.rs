//! What there is to read about deploys that Cloud Run refused, beyond what every look reads: asked only if one names a
//! connector that is READY.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Deserialize;

use super::{observe::get_connector, operations::connector_operations, projects::Projects, reads::read};
use crate::{
    domain::{
        audit::signal::Trigger,
        demand::listed,
        names::ConnectorRef,
        state::{
            connector::ConnectorState,
            observed::Observed,
            read::{FailureKind, Read, ReadFailure},
            refused_deploy::RefusedDeploy,
        },
        target::Target,
    },
    google::client::Client,
};

/// How many connectors are looked at: each is named by an entry, and entries may come by the thousand.
const MAX_CONNECTORS: usize = 8;

/// `compute.projects.get`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Project {
    /// `NUMBER-compute@developer.gserviceaccount.com`.
    default_service_account: String,
}

/// Reads about the connectors of refused deploys, the latest of each.
pub async fn refused_deploys(
    client: &Client,
    projects: &Projects,
    observed: &Observed,
    triggers: &[Arc<Trigger>],
) -> Vec<RefusedDeploy> {
    let mut latest: BTreeMap<ConnectorRef, (Timestamp, &str)> = BTreeMap::new();
    for trigger in triggers {
        let refused = trigger.refused.as_ref().filter(|refused| refused.is_unusable);
        let Some(connector) = refused.and_then(|refused| refused.connector.clone()) else { continue };
        let known = latest.entry(connector).or_insert((trigger.at, &trigger.resource));
        if known.0 < trigger.at {
            *known = (trigger.at, &trigger.resource);
        }
    }
    let asked = latest.into_iter().take(MAX_CONNECTORS);
    let found =
        join_all(asked.map(|(connector, deploy)| refused_deploy(client, projects, observed, connector, deploy))).await;
    found.into_iter().flatten().collect()
}

/// `None` = the connector is not READY, or nothing can be said of it.
async fn refused_deploy(
    client: &Client,
    projects: &Projects,
    observed: &Observed,
    mut connector: ConnectorRef,
    (at, workload): (Timestamp, &str),
) -> Option<RefusedDeploy> {
    if connector.project.is_number() {
        let asked = BTreeSet::from([connector.project.clone()]);
        connector.project = projects.ids(client, asked).await.remove(&connector.project)?.ok()?;
    }
    let own = observed.target.has(&connector);
    let state = match own {
        true => listed(observed, &connector)??.state,
        false => get_connector(client, connector.clone()).await.1.ok()??.state,
    };
    if state != ConnectorState::Ready {
        return None;
    }
    let number = number(client, &observed.target).await;
    let operations = match observed.operations.clone().filter(|_| own) {
        Some(known) => known,
        None => connector_operations(client, &Target::from(&connector)).await,
    };
    Some(RefusedDeploy { workload: workload.to_owned(), connector, at, state, operations, number })
}

/// The number of a project, as the name of its default service account has it.
async fn number(client: &Client, target: &Target) -> Read<String> {
    let project = read(client.get_project::<Project>(target.project.as_str()).await)?;
    let number = project.default_service_account.split('-').next().unwrap_or_default();
    match !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(number.to_owned()),
        false => Err(ReadFailure {
            call: "compute.projects.get".to_owned(),
            kind: FailureKind::Absent,
            message: "the project has no default service account".to_owned(),
            consumer: None,
        }),
    }
}
