//! What a sweep or a wide event reads of each project once, for every target that stands on it.
//!
//! A target's look is cut from these lists. Where a list does not answer for a region, the region is asked; what such a look
//! would write rests on a look of the target's own (`runner`).

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::OptionFuture;
use jiff::Timestamp;
use tokio::{join, sync::OnceCell, time::Instant};

use super::{clock::Clock, lists, reads::read};
use crate::{
    domain::{
        names::{NetworkRef, ProjectId, Region},
        state::{
            connector::Connector,
            effective::EffectiveFirewalls,
            firewall::Firewall,
            knative::{KnativeJob, KnativeService},
            observed::Observed,
            read::{FailureKind, Read, ReadFailure},
            route::Route,
            router::Router,
            subnet::Subnet,
            workload::Workload,
        },
        target::Target,
    },
    google::{by_region::ByRegion, client::Client, error::CallError},
};

/// For so long a form of a list that Google refused is not tried again.
const REFUSED_FOR: Duration = Duration::from_secs(3600);

/// What snapshots of one process share.
#[derive(Default)]
pub struct Snapshots {
    /// Forms of lists that Google refused for a project, by their name, and when.
    refused: Mutex<HashMap<(&'static str, ProjectId), Instant>>,
}

impl Snapshots {
    fn is_refused(&self, form: &'static str, project: &ProjectId) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&(form, project.clone())).is_some_and(|at| at.elapsed() < REFUSED_FOR)
    }

    fn note_refused(&self, form: &'static str, project: &ProjectId) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert((form, project.clone()), Instant::now());
    }
}

/// One sweep's lists, or one wide event's. Nothing is read before it is asked for.
pub struct Snapshot {
    client: Client,
    now: Clock,
    /// Nothing was read before.
    begun: Timestamp,
    memory: Arc<Snapshots>,
    /// Of projects whose networks others use.
    hosts: Cells<ProjectId, NetworkLists>,
    /// Of those networks, and when each was read.
    effective: Cells<(NetworkRef, Region), (Timestamp, Read<EffectiveFirewalls>)>,
}

/// The lists of one project. They last as long as one of its targets needs them, so that memory does not grow with the scope.
pub struct ProjectLists {
    snapshot: Arc<Snapshot>,
    project: ProjectId,
    own: OnceCell<OwnLists>,
    network: OnceCell<NetworkLists>,
}

/// What stands in the project itself.
struct OwnLists {
    at: Timestamp,
    jobs: Listed<Workload>,
    services: Listed<Workload>,
    connectors: Listed<Connector>,
}

/// What stands in the project of a network.
struct NetworkLists {
    at: Timestamp,
    subnets: Listed<Subnet>,
    routers: Listed<Router>,
    firewalls: Read<Vec<Firewall>>,
    routes: Read<Vec<Route>>,
}

/// `None` = Google does not list it so.
type Listed<T> = Option<Read<ByRegion<T>>>;

/// Values that are made once, by whoever asks first.
struct Cells<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K: Eq + Hash + Clone, V> Cells<K, V> {
    fn cell(&self, key: &K) -> Arc<OnceCell<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone()
    }
}

impl<K, V> Default for Cells<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl Snapshot {
    pub fn new(client: Client, now: Clock, memory: Arc<Snapshots>) -> Arc<Self> {
        Arc::new(Self { begun: now(), client, now, memory, hosts: Cells::default(), effective: Cells::default() })
    }

    pub fn of(self: &Arc<Self>, project: ProjectId) -> Arc<ProjectLists> {
        Arc::new(ProjectLists { snapshot: self.clone(), project, own: OnceCell::new(), network: OnceCell::new() })
    }

    async fn network_lists(&self, project: &ProjectId) -> NetworkLists {
        let (client, at, name) = (&self.client, (self.now)(), project.as_str());
        let (subnets, routers, firewalls, routes) = join!(
            self.listed("subnetworks", project, client.list_subnetworks_by_region(name)),
            self.listed("routers", project, client.list_routers_by_region(name)),
            client.list_firewalls(name),
            client.list_routes(name),
        );
        NetworkLists { at, subnets, routers, firewalls: read(firewalls), routes: read(routes) }
    }

