//! What should be: every object of a target as a whole document, whoever owns it, computed once for each look. Nothing here
//! compares, orders or holds back; that is the planner's.
//!
//! What cannot be designed (no free range, a creation that Google refused, a name that another object has) is left out and
//! noted.

mod connector;
mod creation;
pub mod gateway;
mod nat;
mod network;
mod replacement;
mod rules;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::{
    creation::attempt,
    nat::{needs_nat, ways_of_direct},
};
use super::{
    cause::{self, Cause},
    demand::Demand,
    firewall::rule_set::Rule,
    names::ConnectorRef,
    plan::{Note, Object, ObjectId, RecentHistory},
    policy::Policy,
    state::{
        connector::Connector, network::Network, observed::Observed, read::ReadFailure, requirement::Required,
        router::Router, subnet::Subnet,
    },
};

/// Every object as it should be.
pub struct Blueprint<'a> {
    pub network: Ground,
    /// One for each required connector of which enough is known.
    pub paths: Vec<Path<'a>>,
    /// Our router with our gateway, where one exists or is needed.
    pub router: Option<Router>,
    /// Subnets that nothing covers and that our gateway comes to list.
    pub uncovered: Vec<String>,
    pub notes: Notes,
}

/// What is known of the target's network.
pub enum Ground {
    Stands {
        auto_mode: bool,
        policies_first: bool,
    },
    /// It is to be created.
    New(Box<Network>),
    /// Absent and not to be created, or unknown: nothing can be built on it.
    Missing,
}

/// The way of the traffic of one connector.
pub struct Path<'a> {
    pub required: &'a Required,
    pub settings: &'a Policy,
    pub ownership: Ownership,
    /// The subnet's relative name and range; `None` = it is hidden (CIDR form).
    pub subnet: Option<(String, Option<Ipv4Net>)>,
    /// The range, in either form, from where it sends now or, where it does not exist yet, will.
    pub range: Option<Ipv4Net>,
    /// The range on which it is created again, while it is still in ERROR on `range`.
    pub next: Option<Ipv4Net>,
    /// A subnet that does not exist yet.
    pub new_subnet: Option<Subnet>,
    /// The connector as it should be.
    pub connector: Connector,
    /// The connector as it is; `None` = there is none.
    pub existing: Option<&'a Connector>,
    /// It is deleted when its rules are ready for `next`.
    pub leaves: Option<&'a Connector>,
    /// The scoped firewall.
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    Ours,
    Adopted,
    Foreign,
}

/// What a person should know of the design.
#[derive(Debug, Default)]
pub struct Notes {
    pub waiting_on: Vec<Note>,
    pub blocked_by: Vec<Note>,
    pub findings: Vec<Note>,
}

/// Designs what `demand` asks for. `history` says what no list shows: ranges that are taken, creations that were refused.
pub fn design<'a>(
    policy: &'a Policy,
    observed: &'a Observed,
    demand: &'a Demand,
    history: &'a RecentHistory,
) -> Blueprint<'a> {
    let mut draft = Draft { policy, observed, history, now: observed.at, notes: Notes::default() };
    let network = network::design(&mut draft, demand);
    let mut paths = connector::design(&mut draft, demand, &network);
    let (router, uncovered) = nat::design(&mut draft, &paths);
    for path in &mut paths {
        path.rules = rules::design(&draft, path);
    }
    Blueprint { network, paths, router, uncovered, notes: draft.notes }
}

/// A design in the making.
struct Draft<'a> {
    policy: &'a Policy,
    observed: &'a Observed,
    history: &'a RecentHistory,
    now: Timestamp,
    notes: Notes,
}

impl<'a> Draft<'a> {
    /// Why Google could not make a connector.
    fn cause(&self, connector: &ConnectorRef) -> Cause {
        cause::cause(self.observed, self.history.refused.get(connector), connector)
    }

    fn failure(&self, connector: &ConnectorRef) -> Option<&'a ReadFailure> {
        cause::failure(self.observed, self.history.refused.get(connector), connector)
    }

    fn block(&mut self, note: Note) {
        self.notes.blocked_by.push(note);
    }

    fn find(&mut self, note: Note) {
        self.notes.findings.push(note);
    }
}

impl Path<'_> {
    /// The step that creates its subnet, if one is to be created.
    pub fn subnet_step(&self) -> Option<ObjectId> {
        Some(Object::Subnet(self.new_subnet.clone()?).id())
    }
}

impl Ownership {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Adopted => "adopted",
            Self::Foreign => "foreign",
        }
    }
}

impl Blueprint<'_> {
    /// All documents, as `export --format json` prints them.
    pub fn document(&self, observed: &Observed) -> Value {
        let network = match &self.network {
            Ground::New(network) => Some(Object::Network((**network).clone()).document()),
            Ground::Stands { .. } | Ground::Missing => None,
        };
        let subnet_of = |path: &Path<'_>| {
            let name = path.connector.subnet.as_ref().map(|form| form.name.as_str());
            let existing = observed.subnets.iter().flatten().find(|subnet| Some(subnet.name.as_str()) == name);
            path.new_subnet.as_ref().or(existing).map(|subnet| Object::Subnet(subnet.clone()).document())
        };
        let path = |path: &Path<'_>| {
            let rules = path.rules.iter().map(|rule| Object::Firewall(rule.firewall.clone()).document());
            json!({
                "path": path.required.connector,
                "ownership": path.ownership.word(),
                "egress": path.required.egress,
                "subnet": subnet_of(path),
                "connector": Object::Connector(path.connector.clone()).document(),
                "firewalls": rules.collect::<Vec<_>>(),
            })
        };
        json!({
            "target": observed.target,
            "network": observed.network_name,
            "newNetwork": network,
            "paths": self.paths.iter().map(path).collect::<Vec<_>>(),
            "router": self.router.as_ref().map(|router| Object::Router(router.clone()).document()),
            "blockedBy": self.notes.blocked_by,
            "findings": self.notes.findings,
        })
    }
}
