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
/// So often a sweep asks every region for what no list of the whole project shows.
const FULL_EVERY: Duration = Duration::from_secs(3600);

/// What snapshots of one process share.
#[derive(Default)]
pub struct Snapshots {
    /// Forms of lists that Google refused, by their name, and when.
    refused: Mutex<HashMap<&'static str, Instant>>,
    /// When a sweep last asked every region of a project for everything.
    full: Mutex<HashMap<ProjectId, Instant>>,
}

impl Snapshots {
    fn is_refused(&self, form: &'static str) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(form).is_some_and(|at| at.elapsed() < REFUSED_FOR)
    }

    fn note_refused(&self, form: &'static str) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(form, Instant::now());
    }

    /// Whether a sweep that begins now has to ask every region of a project for everything.
    pub fn is_full_due(&self, project: &ProjectId) -> bool {
        let now = Instant::now();
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = full.get(project).is_none_or(|at| now.duration_since(*at) >= FULL_EVERY);
        if is_due {
            full.insert(project.clone(), now);
        }
        is_due
    }
}

/// One sweep's lists, or one wide event's. Nothing is read before it is asked for.
pub struct Snapshot {
    client: Client,
    now: Clock,
    memory: Arc<Snapshots>,
    /// Of projects whose networks others use.
    hosts: Cells<ProjectId, NetworkLists>,
    /// Of those networks.
    effective: Cells<(NetworkRef, Region), Read<EffectiveFirewalls>>,
}

/// The lists of one project. They last as long as one of its targets needs them, so that memory does not grow with the scope.
pub struct ProjectLists {
    snapshot: Arc<Snapshot>,
    project: ProjectId,
    /// Regions in which the lists show nothing are asked for everything too.
    is_full: bool,
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
        Arc::new(Self { client, now, memory, hosts: Cells::default(), effective: Cells::default() })
    }

    pub fn of(self: &Arc<Self>, project: ProjectId, is_full: bool) -> Arc<ProjectLists> {
        let (own, network) = (OnceCell::new(), OnceCell::new());
        Arc::new(ProjectLists { snapshot: self.clone(), project, is_full, own, network })
    }

    async fn network_lists(&self, project: &ProjectId) -> NetworkLists {
        let (client, project) = (&self.client, project.as_str());
        let (subnets, routers, firewalls, routes) = join!(
            self.listed("subnetworks", client.list_subnetworks_by_region(project)),
            self.listed("routers", client.list_routers_by_region(project)),
            client.list_firewalls(project),
            client.list_routes(project),
        );
        NetworkLists { subnets, routers, firewalls: read(firewalls), routes: read(routes) }
    }

    async fn own_lists(&self, project: &ProjectId) -> OwnLists {
        let (client, at) = (&self.client, (self.now)());
        let name = project.as_str();
        let (jobs, services, connectors) = join!(
            self.listed("jobs", async {
                client.list_all_jobs::<KnativeJob>(name).await?.try_map(|_, job| job.workload())
            }),
            self.listed("services", async {
                let found = client.list_all_services::<KnativeService>(name).await?;
                found.try_map(|region, service| {
                    let region = Region::parse(region).map_err(|error| error.to_string())?;
                    service.workload(&Target { project: project.clone(), region })
                })
            }),
            self.listed("connectors", client.list_connectors_by_region(name)),
        );
        OwnLists { at, jobs, services, connectors }
    }

    /// Asks for a list of every region, unless Google refused that form of it lately.
    async fn listed<T>(
        &self,
        form: &'static str,
        answer: impl Future<Output = Result<ByRegion<T>, CallError>>,
    ) -> Listed<T> {
        if self.memory.is_refused(form) {
            return None;
        }
        let found = read(answer.await);
        if let Err(failure) = &found
            && matches!(failure.kind, FailureKind::Invalid | FailureKind::Absent | FailureKind::RegionClosed)
        {
            tracing::info!(
                form,
                failure.message,
                "a list of every region is refused: each region is asked for an hour"
            );
            self.memory.note_refused(form);
            return None;
        }
        Some(found)
    }
}