    async fn own_lists(&self, project: &ProjectId) -> OwnLists {
        let (client, at) = (&self.client, (self.now)());
        let name = project.as_str();
        let (jobs, services, connectors) = join!(
            self.listed("jobs", project, async {
                client.list_all_jobs::<KnativeJob>(name).await?.try_map(|_, job| job.workload())
            }),
            self.listed("services", project, async {
                let found = client.list_all_services::<KnativeService>(name).await?;
                found.try_map(|region, service| {
                    let region = Region::parse(region).map_err(|error| error.to_string())?;
                    service.workload(&Target { project: project.clone(), region })
                })
            }),
            self.listed("connectors", project, client.list_connectors_by_region(name)),
        );
        OwnLists { at, jobs, services, connectors }
    }

    /// Asks for a list of every region, unless Google refused that form of it to the project lately.
    async fn listed<T>(
        &self,
        form: &'static str,
        project: &ProjectId,
        answer: impl Future<Output = Result<ByRegion<T>, CallError>>,
    ) -> Listed<T> {
        if self.memory.is_refused(form, project) {
            return None;
        }
        let found = answer.await;
        let is_refusal = matches!(&found, Err(CallError::Refused { .. }));
        let found = read(found);
        match &found {
            Err(failure)
                if is_refusal && !matches!(failure.kind, FailureKind::ApiDisabled | FailureKind::Transient) =>
            {
                let ReadFailure { message, .. } = failure;
                tracing::info!(form, %project, message, "a list of every region is refused: for an hour each is asked");
                self.memory.note_refused(form, project);
                None
            }
            _ => Some(found),
        }
    }
}

impl ProjectLists {
    /// Nothing was read before.
    pub fn begun(&self) -> Timestamp {
        self.snapshot.begun
    }

    /// Reads the lists, unless they were: what waits for Google here takes no place of a run.
    pub async fn load(&self, network: &NetworkRef) {
        let of_host = self.host_cell(&network.project);
        join!(self.own_lists(), self.network_lists(of_host.as_deref(), &network.project));
    }

    async fn own_lists(&self) -> &OwnLists {
        // In a box, as those below: all who wait for it hold one of these.
        self.own.get_or_init(|| Box::pin(self.snapshot.own_lists(&self.project))).await
    }

    fn host_cell(&self, host: &ProjectId) -> Option<Arc<OnceCell<NetworkLists>>> {
        (*host != self.project).then(|| self.snapshot.hosts.cell(host))
    }

