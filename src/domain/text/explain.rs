//! The path of a workload in sentences: each follows the name of its hop.

use super::list;
use crate::domain::{
    names::last_segment,
    names::{ConnectorRef, NetworkRef},
    plan::{EgressState, PathEgress, Step, Withheld},
    policy::EnsureNat,
    ports::Layer4,
    state::{
        connector::{Connector, ConnectorState},
        effective::PolicyRule,
        egress::Egress,
        firewall::Firewall,
        read::ReadFailure,
        subnet::Subnet,
        workload::Workload,
    },
};

fn traffic(all: bool) -> &'static str {
    if all { "all its traffic" } else { "traffic to private ranges alone" }
}

pub fn uses(workload: &Workload, connector: &ConnectorRef) -> String {
    let traffic = traffic(workload.egress == Egress::AllTraffic);
    let label = if workload.ignored { "; its label egress-reconciler=ignore freezes the connector" } else { "" };
    format!("sends {traffic} through connector {}{label}", connector.name)
}

pub fn bad_reference(workload: &Workload, name: &str) -> String {
    format!("references {name:?}, which does not resolve to a connector, so this {} has no VPC egress", workload.kind)
}

pub fn without_vpc(workload: &Workload) -> String {
    format!("uses neither a connector nor Direct VPC, so this {} is not connected to a VPC network", workload.kind)
}

/// The newest revision of a workload whose traffic goes to other revisions, some of which could not be read.
pub fn newest(unread: &[&str]) -> String {
    let newest =
        "its newest revision uses neither a connector nor Direct VPC, and other revisions have traffic or a tag";
    match unread {
        [] => newest.to_owned(),
        unread => {
            let names = list(unread.iter().map(|path| last_segment(path)));
            format!("{newest}; the network of {names} is not known, because it could not be read")
        }
    }
}

pub fn no_way_inside() -> String {
    "not reached, that needs a connector or Direct VPC".to_owned()
}

pub fn google_addresses() -> String {
    "open, from Google's shared addresses; NAT and firewall rules do not apply".to_owned()
}

pub fn direct(workload: &Workload, all: bool) -> String {
    let more = match workload.direct.len() {
        0 | 1 => String::new(),
        count => format!(", on {count} interfaces"),
    };
    format!("sends {} through Direct VPC, without a connector{more}", traffic(all))
}

pub fn unread(failure: &ReadFailure) -> String {
    format!("could not be looked at: {} failed. {}", failure.call, failure.message)
}

pub fn not_looked_at() -> String {
    "not of this region, and not looked at".to_owned()
}

pub fn no_connector() -> String {
    "does not exist, so there is no egress this way".to_owned()
}

pub fn connector(connector: &Connector, ours: bool) -> String {
    let size = match (connector.min_instances, connector.max_instances) {
        (Some(min), Some(max)) => format!(", {min} to {max} {}", connector.machine_type),
        _ => String::new(),
    };
    let maker = if ours { "managed by egress-reconciler" } else { "not managed by egress-reconciler" };
    format!("{}{size}, {maker}", connector.state.word())
}

pub fn elsewhere(state: ConnectorState) -> String {
    format!("{}, in another project, where the rest of the path is", state.word())
}

/// How machines without an external address reach Google's APIs from a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoogleAccess {
    On,
    /// The subnet says that it is off; a NAT gateway turns it on.
    ByNat,
    Off,
    /// It is off, and the gateways could not be read.
    Unknown,
}

pub fn subnet(subnet: &Subnet, network: &NetworkRef, apis: GoogleAccess) -> String {
    let google = match apis {
        GoogleAccess::On => "Private Google Access on",
        GoogleAccess::ByNat => "Private Google Access on, by the NAT that covers the subnet",
        GoogleAccess::Off => {
            "Private Google Access off and no NAT over the subnet, so Google's APIs are not reached from it"
        }
        GoogleAccess::Unknown => "Private Google Access off, unless a NAT that could not be read covers the subnet",
    };
    format!("{} of network {}, {google}", subnet.ip_cidr_range, network.name)
}

