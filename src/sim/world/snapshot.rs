//! Between a world as a document and a world that lives.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use crate::sim::{
    api::{fields, links, service::Service},
    audit::log::AuditLog,
    cloud::Options,
    faults::Faults,
    http::calls::Calls,
    services::pubsub::delivery::Mail,
    state::{State, operations::Operations},
    store::{
        clock::{Clock, written},
        dice::Dice,
        documents::{Eyes, Store},
        kind::{Draft, Kind},
    },
    world::{Resource, World, WorldError},
};

/// Begins a world: documents written by hand are completed as Google would complete them.
pub fn alive(world: World, options: Options) -> Result<State, WorldError> {
    let clock = Clock::starting_at(world.now.unwrap_or(options.now));
    let now = clock.now();
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
        faults: Faults::default(),
        messages: 0,
        mail: Mail::default(),
        requests: VecDeque::new(),
        told_to_run: Vec::new(),
    };
    for Resource { kind, path, from, document } in world.resources {
        let document = match document {
            Some(Value::Object(document)) => Some(completed(&state, kind, &path, document, now)?),
            _ => None,
        };
        state.store.write(kind, &path, from.unwrap_or(now), document);
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
        standing: state.store.standing(now),
        now,
        draw: &draw,
        project,
        number: state.number(project),
        region,
        regions: &state.regions,
        path,
        before: None,
    };
    kind.rules.complete(&draft, &mut document);
    Ok(Value::Object(document))
}

/// The world as it stands, with what is to come.
pub fn of(state: &State) -> World {
    let now = state.clock.now();
    let seen = state.store.all(Eyes { deleted: true, ..Eyes::at(now) }).map(|(kind, path, document)| Resource {
        kind,
        path: path.to_owned(),
        from: None,
        document: Some(document.clone()),
    });
    let later = state.store.future(now).map(|(from, kind, path, document)| Resource {
        kind,
        path: path.to_owned(),
        from: Some(from),
        document: document.cloned(),
    });
    World {
        now: Some(now),
        seed: state.dice.seed(),
        regions: state.regions.clone(),
        projects: state.projects.clone(),
        resources: seen.chain(later).collect(),
        policies: state.policies.clone(),
        operations: state.operations.all().cloned().collect(),
    }
}
