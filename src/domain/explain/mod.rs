//! The path of a workload, hop by hop: what stands, what is missing or in the way, and what the connector may reach.

mod hops;
mod rules;

use serde::Serialize;

use super::{
    names::ConnectorRef,
    plan::{Note, Plan, Verb},
    policy::Policy,
    state::{observed::Observed, workload::Workload},
    text,
    wanted::Egress,
};

/// From a workload to where it may go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    /// `job nightly-export`.
    pub workload: String,
    pub hops: Vec<Hop>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    pub kind: HopKind,
    /// Empty where there is nothing to name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub mark: Mark,
    /// What is so, in one sentence.
    pub text: String,
    /// Why, and what to do: what the plan knows of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Of the firewall: each rule that decides something, in the order in which they are asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopKind {
    Workload,
    Connector,
    Subnet,
    Nat,
    Firewall,
    Internal,
    GoogleApis,
    Internet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    Ok,
    /// The packets of this workload do not come by, or nobody asked for it.
    NotAsked,
    /// Google is at work.
    Waiting,
    /// It does not stand as the policy wants it.
    Missing,
    /// A person must act, or could not look.
    Blocked,
}

/// A rule that decides over packets which no rule before it has decided over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub rule: String,
    /// `900`; of a firewall policy and of Google's implied rule, where it stands.
    pub order: String,
    pub verdict: &'static str,
    /// What the rule matches: `tcp:443 to 0.0.0.0/0`.
    pub what: String,
    pub whose: &'static str,
}

/// Every workload's path, in their order; only those of this name, if one is given.
pub fn explain(policy: &Policy, observed: &Observed, plan: &Plan, name: Option<&str>) -> Vec<Path> {
    let mut workloads: Vec<_> = observed.workloads().filter(|own| name.is_none_or(|name| own.name == name)).collect();
    workloads.sort();
    let scene = Scene { policy, observed, plan };
    workloads.into_iter().map(|workload| Path { workload: workload.to_string(), hops: scene.path(workload) }).collect()
}

/// All that was seen and decided.
struct Scene<'a> {
    policy: &'a Policy,
    observed: &'a Observed,
    plan: &'a Plan,
}

impl Scene<'_> {
    fn path(&self, workload: &Workload) -> Vec<Hop> {
        let all = workload.egress == Egress::AllTraffic;
        match (&workload.connector, self.connector_of(workload)) {
            (Some(_), Some(connector)) => {
                let start =
                    Hop::new(HopKind::Workload, &workload.name, Mark::Ok, text::explain::uses(workload, &connector));
                cut_off(self.by_connector(start, &connector, all))
            }
            (Some(name), None) => {
                let notes = self.notes(&[workload.to_string()]);
                let text = text::explain::bad_reference(workload, name);
                vec![Hop { notes, ..Hop::new(HopKind::Workload, &workload.name, Mark::Blocked, text) }]
            }
            (None, _) if !workload.direct.is_empty() => self.direct(workload, all),
            (None, _) => vec![
                Hop::new(HopKind::Workload, &workload.name, Mark::Ok, text::explain::without_vpc(workload)),
                Hop::new(HopKind::Internal, "private addresses", Mark::NotAsked, text::explain::no_way_inside()),
                Hop::new(HopKind::Internet, "the internet", Mark::Ok, text::explain::google_addresses()),
            ],
        }
    }

    /// The connector that a workload names; `None` = there can be no such, or nobody knows whose it is.
    fn connector_of(&self, workload: &Workload) -> Option<ConnectorRef> {
        let target = &self.observed.target;
        let mut connector =
            ConnectorRef::parse(workload.connector.as_deref()?, &target.project, &target.region).ok()?;
        if connector.project.is_number() {
            connector.project = self.observed.projects.get(&connector.project)?.as_ref().ok()?.clone();
        }
        Some(connector)
    }

    /// What the plan says of these objects, what a person must do first.
    fn notes(&self, objects: &[String]) -> Vec<String> {
        let about = |note: &&Note| objects.contains(&note.object);
        let plan = self.plan;
        let notes = [&plan.blocked_by, &plan.waiting_on, &plan.findings].into_iter().flatten();
        let held = plan.withheld.iter().filter(|held| objects.contains(&held.step.0));
        let steps = plan.steps.iter().filter(|step| objects.contains(&step.id.0));
        let mut told: Vec<String> = notes.filter(about).map(|note| note.text.clone()).collect();
        told.extend(steps.map(text::explain::planned));
        told.extend(held.map(text::explain::held_back));
        told
    }

    /// A person must act on one of these objects.
    fn is_blocked(&self, objects: &[String]) -> bool {
        self.plan.blocked_by.iter().any(|note| objects.contains(&note.object))
    }

    /// One of these objects is to be written, now or when nothing holds it back any more.
    fn is_out_of_sync(&self, objects: &[String]) -> bool {
        self.plan.steps.iter().any(|step| objects.contains(&step.id.0) && step.change.verb() != Verb::Extend)
            || self.plan.withheld.iter().any(|held| objects.contains(&held.step.0) && held.verb != Verb::Extend)
    }
}

/// Where a hop fails, what lies behind it is not reached, whatever the firewall would let out. NAT is only for the
/// internet.
fn cut_off(mut hops: Vec<Hop>) -> Vec<Hop> {
    let fails = |hop: &&Hop| !matches!(hop.mark, Mark::Ok | Mark::NotAsked);
    let on_the_way = |kind| matches!(kind, HopKind::Connector | HopKind::Subnet | HopKind::Nat);
    let broken: Vec<_> =
        hops.iter().filter(|hop| on_the_way(hop.kind)).filter(fails).map(|hop| (hop.kind, hop.mark)).collect();
    for hop in hops.iter_mut().filter(|hop| hop.mark != Mark::NotAsked) {
        let first = broken.iter().find(|(kind, _)| match hop.kind {
            HopKind::Internet => true,
            HopKind::Internal | HopKind::GoogleApis => *kind != HopKind::Nat,
            _ => false,
        });
        if let Some((kind, mark)) = first {
            hop.mark = *mark;
            hop.text = text::explain::cut_off(kind.word(), &hop.text);
        }
    }
    hops
}

impl HopKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Connector => "connector",
            Self::Subnet => "subnet",
            Self::Nat => "NAT",
            Self::Firewall => "firewall",
            Self::Internal => "inside",
            Self::GoogleApis => "APIs",
            Self::Internet => "outside",
        }
    }
}

impl Hop {
    fn new(kind: HopKind, name: &str, mark: Mark, text: String) -> Self {
        Self { kind, name: name.to_owned(), mark, text, notes: Vec::new(), rules: Vec::new() }
    }
}