pub fn hidden_subnet(range: &str) -> String {
    format!("hidden, {range}: the connector was made with --range, and no NAT can list it")
}

pub fn no_subnet() -> String {
    "does not exist".to_owned()
}

pub fn other_network() -> String {
    "not in the network that the policy sets for this region, not checked".to_owned()
}

pub fn no_such_subnet(network: &NetworkRef) -> String {
    format!("network {} has no subnet of this name in the region, so nothing gets out this way", network.name)
}

pub fn of_a_connector(subnet: &str, connector: &ConnectorRef) -> String {
    format!("{subnet}; it belongs to connector {} alone", connector.name)
}

pub fn private_only() -> String {
    "not needed, only traffic to private ranges comes this way".to_owned()
}

/// `addresses` = those that the world sees, where they are known.
pub fn nat(router: &str, addresses: &[String]) -> String {
    let from = if addresses.is_empty() { String::new() } else { format!(" from {}", super::few(addresses)) };
    format!("on router {router} lets the subnet reach the internet{from}")
}

pub fn no_nat(ensure: EnsureNat) -> String {
    let never = if ensure == EnsureNat::Never { ", and `nat.ensure: never` creates none" } else { "" };
    format!("no NAT covers the subnet, so traffic routed to the internet gateway does not reach the internet{never}")
}

pub fn direct_nat() -> String {
    "a NAT is made for Direct VPC only where `nat.direct_vpc_subnets` names the subnet".to_owned()
}

/// An interface of Direct VPC egress.
pub fn interface(network: &NetworkRef, tags: &[String]) -> String {
    format!("in network {}, {}", network.name, bearing(tags))
}

fn bearing(tags: &[String]) -> String {
    match tags {
        [] => "without network tags".to_owned(),
        [tag] => format!("with network tag {tag}"),
        tags => format!("with network tags {}", list(tags)),
    }
}

/// The name of the firewall hop.
pub fn tags(tags: &[String]) -> String {
    if tags.is_empty() { "no network tags".to_owned() } else { list(tags) }
}

pub fn own_tags(tags: &[String]) -> String {
    let rules = if tags.is_empty() { "rules without target tags decide" } else { "rules for these tags decide" };
    format!("{rules}; no rule of ours is written for Direct VPC")
}

/// `free` = addresses; `None` = Google did not say.
pub fn with_room(subnet: &str, free: Option<u64>) -> String {
    match free {
        Some(0) => format!("{subnet}; no address is free"),
        Some(1) => format!("{subnet}; 1 address is free"),
        Some(free) => format!("{subnet}; {free} addresses are free"),
        None => subnet.to_owned(),
    }
}

/// `right`: what is said of each connection that comes through.
pub fn cloud_sql(right: &[&str]) -> String {
    if right.is_empty() { "not known to be reached".to_owned() } else { right.join("; ") }
}

pub fn cloud_sql_stopped(connection: &str, packets: &str, rule: &str) -> String {
    format!("{connection} is not reached: {rule} stops {packets}")
}

pub fn nat_elsewhere() -> String {
    "not needed, internet traffic does not come to the internet gateway".to_owned()
}

/// How the rules stand for the connector.
pub fn egress(egress: Option<&PathEgress>) -> String {
    let by = egress.and_then(|egress| egress.by.as_deref()).unwrap_or("unknown");
    match egress.map(|egress| egress.state) {
        None => "no rule of ours exists for it yet".to_owned(),
        Some(EgressState::Scoped) => "scoped, only what the policy names gets out".to_owned(),
        Some(EgressState::Observed) => "observed, all gets out, and what the policy does not name is logged".to_owned(),
        Some(EgressState::AllowOnly) => {
            "allow-only, nothing is blocked, because allow rules alone restrict nothing".to_owned()
        }
        Some(EgressState::Shadowed) => format!("shadowed, {by} allows more than the policy"),
        Some(EgressState::Disarmed) => {
            format!("disarmed by {by}, our deny rule is disabled or missing, so none of our rules blocks egress")
        }
        Some(EgressState::CutOff) => format!("cut off, {by} denies what the policy allows"),
        Some(EgressState::Unmanaged) => "unmanaged, no rule of ours is written for it".to_owned(),
    }
}

