//! The scoped egress firewall of one connector: which rules the policy asks for.

use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::domain::{
    names::{ConnectorRef, NetworkRef, short_hash},
    policy::{Enforcement, FARTHEST_PRIORITY, FirewallSection, InternetEntry, Policy},
    ports,
    ports::Layer4,
    stamp::Stamp,
    state::firewall::{Direction, Firewall, LogConfig},
};

/// Where a connector's data plane lives: Google's own machines behind it (facts: 35.199.224.0/19).
const DATA_PLANE: &str = "35.199.224.0/19";
const HEALTH_CHECKS: [&str; 3] = ["35.191.0.0/16", "35.191.192.0/18", "130.211.0.0/22"];
/// restricted.googleapis.com, private.googleapis.com and the direct path.
const GOOGLE_APIS: [&str; 3] = ["199.36.153.4/30", "199.36.153.8/30", "34.126.0.0/18"];

/// How far from `firewall.base_priority` an egress allow of this name is placed; `None` = no such rule.
pub fn distance(name: &str) -> Option<u32> {
    let suffix = name.strip_prefix("allow-")?.rsplit('-').next()?;
    match suffix {
        "infra" => Some(0),
        "gapi" => Some(10),
        "int" => Some(20),
        "egress" => Some(30),
        number => number.parse::<u32>().ok().map(|_| 30),
    }
}

/// What a rule of the set is for; the order is the order of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Infra,
    GoogleApis,
    Internal,
    Internet,
    Serverless,
    HealthChecks,
    IngressAllow,
    IngressDeny,
    Watch,
    Deny,
}

impl Role {
    pub fn is_egress_allow(self) -> bool {
        matches!(self, Self::Infra | Self::GoogleApis | Self::Internal | Self::Internet)
    }

    /// What has to stand before a deny may.
    pub fn is_allow(self) -> bool {
        !self.is_deny() && self != Self::Watch
    }

    pub fn is_deny(self) -> bool {
        matches!(self, Self::Deny | Self::IngressDeny)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub role: Role,
    pub firewall: Firewall,
}

/// Whose rules, and where they stand.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    pub connector: &'a ConnectorRef,
    pub network: &'a NetworkRef,
    /// The connector's /28, where it is known.
    pub range: Option<Ipv4Net>,
    /// The /28 on which it is about to be made again.
    pub next: Option<Ipv4Net>,
    /// The network's project is a Shared VPC host: connectors of several projects may have one name, and so one tag.
    pub on_host: bool,
}

impl<'a> Site<'a> {
    /// `policy` is the whole one, not a connector's settings: other projects tell whether the network is a host's.
    pub fn new(policy: &Policy, connector: &'a ConnectorRef, network: &'a NetworkRef) -> Self {
        let on_host = network.project != connector.project || policy.is_host(&network.project);
        Self { connector, network, range: None, next: None, on_host }
    }

    pub fn at(self, range: Option<Ipv4Net>, next: Option<Ipv4Net>) -> Self {
        Self { range, next, ..self }
    }

    /// The connector belongs to a service project: Google's machines reach it over the host's network.
    fn is_service_project(&self) -> bool {
        self.network.project != self.connector.project
    }

    /// What tells this connector's packets from those of another one with its tag.
    fn ranges(&self) -> Vec<String> {
        self.range.iter().chain(&self.next).map(Ipv4Net::to_string).collect()
    }

    /// Without its range, a rule on a host network would match by tag alone, and so other projects' connectors too.
    pub fn is_told_apart(&self) -> bool {
        !self.on_host || self.range.is_some()
    }

    /// The middle of every rule's name: tags and rule names bear no project, so that in a host project, where several
    /// projects may have a connector of the same name, a hash tells them apart.
    pub fn base(&self) -> String {
        let base = format!("{}-{}", self.connector.name, self.connector.region);
        if !self.on_host {
            return base;
        }
        let of = format!("{}/{}/{}", self.connector.project, self.connector.region, self.connector.name);
        let head: String = base.chars().take(40).collect();
        format!("{head}-{}", short_hash(&of))
    }

    pub fn rule_path(&self, name: &str) -> String {
        format!("projects/{}/global/firewalls/{name}", self.network.project)
    }
}

