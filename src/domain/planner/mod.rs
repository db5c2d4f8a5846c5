//! The decision, as finished data: doing it makes no choice.

mod automatic;
mod connector;
mod creation;
mod cuts;
mod deny;
mod direct;
mod draft;
pub mod emergency;
mod firewall;
pub mod gateway;
mod google_apis;
mod handover;
mod limits;
mod moving;
pub(super) mod nat;
pub mod needs;
mod network;
pub mod openness;
mod prune;
mod refused_deploys;
mod replacement;
mod scoping;
mod shadows;
mod standing;

use jiff::Timestamp;

use self::draft::Draft;
use super::{
    demand::Desired,
    plan::{Budget, Plan},
    policy::Policy,
    state::observed::Observed,
};

/// Decides. The same arguments give the same plan, in whatever order the lists stand.
pub fn plan(policy: &Policy, observed: &Observed, desired: &Desired, budget: &Budget, now: Timestamp) -> Plan {
    let mut draft = Draft::new(policy, observed, budget, now);
    draft.notes(desired);
    let network = network::plan(&mut draft, desired);
    let standings = connector::plan(&mut draft, desired, &network);
    nat::plan(&mut draft, &standings);
    firewall::plan(&mut draft, &standings, &network);
    google_apis::plan(&mut draft, &standings);
    direct::plan(&mut draft);
    replacement::delete(&mut draft, &standings);
    prune::plan(&mut draft, desired);
    limits::apply(draft)
}
