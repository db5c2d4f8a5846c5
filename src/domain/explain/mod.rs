//! The path of a workload, hop by hop: what stands, what is missing or in the way, and what the connector may reach.

mod hops;
mod path;
mod rules;

use self::path::Scene;
pub use self::path::{Decision, Hop, HopKind, Mark, Path};
use super::{
    design::Blueprint,
    plan::Plan,
    policy::Policy,
    state::{egress::Egress, observed::Observed, workload::Workload},
    text,
};

/// Every workload's path, in their order; only those of this name, if one is given.
pub fn explain(
    policy: &Policy,
    observed: &Observed,
    blueprint: &Blueprint<'_>,
    plan: &Plan,
    name: Option<&str>,
) -> Vec<Path> {
    let mut workloads: Vec<_> = observed.workloads().filter(|own| name.is_none_or(|name| own.name == name)).collect();
    workloads.sort();
    let scene = Scene { policy, observed, blueprint, plan };
    workloads.into_iter().map(|workload| Path { workload: workload.to_string(), hops: scene.path(workload) }).collect()
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
            // A revision that serves may have another network than the newest one, and is told by itself where it was read.
            (None, _) if !workload.older.is_empty() => {
                let unread = self.observed.unread_revisions(workload);
                let mark = if unread.is_empty() { Mark::Ok } else { Mark::Blocked };
                vec![Hop::new(HopKind::Workload, &workload.name, mark, text::explain::newest(&unread))]
            }
            (None, _) => vec![
                Hop::new(HopKind::Workload, &workload.name, Mark::Ok, text::explain::without_vpc(workload)),
                Hop::new(HopKind::Internal, "private addresses", Mark::NotAsked, text::explain::no_way_inside()),
                Hop::new(HopKind::Internet, "the internet", Mark::Ok, text::explain::google_addresses()),
            ],
        }
    }
}

/// Where a hop fails, what lies behind it is not reached, whatever the firewall would let out. NAT is only for the
/// internet.
fn cut_off(mut hops: Vec<Hop>) -> Vec<Hop> {
    let fails = |hop: &&Hop| !matches!(hop.mark, Mark::Ok | Mark::NotAsked);
    let on_the_way = |kind| matches!(kind, HopKind::Connector | HopKind::Subnet | HopKind::Nat);
    let broken: Vec<_> = hops
        .iter()
        .filter(|hop| on_the_way(hop.kind))
        .filter(fails)
        .map(|hop| (hop.kind, hop.mark, hop.unknown))
        .collect();
    for hop in hops.iter_mut().filter(|hop| hop.mark != Mark::NotAsked) {
        let first = broken.iter().find(|(kind, ..)| match hop.kind {
            HopKind::Internet => true,
            HopKind::Internal | HopKind::GoogleApis => *kind != HopKind::Nat,
            _ => false,
        });
        if let Some((kind, mark, unknown)) = first {
            hop.mark = *mark;
            hop.text = text::explain::cut_off(kind.word(), *unknown, &hop.text);
        }
    }
    hops
}
