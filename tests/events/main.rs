//! Deliveries and audit entries, from bytes to decisions.

use std::collections::{BTreeMap, BTreeSet};

use egress_reconciler::domain::{
    audit::{
        classify::{Disposition, OwnPrincipals, dispose},
        entry::Entry,
        scope::Scope,
    },
    names::{ProjectId, Region},
    target::Place,
};
use jiff::Timestamp;

mod corpus;
mod entries;
mod filter;
mod sink;

fn scope(projects: &[&str], hosts: &[&str], numbers: &[(&str, &str)], regions: Option<&[&str]>) -> Scope {
    let id = |text: &&str| ProjectId::parse(text).unwrap();
    Scope {
        projects: projects.iter().map(id).collect(),
        hosts: hosts.iter().map(id).collect(),
        regions: regions.map(|names| names.iter().map(|name| Region::parse(name).unwrap()).collect::<BTreeSet<_>>()),
        numbers: numbers.iter().map(|(number, project)| (id(number), id(project))).collect::<BTreeMap<_, _>>(),
    }
}

/// The decision on one line, as the tables have it.
fn decide(json: &str, scope: &Scope, own: &str) -> String {
    match Entry::parse(json.as_bytes()) {
        Ok(entry) => decide_read(&entry, scope, own),
        Err(reason) => format!("reject {}", reason.label()),
    }
}

fn decide_read(entry: &Entry<'_>, scope: &Scope, own: &str) -> String {
    let own = OwnPrincipals::from_iter([own.to_owned()]);
    match dispose(entry, scope, &own, Timestamp::UNIX_EPOCH) {
        Disposition::Ignore(reason) => format!("ignore {}", reason.label()),
        Disposition::Reject(reason) => format!("reject {}", reason.label()),
        Disposition::Act(signal) => {
            let place = match signal.place {
                Place::Target(target) => target.to_string(),
                Place::Network(network) => network.to_string(),
                Place::Project(project) => format!("projects/{project}"),
                Place::Everywhere => "everywhere".to_owned(),
            };
            let wanted = signal.wanted.map(|wanted| format!(" wants {} {}", wanted.connector, wanted.egress.as_str()));
            format!("act {place}{}", wanted.unwrap_or_default())
        }
    }
}
