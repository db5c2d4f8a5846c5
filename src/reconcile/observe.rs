//! One look at a target: ten reads at the same time, and what a pure question asks for beyond them.

use futures_util::future::{OptionFuture, join_all};
use jiff::Timestamp;
use tokio::join;

use super::{
    lists,
    operations::connector_operations,
    projects::Projects,
    reads::{absent_is_none, read},
    routes,
    snapshot::ProjectLists,
    users,
};
use crate::{
    domain::{
        audit::wanted::WantedConnector,
        demand::{self, PRUNED_AFTER},
        names::{ConnectorRef, NetworkRef, Region, relative},
        planner::{needs::needs, openness::Surroundings},
        policy::Policy,
        state::{
            address::Address,
            connector::Connector,
            network::Network,
            observed::{AddressSpace, Needs, Observed},
            read::{FailureKind, Read},
            requirement::Required,
            traffic::TrafficSeries,
            utilization::SubnetUtilization,
        },
        target::Target,
    },
    google::client::Client,
};

/// What a look is about.
pub struct Subject<'a> {
    pub policy: &'a Policy,
    pub target: &'a Target,
    pub wanted: &'a [WantedConnector],
    /// What workloads of other projects ask of connectors here.
    pub users: Vec<Required>,
    pub now: Timestamp,
    /// Lists of the whole project, read before; `None` = the target's own are read.
    pub lists: Option<&'a ProjectLists>,
    /// What no list of the whole project shows is asked for even where these show nothing.
    pub asks_all: bool,
}

/// Looks at everything that a plan needs.
pub async fn observe(client: &Client, projects: &Projects, subject: Subject<'_>) -> Observed {
    let Subject { policy, target, wanted, users, now, lists, asks_all } = subject;
    let network = policy.network_of(target);
    let mut observed = match lists {
        Some(lists) => lists.round_one(client, target, network, asks_all).await,
        None => round_one(client, target, network, now).await,
    };
    observed.users = users;
    observed.revisions = users::revisions(client, &observed).await;
    observed.projects = projects.ids(client, demand::numbers(&observed, wanted)).await;
    let further = demand::further_users(policy, &observed, wanted, now);
    let jobs = observed.jobs.as_deref().unwrap_or_default();
    let (executions, others) = join!(
        OptionFuture::from(further.executions.then(|| users::executions(client, target, jobs))),
        OptionFuture::from(further.others.then(|| users::others(client, projects, target, further.anew))),
    );
    observed.executions = executions;
    observed.others = others;
    let named = observed.refused_consumers().chain(demand::numbers(&observed, wanted));
    let unknown = named.filter(|number| !observed.projects.contains_key(number)).collect();
    observed.projects.extend(projects.ids(client, unknown).await);
    users::note_disabled(projects, &observed);
    let needs = needs(policy, &observed, wanted, now);
    if !needs.is_empty() {
        round_two(client, projects, &mut observed, needs).await;
    }
    observed
}

/// **Contract**: these ten, always, all at once.
pub async fn round_one(client: &Client, target: &Target, network: NetworkRef, at: Timestamp) -> Observed {
    let (project, region) = (target.project.as_str(), target.region.as_str());
    let host = network.project.as_str();
    let (jobs, services, worker_pools, instances, connectors, subnets, routers, firewalls, effective, routes) = join!(
        lists::jobs(client, target),
        lists::services(client, target),
        lists::worker_pools(client, target),
        lists::instances(client, target),
        client.list_connectors(project, region),
        client.list_subnetworks(host, region),
        client.list_routers(host, region),
        client.list_firewalls(host),
        lists::effective(client, &network, &target.region),
        client.list_routes(host),
    );
    Observed {
        jobs,
        services,
        worker_pools,
        instances,
        connectors: read(connectors),
        subnets: read(subnets),
        routers: read(routers),
        firewalls: read(firewalls),
        effective,
        routes: read(routes),
        ..Observed::unread(target.clone(), network, at)
    }
}

