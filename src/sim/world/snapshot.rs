//! Converts between a world file and the state.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use crate::sim::{
    api::{fields, links, service::Service},
    audit::log::AuditLog,
    faults::{Faults, quotas::GOOGLE},
    http::calls::Calls,
    options::Options,
    options::Quotas,
    services::KINDS,
    state::{State, messages::Messages, operations::Operations},
    store::{
        clock::{Clock, written},
        dice::Dice,
        documents::{Store, View},
        kind::{Draft, Kind},
    },
};

use super::{Resource, World, WorldError};

/// The initial state of a world. Documents are completed as Google completes them.
pub fn start(world: World, options: Options) -> Result<State, WorldError> {
    let clock = Clock::starting_at(world.now.unwrap_or(options.now));
    let now = clock.now();
    let faults = match options.quotas {
        Quotas::None => Faults::default(),
        Quotas::Google => Faults::with_quotas(&GOOGLE),
    };
    let mut state = State {
        dice: Dice::new(options.seed.unwrap_or(world.seed)),
        options,
        clock,
        projects: world.projects,
        regions: world.regions,
        store: Store::default(),
        policies: world.policies,
        operations: Operations::default(),
        audit: AuditLog::default(),
        calls: Calls::default(),
        faults,
        last_message: 0,
        messages: Messages::default(),
        requests: VecDeque::new(),
        jobs_to_run: Vec::new(),
    };
    for Resource { kind, path, from, document } in world.resources {
        let document = match document {
            Some(Value::Object(document)) => Some(completed(&state, kind, &path, document, now)?),
            _ => None,
        };
        state.store.write(kind.collection, &path, from.unwrap_or(now), document);
    }
    for operation in world.operations {
        state.operations.add(operation, now);
    }
    Ok(state)
}

fn completed(
    state: &State,
    kind: &'static Kind,
    path: &str,
    mut document: Map<String, Value>,
    now: jiff::Timestamp,
) -> Result<Value, WorldError> {
    if kind.service != Service::Compute {
        return Ok(Value::Object(document));
    }
    let project = links::project(path);
    let wrong = |why: String| WorldError { at: format!("resources.{}: {path}", kind.collection), why };
    fields::expand_links(kind.fields, &mut document, project, "document").map_err(|refusal| wrong(refusal.message))?;
    let draw = state.dice.fixed(path);
    document.entry("kind").or_insert_with(|| kind.message.into());
    document.entry("id").or_insert_with(|| draw.id().into());
    document.entry("creationTimestamp").or_insert_with(|| written(now).into());
    let region = path.strip_prefix(&format!("projects/{project}/regions/")).and_then(|rest| rest.split('/').next());
    let draft = Draft {
        accepted: state.store.accepted(now),
        now,
        draw: &draw,
        project,
        number: state.number(project),
        region,
        regions: &state.regions,
        path,
        query: &[],
        before: None,
    };
    kind.rules.complete(&draft, &mut document);
    Ok(Value::Object(document))
}

/// The world as it is now, with the changes that are still to come.
pub fn of(state: &State) -> World {
    let now = state.clock.now();
    let seen = state.store.all(View { deleted: true, ..View::at(now) });
    let seen = seen.map(|(collection, path, document)| (collection, path, None, Some(document.clone())));
    let later = state.store.future(now);
    let later = later.map(|(from, collection, path, document)| (collection, path, Some(from), document.cloned()));
    let resources = seen.chain(later).filter_map(|(collection, path, from, document)| {
        let kind = KINDS.of_collection(collection)?;
        Some(Resource { kind, path: path.to_owned(), from, document })
    });
    World {
        now: Some(now),
        seed: state.dice.seed(),
        regions: state.regions.clone(),
        projects: state.projects.clone(),
        resources: resources.collect(),
        policies: state.policies.clone(),
        operations: state.operations.all().cloned().collect(),
    }
}
