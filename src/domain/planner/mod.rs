//! The decision, as finished data: doing it makes no choice.

mod automatic;
pub mod break_glass;
mod connector;
mod cuts;
mod deny;
mod direct;
mod draft;
mod firewall;
pub mod gateway;
mod google_apis;
mod limits;
mod moving;
pub(super) mod nat;
pub mod needs;
pub mod openness;
mod prune;
mod refused_deploys;
mod replacement;
mod rule_migration;
mod scoping;
mod shadows;

pub use self::connector::unreferenced;
use self::draft::Draft;
use super::{
    demand::Demand,
    design::Blueprint,
    plan::{Plan, PlanContext},
    policy::Policy,
    state::observed::Observed,
};

/// Compares what is with what should be. The same arguments give the same plan, in whatever order the lists stand.
pub fn plan(
    policy: &Policy,
    observed: &Observed,
    demand: &Demand,
    blueprint: &Blueprint<'_>,
    context: &PlanContext,
) -> Plan {
    let mut draft = Draft::new(policy, observed, context, observed.at);
    draft.notes(demand);
    draft.take(&blueprint.notes);
    connector::elsewhere(&mut draft, demand);
    connector::plan(&mut draft, blueprint);
    gateway::plan(&mut draft, demand, blueprint);
    firewall::plan(&mut draft, blueprint);
    google_apis::plan(&mut draft, &blueprint.paths);
    direct::plan(&mut draft, blueprint);
    replacement::delete(&mut draft, &blueprint.paths);
    prune::plan(&mut draft, demand);
    limits::apply(draft)
}
