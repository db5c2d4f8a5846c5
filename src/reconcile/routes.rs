//! Reads of round two about routing: asked only where a range is to be cut, or a gateway is to be written or explained.

use std::collections::BTreeMap;

use futures_util::future::{join, join_all};

use super::{projects::Projects, reads::read};
use crate::{
    domain::{
        names::{NetworkRef, ProjectId, Region, last_segment, relative},
        state::{
            network::Peering,
            observed::{AddressSpace, Imported, Learnt},
            policy_route::PolicyRoute,
            read::{FailureKind, Read},
            router::Router,
            router_status::{RouterStatus, StatusAnswer},
        },
    },
    google::client::Client,
};

/// Where the API is off in the network's own project, nobody has made any by it; off elsewhere, as in the project that a
/// person's calls are counted in, it says nothing.
pub(super) async fn policy_routes(
    client: &Client,
    projects: &Projects,
    network: &NetworkRef,
) -> Read<Vec<PolicyRoute>> {
    let failure = match read(client.list_policy_routes(network.project.as_str()).await) {
        Err(failure) if failure.kind == FailureKind::ApiDisabled => failure,
        routes => return routes,
    };
    let consumer = failure.consumer.as_deref().map(last_segment).and_then(|name| ProjectId::parse(name).ok());
    let id = match consumer {
        Some(number) if number.is_number() => {
            let ids = projects.ids(client, [number].into()).await;
            ids.into_values().next().and_then(Result::ok)
        }
        id => id,
    };
    if id.as_ref() == Some(&network.project) { Ok(Vec::new()) } else { Err(failure) }
}

/// What these routers are doing, by their names.
pub(super) async fn router_status(
    client: &Client,
    network: &NetworkRef,
    region: &Region,
    routers: Vec<String>,
) -> BTreeMap<String, Read<RouterStatus>> {
    let status = async |router: String| {
        let status = status(client, network, region.as_str(), &router).await;
        (router, status)
    };
    join_all(routers.into_iter().map(status)).await.into_iter().collect()
}

async fn status(client: &Client, network: &NetworkRef, region: &str, router: &str) -> Read<RouterStatus> {
    let answer = client.get_router_status::<StatusAnswer>(network.project.as_str(), region, router).await;
    read(answer).map(|answer| answer.result)
}

/// What routers have learnt and peers exchange: no list of routes shows it, though subnets can be in its way.
pub async fn dynamic(
    client: &Client,
    network: &NetworkRef,
    regions: &[Region],
    peerings: &[Peering],
    space: &mut AddressSpace,
) {
    let everywhere = peerings.iter().flat_map(|peering| regions.iter().map(move |region| (peering, region)));
    let imports = everywhere.map(|(peering, region)| imported(client, network, region, &peering.name));
    let (learnt, imported) = join(learnt(client, network), join_all(imports)).await;
    for found in learnt {
        match found {
            Ok(found) => space.learnt.push(found),
            Err(failure) => space.unread.push(failure),
        }
    }
    for found in imported {
        match found {
            Ok(found) => space.imported.push(found),
            Err(failure) => space.unread.push(failure),
        }
    }
}

async fn imported(client: &Client, network: &NetworkRef, region: &Region, peering: &str) -> Read<Imported> {
    let (project, name) = (network.project.as_str(), network.name.as_str());
    let routes = read(client.list_peering_routes(project, name, peering, region.as_str()).await)?;
    Ok(Imported { peering: peering.to_owned(), routes })
}

/// In global routing mode a region has the routes of the routers of other regions too. Only a router with peers learns any.
async fn learnt(client: &Client, network: &NetworkRef) -> Vec<Read<Learnt>> {
    let routers: Vec<Router> = match read(client.list_all_routers(network.project.as_str()).await) {
        Ok(routers) => routers,
        Err(failure) => return vec![Err(failure)],
    };
    let here = network.to_string();
    let learning = routers.into_iter().filter(|router| relative(&router.network) == here && router.has_peers());
    let ask = async |router: Router| {
        let routes = status(client, network, last_segment(&router.region), &router.name).await?.best_routes;
        Ok(Learnt { router: router.name, routes })
    };
    join_all(learning.map(ask)).await
}