impl ProjectLists {
    /// When the lists were asked for.
    pub fn at(&self) -> Timestamp {
        self.own.get().map_or_else(|| (self.snapshot.now)(), |own| own.at)
    }

    /// Round one of a look at a target of the project, cut from the lists; `client` is asked for what they do not show. Where
    /// nothing stands at the target, worker pools, instances and firewall policies are left out, unless `has_unlisted`.
    pub async fn round_one(
        &self,
        client: &Client,
        target: &Target,
        network: NetworkRef,
        has_unlisted: bool,
    ) -> Observed {
        let (snapshot, region) = (&self.snapshot, target.region.as_str());
        let host = &network.project;
        let of_host = (*host != self.project).then(|| snapshot.hosts.cell(host));
        let cell = of_host.as_deref().unwrap_or(&self.network);
        let (own, shared) = join!(
            self.own.get_or_init(|| snapshot.own_lists(&self.project)),
            cell.get_or_init(|| snapshot.network_lists(host)),
        );
        let host_name = host.as_str();
        let (jobs, services, connectors, subnets, routers, firewalls, routes) = join!(
            cut(&own.jobs, region, || lists::jobs(client, target)),
            cut(&own.services, region, || lists::services(client, target)),
            cut(&own.connectors, region, async || read(client.list_connectors(self.project.as_str(), region).await)),
            cut(&shared.subnets, region, async || read(client.list_subnetworks(host_name, region).await)),
            cut(&shared.routers, region, async || read(client.list_routers(host_name, region).await)),
            whole(&shared.firewalls, async || read(client.list_firewalls(host_name).await)),
            whole(&shared.routes, async || read(client.list_routes(host_name).await)),
        );
        let mut observed = Observed {
            is_shared: true,
            jobs,
            services,
            connectors,
            subnets,
            routers,
            firewalls,
            routes,
            ..Observed::unread(target.clone(), network.clone(), own.at)
        };
        if self.is_full || has_unlisted || !is_empty(&observed) {
            (observed.worker_pools, observed.instances, observed.effective) = join!(
                lists::worker_pools(client, target),
                lists::instances(client, target),
                self.effective(client, network, &target.region),
            );
        }
        observed
    }

    /// The firewall policies over a network: those of a host are read once for all its projects.
    async fn effective(&self, client: &Client, network: NetworkRef, region: &Region) -> Read<EffectiveFirewalls> {
        if network.project == self.project {
            return lists::effective(client, &network, region).await;
        }
        let cell = self.snapshot.effective.cell(&(network.clone(), region.clone()));
        let found = cell.get_or_init(|| lists::effective(&self.snapshot.client, &network, region)).await;
        whole(found, || lists::effective(client, &network, region)).await
    }
}

/// Whether the project-wide lists show nothing that uses or makes up a path here. Where Serverless VPC Access is not enabled
/// there is no connector.
fn is_empty(observed: &Observed) -> bool {
    fn is_empty<T>(read: &Read<Vec<T>>) -> bool {
        read.as_ref().is_ok_and(Vec::is_empty)
    }
    let disabled = matches!(&observed.connectors, Err(failure) if failure.kind == FailureKind::ApiDisabled);
    is_empty(&observed.jobs) && is_empty(&observed.services) && (disabled || is_empty(&observed.connectors))
}

/// What a list of every region says of one; else what the region says.
async fn cut<T: Clone>(list: &Listed<T>, region: &str, ask: impl AsyncFnOnce() -> Read<Vec<T>>) -> Read<Vec<T>> {
    match list {
        Some(Ok(list)) => match list.of(region) {
            Ok(found) => Ok(found.to_vec()),
            Err(_) => ask().await,
        },
        Some(Err(failure)) if is_final(failure) => Err(failure.clone()),
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

/// Asking again, or for less, would not be answered otherwise.
fn is_final(failure: &ReadFailure) -> bool {
    matches!(failure.kind, FailureKind::ApiDisabled | FailureKind::Denied { .. })
}