/// The set for one connector, by the policy alone: who uses the connector today changes nothing.
pub fn rules(policy: &Policy, site: Site<'_>, now: Timestamp) -> Vec<Rule> {
    let section = &policy.firewall;
    let base = section.base_priority;
    let name = |prefix: &str, suffix: &str| format!("{prefix}-{}-{suffix}", site.base());
    let mut set = vec![egress(Role::Infra, name("allow", "infra"), base, &[DATA_PLANE], data_plane_ports())];
    if section.google_apis {
        set.push(egress(Role::GoogleApis, name("allow", "gapi"), base + 10, &GOOGLE_APIS, layer4(&["tcp:443"])));
    }
    if !section.internal.is_empty() {
        let ranges: Vec<_> = section.internal.iter().map(Ipv4Net::to_string).collect();
        set.push(egress(Role::Internal, name("allow", "int"), base + 20, &ranges, layer4(&["tcp", "udp", "icmp"])));
    }
    for (index, entry) in current(section, now).enumerate() {
        let suffix = if index == 0 { "egress".to_owned() } else { format!("eg-{}", index + 1) };
        let ranges: Vec<_> = entry.to.iter().map(Ipv4Net::to_string).collect();
        set.push(egress(Role::Internet, name("allow", &suffix), base + 30, &ranges, ports::layer4(&entry.ports)));
    }
    if site.is_service_project() {
        set.push(ingress(Role::Serverless, name("allow", "sls"), base, &[DATA_PLANE], data_plane_ports()));
        set.push(ingress(Role::HealthChecks, name("allow", "hc"), base, &HEALTH_CHECKS, layer4(&["tcp:667"])));
    }
    match section.enforcement {
        Enforcement::AllowOnly => {}
        Enforcement::Observe => {
            let mut watch = egress(Role::Watch, name("watch", "egress"), base + 89, &["0.0.0.0/0"], layer4(&["all"]));
            watch.firewall.log_config = Some(LogConfig { enable: true, ..LogConfig::default() });
            set.push(watch);
        }
        Enforcement::Enforce => {
            let mut deny =
                egress(Role::Deny, name("deny", "egress"), base + FARTHEST_PRIORITY, &["0.0.0.0/0"], Vec::new());
            deny.firewall.denied = layer4(&["all"]);
            deny.firewall.log_config = Some(LogConfig { enable: true, ..LogConfig::default() });
            set.push(deny);
        }
    }
    harden(section, site, &mut set);
    for rule in &mut set {
        place(&mut rule.firewall, rule.role, policy, site);
    }
    set.sort_by_key(|rule| rule.role);
    set
}

/// Network, target and stamp, alike for every rule of the set.
fn place(firewall: &mut Firewall, role: Role, policy: &Policy, site: Site<'_>) {
    firewall.network = site.network.to_string();
    if !matches!(role, Role::IngressAllow | Role::IngressDeny) {
        firewall.target_tags = vec![site.connector.tag()];
    }
    if firewall.direction == Direction::Egress && site.on_host {
        firewall.source_ranges = site.ranges();
    }
    let stamp = Stamp::new(&policy.owner, site.rule_path(&firewall.name), Some(site.connector.to_string()));
    firewall.description = stamp.to_string();
}

/// Google's own ingress recipe: deny what comes from the connector, below the broad allow at 1000, and open single ports.
fn harden(section: &FirewallSection, site: Site<'_>, set: &mut Vec<Rule>) {
    if !section.ingress.harden {
        return;
    }
    // Of ingress, Google lets a rule match by range *or* tag where both are given: on a host network the range alone.
    let (source_ranges, source_tags) = match site.on_host {
        true => (site.ranges(), Vec::new()),
        false => (Vec::new(), vec![site.connector.tag()]),
    };
    let from_connector = |role, name: String, priority| {
        let (source_ranges, source_tags) = (source_ranges.clone(), source_tags.clone());
        Rule { role, firewall: Firewall { name, priority, source_ranges, source_tags, ..Firewall::default() } }
    };
    for (index, entry) in section.ingress.allow.iter().enumerate() {
        let name = format!("allow-{}-in-{}", site.base(), index + 1);
        let mut rule = from_connector(Role::IngressAllow, name, section.base_priority + 80);
        rule.firewall.target_tags.clone_from(&entry.to_tags);
        rule.firewall.allowed = ports::layer4(&entry.ports);
        set.push(rule);
    }
    let mut rule = from_connector(
        Role::IngressDeny,
        format!("deny-{}-in", site.base()),
        section.base_priority + FARTHEST_PRIORITY,
    );
    rule.firewall.denied = layer4(&["all"]);
    rule.firewall.log_config = Some(LogConfig { enable: true, ..LogConfig::default() });
    set.push(rule);
}

/// The internet entries that have not expired: `expires` is the last day, in UTC.
pub fn current(section: &FirewallSection, now: Timestamp) -> impl Iterator<Item = &InternetEntry> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    section.internet.iter().filter(move |entry| entry.expires.is_none_or(|last| today <= last))
}

/// Stands for what the policy wants of the set, as it is written: when that changes, a deny that somebody took down may be
/// armed again. Whom else the policy scopes is no change of it, nor is the day on which an entry expires.
pub fn policy_hash(policy: &Policy) -> String {
    let FirewallSection { enforcement, base_priority, google_apis, internal, internet, ingress, .. } = &policy.firewall;
    let set = (enforcement, base_priority, google_apis, internal, internet, ingress);
    // Strings, numbers and lists always have a JSON form.
    short_hash(&serde_json::to_string(&set).unwrap_or_default())
}

fn data_plane_ports() -> Vec<Layer4> {
    layer4(&["tcp:667", "udp:665-666", "icmp"])
}

fn layer4(entries: &[&str]) -> Vec<Layer4> {
    ports::layer4(&entries.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

fn egress(role: Role, name: String, priority: u32, to: &[impl AsRef<str>], allowed: Vec<Layer4>) -> Rule {
    let destination_ranges = to.iter().map(|range| range.as_ref().to_owned()).collect();
    Rule {
        role,
        firewall: Firewall {
            name,
            direction: Direction::Egress,
            priority,
            destination_ranges,
            allowed,
            ..Firewall::default()
        },
    }
}

fn ingress(role: Role, name: String, priority: u32, from: &[impl AsRef<str>], allowed: Vec<Layer4>) -> Rule {
    let source_ranges = from.iter().map(|range| range.as_ref().to_owned()).collect();
    Rule { role, firewall: Firewall { name, priority, source_ranges, allowed, ..Firewall::default() } }
}