pub fn not_this_way() -> String {
    "reached from Google's shared addresses, not through the connector".to_owned()
}

/// What is open everywhere, what in part, and who stops the rest.
pub fn open(whole: &[String], partly: &[String], stoppers: &[&str]) -> String {
    let mut said = Vec::new();
    if !whole.is_empty() {
        said.push(format!("open for {}", list(whole)));
    }
    if !partly.is_empty() {
        said.push(format!("open to some addresses for {}", list(partly)));
    }
    if said.is_empty() {
        said.push("closed".to_owned());
    }
    if !stoppers.is_empty() {
        let rest = if whole.is_empty() && partly.is_empty() { "all" } else { "the rest" };
        said.push(format!("{rest} is stopped by {}", list(stoppers)));
    }
    said.join("; ")
}

/// How much of a destination is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    Whole,
    /// Some of it is stopped, or may be: not all that decides can be seen.
    Partly,
    Closed,
}

impl Openness {
    fn words(self) -> &'static str {
        match self {
            Self::Whole => "open",
            Self::Partly => "only partly open, as far as can be seen,",
            Self::Closed => "closed",
        }
    }
}

/// `public` = of traffic to the internet that comes this way.
pub fn google_apis(private: Openness, public: Option<Openness>) -> String {
    let over = format!("{} over restricted.googleapis.com and private.googleapis.com", private.words());
    match public {
        None => format!("{over}; the public addresses are reached from Google's shared addresses"),
        Some(Openness::Whole) => format!("{over}, and open over the public addresses of *.googleapis.com"),
        Some(public) => {
            let todo = match private {
                Openness::Whole => {
                    "; let DNS answer *.googleapis.com with the private addresses, or allow tcp:443 to 0.0.0.0/0"
                }
                Openness::Partly => "",
                Openness::Closed => {
                    "; set `firewall.google_apis: true` and let DNS answer with the private addresses, or allow tcp:443 to 0.0.0.0/0"
                }
            };
            format!("{over}, {} over the public addresses of *.googleapis.com{todo}", public.words())
        }
    }
}

pub fn stopped_by(rules: &[&str]) -> Option<String> {
    (!rules.is_empty()).then(|| format!("stopped by {}", list(rules)))
}

/// `open`: what the firewall alone would let out.
pub fn cut_off(hop: &str, unknown: bool, open: &str) -> String {
    let reached = if unknown { "not known to be reached" } else { "not reached" };
    format!("{reached}, see {hop}; according to the firewall alone: {open}")
}

pub fn planned(step: &Step) -> String {
    format!("`apply` would {} {}: {}", step.change.verb().word(), step.id, step.reason)
}

pub fn held_back(held: &Withheld) -> String {
    format!("withheld: {} {}: {}", held.verb.word(), held.step, held.text)
}

/// `tcp:443,80 udp to 10.0.0.0/8`.
pub fn of_rule(rule: &Firewall) -> String {
    let entries = if rule.is_deny() { &rule.denied } else { &rule.allowed };
    matched(entries.iter().map(|Layer4 { protocol, ports }| (protocol, ports)), &rule.destination_ranges)
}

pub fn of_policy_rule(rule: &PolicyRule) -> String {
    let entries = rule.matches.layer4_configs.iter().map(|config| (&config.ip_protocol, &config.ports));
    matched(entries, &rule.matches.dest_ip_ranges)
}

fn matched<'a>(entries: impl Iterator<Item = (&'a String, &'a Vec<String>)>, ranges: &[String]) -> String {
    let entries: Vec<_> = entries
        .map(|(protocol, ports)| match ports.is_empty() {
            true => protocol.clone(),
            false => format!("{protocol}:{}", ports.join(",")),
        })
        .collect();
    let ranges = if ranges.is_empty() { "anywhere".to_owned() } else { list(ranges) };
    format!("{} to {ranges}", entries.join(" "))
}