    async fn network_lists<'a>(
        &'a self,
        of_host: Option<&'a OnceCell<NetworkLists>>,
        host: &ProjectId,
    ) -> &'a NetworkLists {
        of_host.unwrap_or(&self.network).get_or_init(|| Box::pin(self.snapshot.network_lists(host))).await
    }

    /// Round one of a look at a target of the project, cut from the lists; `client` is asked for what they do not show. Where
    /// nothing stands at the target, what no such list shows is left out, unless `asks_all`; firewall policies, which then decide
    /// over nothing, in any case.
    pub async fn round_one(&self, client: &Client, target: &Target, network: NetworkRef, asks_all: bool) -> Observed {
        let (project, region) = (self.project.as_str(), target.region.as_str());
        let of_host = self.host_cell(&network.project);
        let (own, shared) = join!(self.own_lists(), self.network_lists(of_host.as_deref(), &network.project));
        let host = network.project.as_str();
        let (jobs, services, connectors, subnets, routers, firewalls, routes) = join!(
            cut(&own.jobs, region, || lists::jobs(client, target)),
            cut(&own.services, region, || lists::services(client, target)),
            cut(&own.connectors, region, async || read(client.list_connectors(project, region).await)),
            cut(&shared.subnets, region, async || read(client.list_subnetworks(host, region).await)),
            cut(&shared.routers, region, async || read(client.list_routers(host, region).await)),
            whole(&shared.firewalls, async || read(client.list_firewalls(host).await)),
            whole(&shared.routes, async || read(client.list_routes(host).await)),
        );
        let at = own.at.min(shared.at);
        let mut observed = Observed {
            is_shared: true,
            jobs,
            services,
            connectors,
            subnets,
            routers,
            firewalls,
            routes,
            ..Observed::unread(target.clone(), network.clone(), at)
        };
        let is_empty = is_empty(&observed);
        // Their list of every region cannot say that it lacks one.
        let asks_connectors = is_empty && asks_all && matches!(own.connectors, Some(Ok(_)));
        let asks = asks_all || !is_empty;
        let effective = || self.effective(client, network.clone(), &target.region);
        let (connectors, worker_pools, instances, policies) = join!(
            OptionFuture::from(asks_connectors.then(|| client.list_connectors(project, region))),
            OptionFuture::from(asks.then(|| lists::worker_pools(client, target))),
            OptionFuture::from(asks.then(|| lists::instances(client, target))),
            OptionFuture::from((!is_empty).then(effective)),
        );
        observed.connectors = connectors.map_or(observed.connectors, read);
        observed.worker_pools = worker_pools.unwrap_or(observed.worker_pools);
        observed.instances = instances.unwrap_or(observed.instances);
        let policies = match policies {
            None if asks && !shows_nothing(&observed) => Some(effective().await),
            policies => policies,
        };
        if let Some((at, policies)) = policies {
            (observed.at, observed.effective) = (at.min(observed.at), policies);
        }
        observed
    }

    /// The firewall policies over a network, and when they were read: those of a host are read once for all its projects.
    async fn effective(
        &self,
        client: &Client,
        network: NetworkRef,
        region: &Region,
    ) -> (Timestamp, Read<EffectiveFirewalls>) {
        let snapshot = &self.snapshot;
        let ask = async || ((snapshot.now)(), lists::effective(client, &network, region).await);
        if network.project == self.project {
            return ask().await;
        }
        let cell = snapshot.effective.cell(&(network.clone(), region.clone()));
        let of_all = async || ((snapshot.now)(), lists::effective(&snapshot.client, &network, region).await);
        let (at, found) = cell.get_or_init(|| Box::pin(of_all())).await;
        match found {
            Err(failure) if !is_final(failure) => ask().await,
            found => (*at, found.clone()),
        }
    }
}

/// Whether the project-wide lists show nothing that uses or makes up a path here. Where Serverless VPC Access is not enabled
/// there is no connector.
fn is_empty(observed: &Observed) -> bool {
    let disabled = matches!(&observed.connectors, Err(failure) if failure.kind == FailureKind::ApiDisabled);
    has_none(&observed.jobs) && has_none(&observed.services) && (disabled || has_none(&observed.connectors))
}

/// The same, with what only the region itself lists.
fn shows_nothing(observed: &Observed) -> bool {
    is_empty(observed) && has_none(&observed.worker_pools) && has_none(&observed.instances)
}

fn has_none<T>(read: &Read<Vec<T>>) -> bool {
    read.as_ref().is_ok_and(Vec::is_empty)
}

/// What a list of every region says of one; else what the region says.
async fn cut<T: Clone>(list: &Listed<T>, region: &str, ask: impl AsyncFnOnce() -> Read<Vec<T>>) -> Read<Vec<T>> {
    match list {
        Some(Ok(list)) => match list.of(region) {
            Ok(found) => Ok(found.to_vec()),
            Err(_) => ask().await,
        },
        Some(Err(failure)) if failure.kind == FailureKind::ApiDisabled => Err(failure.clone()),
        Some(Err(_)) | None => ask().await,
    }
}

/// What was read for all; else a read of one's own.
async fn whole<T: Clone>(read: &Read<T>, ask: impl AsyncFnOnce() -> Read<T>) -> Read<T> {
    match read {
        Err(failure) if !is_final(failure) => ask().await,
        read => read.clone(),
    }
}

/// Asking again would not be answered otherwise.
fn is_final(failure: &ReadFailure) -> bool {
    matches!(failure.kind, FailureKind::ApiDisabled | FailureKind::Denied { .. })
}
