//! `init`: a policy to start from, for what a project already has.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures_util::{StreamExt, stream};
use ipnet::Ipv4Net;

use super::{
    args::CloudArgs,
    exit::{Exit, Failure},
    print,
    session::Session,
};
use crate::{
    domain::{
        address_space::AllocatedRanges,
        firewall::reach::{COMMON_TAG, Match, Sender},
        names::{ConnectorRef, NetworkRef, ProjectId, Region, last_segment},
        policy::{self, Policy},
        state::{
            observed::{AddressSpace, Observed},
            subnet::Subnet,
        },
        text::policy_init::{self, Found},
    },
    reconcile::expand::MAX_CONCURRENT_RUNS,
};

/// Look at a project, and print a policy to start from: it reads and reports, and writes nothing
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0, or 1 if something could not be read; the policy is printed all the same.")]
pub struct Init {
    /// The project to look at
    #[arg(long, env = "EGRESS_PROJECT", value_name = "PROJECT", value_parser = ProjectId::parse)]
    project: ProjectId,
    /// Only this region
    #[arg(long, env = "EGRESS_REGION", value_name = "REGION", value_parser = Region::parse)]
    region: Option<Region>,
    #[command(flatten)]
    cloud: CloudArgs,
}

impl Init {
    pub async fn run(self) -> Result<Exit, Failure> {
        // Which network matters the first look shows: until then any name does.
        let any = format!("projects/{}/global/networks/default", self.project);
        let first = self.look(&any, &[]).await?;
        let mut subnets = subnets_of(&first);
        for host in hosts(&first, &self.project) {
            let of_host = self.look(&format!("projects/{host}/global/networks/default"), &used(&first)).await?;
            subnets.extend(subnets_of(&of_host));
        }
        let networks = networks(&first, &subnets, &self.project);
        let looks = match networks.first() {
            Some(network) => self.look(&network.to_string(), &used(&first)).await?,
            None => first,
        };
        let found = self.found(&looks, networks);
        print::out(&policy_init::policy(&found))?;
        let failures = looks.iter().flat_map(Observed::failures);
        // Where there is no network, reads of the one that was guessed fail.
        let is_read = found.networks.is_empty() || !print::unread(failures);
        Ok(if is_read { Exit::Done } else { Exit::Error })
    }

    /// Looks at the project with a network in mind; no regions = all.
    async fn look(&self, network: &str, regions: &[Region]) -> Result<Vec<Observed>, Failure> {
        let regions: Vec<&Region> =
            self.region.iter().chain(regions.iter().filter(|_| self.region.is_none())).collect();
        let session = Session::with(to_look_with(&self.project, network)?, &self.cloud)?;
        let mut targets = session.targets(std::slice::from_ref(&self.project), self.region.as_ref()).await?;
        targets.retain(|target| regions.is_empty() || regions.contains(&&target.region));
        let looks = stream::iter(&targets).map(|target| session.app.engine.inspect(target));
        Ok(looks.map(|look| async { look.await.observed }).buffered(MAX_CONCURRENT_RUNS).collect().await)
    }

    fn found(&self, looks: &[Observed], networks: Vec<NetworkRef>) -> Found {
        let connectors: Vec<ConnectorRef> = looks.iter().flat_map(connectors).collect();
        let network = networks.first();
        let of_network = |link: &str| network.is_some_and(|network| is_same(link, network));
        let tags: Vec<String> = connectors.iter().map(ConnectorRef::tag).chain([COMMON_TAG.to_owned()]).collect();
        let rules = looks.iter().flat_map(|look| look.firewalls.iter().flatten());
        let denies: BTreeSet<String> = rules
            .filter(|rule| rule.is_deny() && of_network(&rule.network))
            .filter(|rule| tags.iter().any(|tag| Sender::connector(tag, None).hit(rule) != Match::None))
            .map(|rule| rule.name.clone())
            .collect();
        let all = looks.iter().flat_map(|look| look.routes.iter().flatten()).filter(|route| of_network(&route.network));
        let elsewhere =
            all.filter(|route| route.dest_range == "0.0.0.0/0" && !route.to_internet() && route.is_active());
        let routes: BTreeSet<(String, String)> =
            elsewhere.map(|route| (route.name.clone(), route.next_hop())).collect();
        Found {
            project: self.project.clone(),
            regions: used(looks),
            pool: network.and_then(|network| free(looks, network)),
            networks,
            connectors,
            denies: denies.into_iter().collect(),
            routes: routes.into_iter().collect(),
        }
    }
}

fn to_look_with(project: &ProjectId, network: &str) -> Result<Policy, Failure> {
    let text = format!(
        "{{version: 1, owner: init, mode: report, scope: {{projects: ['{project}']}}, network: {{name: '{network}'}}, connector: {{ensure: never}}}}"
    );
    Ok(policy::read(&text)?)
}

