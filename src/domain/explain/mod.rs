//! The path of a workload, hop by hop: what exists, what is missing or in the way, and what the connector may reach.

mod cloud_sql;
mod connector;
mod direct;
mod evidence;
mod outwards;
mod path;
mod rules;

use self::path::Scene;
pub use self::path::{Decision, Destination, DestinationClass, Fate, Hop, HopKind, HopState, Path, WorkloadName};
use super::{
    codes::HopCode,
    design::Blueprint,
    doctor::cloud_sql::CloudSql,
    plan::Plan,
    policy::Policy,
    state::{egress::Egress, observed::Observed, workload::Workload},
    text,
};

const INTERNAL: &str = "private addresses";
const APIS: &str = "Google's APIs";
const INTERNET: &str = "the internet";

/// Every workload's path, in their order; only those of this name, if one is given.
pub fn explain(
    policy: &Policy,
    observed: &Observed,
    blueprint: &Blueprint<'_>,
    plan: &Plan,
    cloud_sql: &CloudSql,
    name: Option<&str>,
) -> Vec<Path> {
    let mut workloads: Vec<_> = observed.workloads().filter(|own| name.is_none_or(|name| own.name == name)).collect();
    workloads.sort();
    let scene = Scene { policy, observed, blueprint, plan, cloud_sql };
    workloads.into_iter().map(|workload| Path::new(workload, scene.path(workload))).collect()
}

/// The JSON Schema of what `explain --format json` prints.
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Vec<Path>)
}

impl Scene<'_> {
    fn path(&self, workload: &Workload) -> Vec<Hop> {
        let all = workload.egress == Egress::AllTraffic;
        let start = |state, text| self.workload(workload, state, text);
        match (&workload.connector, self.connector_of(workload)) {
            (Some(_), Some(connector)) => {
                let start = start(HopState::Ok, text::explain::uses(workload, &connector));
                let hops = around(self.by_connector(start, &connector, all), all);
                cut_off(self.with_cloud_sql(workload, hops))
            }
            (Some(name), None) => {
                let notes = self.notes(&[workload.to_string()]);
                let hop = start(HopState::Broken, text::explain::bad_reference(workload, name));
                vec![Hop { notes, ..hop.code(HopCode::BadReference) }]
            }
            (None, _) if !workload.direct.is_empty() => {
                cut_off(self.with_cloud_sql(workload, around(self.direct(workload, all), all)))
            }
            // A revision that serves may have another network than the newest one, and is told by itself where it was read.
            (None, _) if !workload.older.is_empty() => {
                let unread = self.observed.unread_revisions(workload);
                let state = if unread.is_empty() { HopState::Ok } else { HopState::Unknown };
                vec![start(state, text::explain::newest(&unread)).code(HopCode::OldRevisions)]
            }
            (None, _) => {
                let end = |kind, name, state, text| Hop::new(kind, name, state, text);
                let hops = vec![
                    start(HopState::Ok, text::explain::without_vpc(workload)).code(HopCode::NoVpc),
                    end(HopKind::Internal, INTERNAL, HopState::NotNeeded, text::explain::no_way_inside())
                        .code(HopCode::NoVpc),
                    end(HopKind::GoogleApis, APIS, HopState::Ok, text::explain::google_addresses())
                        .code(HopCode::GoogleAddresses),
                    end(HopKind::Internet, INTERNET, HopState::Ok, text::explain::google_addresses())
                        .code(HopCode::GoogleAddresses),
                ];
                self.with_cloud_sql(workload, hops)
            }
        }
    }
}

/// Of traffic to private ranges alone, the rest does not pass the VPC, however far the way there was looked at.
fn around(mut hops: Vec<Hop>, all: bool) -> Vec<Hop> {
    if !all && !hops.iter().any(|hop| hop.kind == HopKind::Internet) {
        let end = Hop::new(HopKind::Internet, INTERNET, HopState::Ok, text::explain::not_this_way());
        hops.push(end.code(HopCode::GoogleAddresses));
    }
    hops
}

/// Where a hop fails, what lies behind it is not reached, whatever the firewall would let out. NAT is only for the
/// internet, and Private Google Access for Google's APIs.
fn cut_off(mut hops: Vec<Hop>) -> Vec<Hop> {
    let fails = |hop: &&Hop| !matches!(hop.state, HopState::Ok | HopState::NotNeeded);
    let on_the_way = |kind| matches!(kind, HopKind::Connector | HopKind::Subnet | HopKind::Routes | HopKind::Nat);
    let mut broken: Vec<_> = hops
        .iter()
        .filter(|hop| on_the_way(hop.kind))
        .filter(fails)
        .map(|hop| (hop.kind, hop.state, hop.code, hop.unsure))
        .collect();
    // Of traffic to private ranges alone, Google's APIs are reached outside the VPC too.
    let all = hops.iter().any(|hop| hop.kind == HopKind::Internet && hop.is_in_vpc());
    let without_apis = hops.iter().find(|hop| all && hop.code == Some(HopCode::PrivateGoogleAccessDisallowed));
    broken.extend(without_apis.map(|hop| {
        let state = if hop.unsure { HopState::Unknown } else { HopState::Broken };
        (HopKind::Subnet, state, hop.code, hop.unsure)
    }));
    for hop in hops.iter_mut().filter(|hop| hop.state != HopState::NotNeeded && hop.is_in_vpc()) {
        let first = broken.iter().find(|(kind, _, code, _)| {
            let of_apis = *code == Some(HopCode::PrivateGoogleAccessDisallowed);
            let of_internet = matches!(kind, HopKind::Routes | HopKind::Nat);
            match hop.kind {
                HopKind::GoogleApis => !of_internet,
                HopKind::Internet => !of_apis,
                HopKind::Internal | HopKind::PolicyRanges | HopKind::CloudSql => !of_internet && !of_apis,
                _ => false,
            }
        });
        if let Some((kind, state, code, unsure)) = first {
            hop.state = *state;
            hop.code = *code;
            hop.text = text::explain::cut_off(kind.word(), *unsure, &hop.text);
        }
    }
    hops
}
