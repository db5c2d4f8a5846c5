//! The Cloud Run Admin API: jobs, services and worker pools.

pub mod annotations;
pub mod deploy;
pub mod errors;
pub mod executions;
pub mod instances;
pub mod jobs;
pub mod knative;
pub mod namespaces;
pub mod policies;
pub mod revisions;
pub mod selector;
pub mod services;
pub mod traffic;
pub mod worker_pools;
pub mod workload;

use serde_json::{Map, Value};

use crate::sim::{
    api::{errors::Refusal, fields},
    http::{
        call::Call,
        route::{Target, Verb},
    },
    services::shared::lro,
    state::State,
    store::kind::Kind,
};

use deploy::{delete, deploy};
use errors::not_found;

const PAGE: usize = 1000;

pub fn answer(state: &mut State, call: &Call) -> Result<Value, Refusal> {
    let kind = match call.route.target {
        Target::Kind(kind) => kind,
        _ => return lro::operation(state, call),
    };
    if call.route.is_knative() {
        return namespaces::answer(state, call, kind);
    }
    match call.route.verb {
        Verb::List => lro::list(state, call, kind, PAGE),
        Verb::Get => {
            let mut found = lro::get(state, call, kind)?.ok_or_else(|| not_found(call, kind))?;
            if *kind == jobs::KIND {
                executions::sum_up(state, call, &call.path, &mut found);
            }
            Ok(found)
        }
        Verb::Custom("run") => executions::run(state, call),
        // Revisions are created by deployments, executions by `run`, instances by the world file only.
        _ if [&revisions::KIND, &instances::KIND, &executions::KIND].contains(&kind) => Err(not_found(call, kind)),
        Verb::Create | Verb::Patch => lro::change(state, call, kind, &sent(call, kind)?, deploy),
        Verb::Delete => lro::change(state, call, kind, &Map::new(), delete),
        Verb::Custom(verb) => policies::answer(state, call, kind, verb),
        _ => Err(not_found(call, kind)),
    }
}

fn sent(call: &Call, kind: &Kind) -> Result<Map<String, Value>, Refusal> {
    let noun = kind.segment.trim_end_matches('s');
    let mut sent = fields::check(kind.fields, &call.object(), noun)?;
    fields::prune(&mut sent);
    Ok(sent)
}