async fn round_two(client: &Client, projects: &Projects, observed: &mut Observed, needs: Needs) {
    let network = observed.network_name.clone();
    let target = observed.target.clone();
    let region = target.region.clone();
    let (found, mut space, operations, traffic, elsewhere, policy_routes, addresses, router_status, utilization) = join!(
        OptionFuture::from(needs.network.then(|| get_network(client, &network))),
        OptionFuture::from(needs.address_space.then(|| address_space(client, &network))),
        OptionFuture::from(needs.operations.then(|| connector_operations(client, &target))),
        OptionFuture::from(needs.traffic.then(|| traffic(client, &target, observed.at))),
        join_all(needs.elsewhere.into_iter().map(|connector| get_connector(client, connector))),
        OptionFuture::from(needs.policy_routes.then(|| routes::policy_routes(client, projects, &network))),
        OptionFuture::from(needs.addresses.then(|| addresses(client, &network, &region))),
        routes::router_status(client, &network, &region, needs.router_status),
        join_all(needs.utilization.into_iter().map(|subnet| utilization(client, &network, &region, subnet))),
    );
    if let (Some(Ok(space)), Some(Ok(Some(found)))) = (&mut space, &found) {
        routes::dynamic(client, &network, std::slice::from_ref(&region), &found.peerings, space).await;
    }
    observed.network = found;
    observed.address_space = space;
    observed.operations = operations;
    observed.traffic = traffic;
    observed.elsewhere = elsewhere.into_iter().collect();
    observed.policy_routes = policy_routes;
    observed.addresses = addresses;
    observed.router_status = router_status;
    observed.utilization = utilization.into_iter().collect();
}

/// For a person who asks why: also what no plan here needs to know.
pub(super) async fn look_closer(client: &Client, projects: &Projects, observed: &mut Observed) {
    let network = observed.network_name.clone();
    let region = observed.target.region.clone();
    let here = network.to_string();
    let gateways = observed.routers.iter().flatten();
    let gateways = gateways.filter(|router| relative(&router.network) == here && !router.nats.is_empty());
    let names = gateways.map(|router| router.name.clone());
    let unknown = names.filter(|name| !observed.router_status.contains_key(name)).collect();
    let policy_routes = observed.policy_routes.is_none().then(|| routes::policy_routes(client, projects, &network));
    let (policy_routes, status) =
        join!(OptionFuture::from(policy_routes), routes::router_status(client, &network, &region, unknown));
    observed.policy_routes = observed.policy_routes.take().or(policy_routes);
    observed.router_status.extend(status);
}

/// What the connectors of a project sent in the last seven days.
async fn traffic(client: &Client, target: &Target, now: Timestamp) -> Read<Vec<TrafficSeries>> {
    const SENT: &str = "vpcaccess.googleapis.com/connector/sent_bytes_count";
    let start = now - PRUNED_AFTER;
    let seconds = PRUNED_AFTER.as_secs().unsigned_abs();
    let between = (start.to_string(), now.to_string());
    read(client.list_sums(target.project.as_str(), SENT, (&between.0, &between.1), seconds).await)
}

async fn utilization(
    client: &Client,
    network: &NetworkRef,
    region: &Region,
    subnet: String,
) -> (String, Read<SubnetUtilization>) {
    let found = read(client.get_subnetwork_utilization(network.project.as_str(), region.as_str(), &subnet).await);
    (subnet, found)
}

async fn addresses(client: &Client, network: &NetworkRef, region: &Region) -> Read<Vec<Address>> {
    read(client.list_addresses(network.project.as_str(), region.as_str()).await)
}

/// What decides over the connectors of a region in one network.
pub async fn surroundings(client: &Client, network_name: &NetworkRef, target: &Target) -> Surroundings {
    let (host, region) = (network_name.project.as_str(), target.region.as_str());
    let (network, connectors, subnets, firewalls, policies) = join!(
        get_network(client, network_name),
        client.list_connectors(target.project.as_str(), region),
        client.list_subnetworks(host, region),
        client.list_firewalls(host),
        lists::effective(client, network_name, &target.region),
    );
    Surroundings {
        network_name: network_name.clone(),
        network,
        connectors: read(connectors),
        subnets: read(subnets),
        firewalls: read(firewalls),
        effective: policies,
    }
}

pub async fn get_network(client: &Client, network: &NetworkRef) -> Read<Option<Network>> {
    absent_is_none(client.get_network(network.project.as_str(), network.name.as_str()).await)
}

/// Connectors with a hidden subnet can only stand in their own project's network, so those of the network's project count;
/// where the API is off there are none.
pub async fn address_space(client: &Client, network: &NetworkRef) -> Read<AddressSpace> {
    let host = network.project.as_str();
    let (subnets, connectors, addresses) = join!(
        client.list_all_subnetworks(host),
        client.list_all_connectors::<Connector>(host),
        client.list_global_addresses::<Address>(host),
    );
    let connectors = match read(connectors) {
        Err(failure) if failure.kind == FailureKind::ApiDisabled => Vec::new(),
        connectors => connectors?,
    };
    Ok(AddressSpace { subnets: read(subnets)?, connectors, addresses: read(addresses)?, ..AddressSpace::default() })
}

pub async fn get_connector(client: &Client, connector: ConnectorRef) -> (ConnectorRef, Read<Option<Connector>>) {
    let (project, region, name) = (connector.project.as_str(), connector.region.as_str(), connector.name.as_str());
    let found = absent_is_none(client.get_connector(project, region, name).await);
    (connector, found)
}