fn connectors(look: &Observed) -> Vec<ConnectorRef> {
    let all = look.connectors.iter().flatten();
    all.filter_map(|connector| ConnectorRef::try_from(connector.name.clone()).ok()).collect()
}

fn subnets_of(looks: &[Observed]) -> Vec<Subnet> {
    looks.iter().flat_map(|look| look.subnets.iter().flatten().cloned()).collect()
}

/// Regions with connectors or workloads.
fn used(looks: &[Observed]) -> Vec<Region> {
    let used = looks.iter().filter(|look| !connectors(look).is_empty() || look.workloads().next().is_some());
    used.map(|look| look.target.region.clone()).collect()
}

/// Subnets and networks that connectors and workloads name: the project, the subnet, and the network where it is told.
fn named(look: &Observed) -> Vec<(ProjectId, Option<String>, Option<String>)> {
    let own = &look.target.project;
    let text = |text: &str| (!text.is_empty()).then(|| last_segment(text).to_owned());
    let of_connectors = look.connectors.iter().flatten().map(|connector| {
        let subnet = connector.subnet.as_ref();
        let host = subnet.and_then(|subnet| ProjectId::parse(&subnet.project_id).ok());
        (host.unwrap_or_else(|| own.clone()), subnet.map(|subnet| subnet.name.clone()), text(&connector.network))
    });
    let direct = look.workloads().flat_map(|workload| &workload.direct).map(|interface| {
        let links = [&interface.subnetwork, &interface.network];
        let host =
            links.iter().find_map(|link| ProjectId::parse(link.split("projects/").nth(1)?.split('/').next()?).ok());
        (host.unwrap_or_else(|| own.clone()), text(&interface.subnetwork), text(&interface.network))
    });
    of_connectors.chain(direct).collect()
}

/// Projects other than its own whose subnets are used here.
fn hosts(looks: &[Observed], project: &ProjectId) -> BTreeSet<ProjectId> {
    looks.iter().flat_map(named).map(|(host, ..)| host).filter(|host| host != project).collect()
}

/// The networks of connectors and workloads, then those of the project: the most used first.
fn networks(looks: &[Observed], subnets: &[Subnet], project: &ProjectId) -> Vec<NetworkRef> {
    const USE: usize = 1000;
    let mut counted: BTreeMap<NetworkRef, usize> = BTreeMap::new();
    let mut count = |link: &str, of: &ProjectId, weight: usize| {
        if let Ok(network) = NetworkRef::parse(link, of) {
            *counted.entry(network).or_default() += weight;
        }
    };
    for (host, subnet, network) in looks.iter().flat_map(named) {
        let is_it =
            |own: &&Subnet| Some(&own.name) == subnet.as_ref() && own.network.contains(&format!("projects/{host}/"));
        match (network, subnets.iter().find(is_it)) {
            (Some(network), _) => count(&network, &host, USE),
            (None, Some(subnet)) => count(&subnet.network, &host, USE),
            (None, None) => {}
        }
    }
    let own_subnets: BTreeSet<&str> =
        looks.iter().flat_map(|look| look.subnets.iter().flatten()).map(|subnet| subnet.network.as_str()).collect();
    let own_routes: BTreeSet<&str> =
        looks.iter().flat_map(|look| look.routes.iter().flatten()).map(|route| route.network.as_str()).collect();
    own_subnets.into_iter().for_each(|link| count(link, project, 2));
    own_routes.into_iter().for_each(|link| count(link, project, 1));
    let mut networks: Vec<(NetworkRef, usize)> = counted.into_iter().collect();
    networks.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    networks.into_iter().map(|(network, _)| network).collect()
}

fn is_same(link: &str, network: &NetworkRef) -> bool {
    NetworkRef::parse(link, &network.project).is_ok_and(|own| own == *network)
}

/// The first /24 of 10.0.0.0/8, from 10.8.0.0 on, of which nothing is taken.
fn free(looks: &[Observed], network: &NetworkRef) -> Option<Ipv4Net> {
    let routes: Vec<_> = looks.first()?.routes.iter().flatten().cloned().collect();
    let connectors = looks.iter().flat_map(|look| look.connectors.iter().flatten().cloned()).collect();
    let space = AddressSpace { connectors, ..AddressSpace::default() };
    let is_auto = looks.iter().any(|look| matches!(&look.network, Some(Ok(Some(own))) if own.auto_create_subnetworks));
    let taken = AllocatedRanges::new(&network.to_string(), &subnets_of(looks), &space, &routes, is_auto);
    let all: Ipv4Net = "10.0.0.0/8".parse().ok()?;
    let from: Ipv4Net = "10.8.0.0/24".parse().ok()?;
    let mut ranges = all.subnets(24).ok()?.filter(|range| range.network() >= from.network());
    ranges.find(|range| taken.free(&[*range]).count() == 16)
}
