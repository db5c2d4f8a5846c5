//! What decides over connections to Cloud SQL: read for a person who asks, never in a run.

use std::collections::BTreeSet;

use futures_util::future::{OptionFuture, join_all};
use tokio::join;

use super::{
    observe::get_network,
    reads::{absent_is_none, read},
};
use crate::{
    domain::{
        doctor::{
            cloud_sql::{API, CloudSql, Connection},
            facts::{Apis, IamPolicy, Project, SqlInstance},
        },
        names::{NetworkRef, ProjectId},
        state::workload::Workload,
    },
    google::client::Client,
};

/// Nothing is read where no workload has a connection.
pub async fn cloud_sql<'a>(
    client: &Client,
    project: &ProjectId,
    workloads: impl Iterator<Item = &'a Workload>,
) -> CloudSql {
    let (mut connections, mut has_default) = (BTreeSet::new(), false);
    for workload in workloads.filter(|workload| !workload.sql.is_empty()) {
        connections.extend(workload.sql.iter().filter_map(|name| Connection::parse(name)));
        has_default |= workload.account.is_empty();
    }
    if connections.is_empty() {
        return CloudSql::default();
    }
    let projects: BTreeSet<ProjectId> = connections.iter().map(|connection| connection.project.clone()).collect();
    let instance = async |connection: Connection| {
        let found = client.get_sql_instance::<SqlInstance>(connection.project.as_str(), &connection.instance).await;
        (connection, absent_is_none(found))
    };
    let policy = async |project: ProjectId| {
        let found = client.get_project_iam_policy::<IamPolicy>(project.as_str()).await;
        (project, read(found))
    };
    let (apis, own, instances, policies) = join!(
        client.get_apis::<Apis>(project.as_str(), &[API]),
        OptionFuture::from(has_default.then(|| client.get_resource_project::<Project>(project.as_str()))),
        join_all(connections.into_iter().map(instance)),
        join_all(projects.into_iter().map(policy)),
    );
    let networks = instances.iter().filter_map(|(_, found)| found.as_ref().ok()?.as_ref()?.private_network());
    let network = async |network: NetworkRef| {
        let found = get_network(client, &network).await;
        (network, found)
    };
    let networks = join_all(networks.collect::<BTreeSet<_>>().into_iter().map(network)).await;
    CloudSql {
        apis: Some(read(apis)),
        project: own.map(read),
        instances: instances.into_iter().collect(),
        policies: policies.into_iter().collect(),
        networks: networks.into_iter().collect(),
    }
}
